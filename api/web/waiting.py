"""What waits for somebody: the API's list of stories that stand still, and what of the tenant itself does."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from api.pages import PageQuery
from api.queues.routes import WaitingQuery, list_what_waits
from api.tenants.routes import show_own_tenant
from api.web.reading import Reader
from api.webhooks.routes import list_webhooks_of_tenant

TONES = {"verify": "reviewing", "reject": "rejected", "force_unclaim": "blocked", "report": "reported",
         "review_complete": "reported"}  # fmt: skip
"""How the badge looks of whom something is needed from, by what is to be done."""


class Waiting(Struct, frozen=True, kw_only=True):
    what: str
    why: str
    needs: str
    """A role."""
    command: str
    since: str | None
    href: str
    tone: str


async def waiting(reader: Reader) -> Sequence[Waiting]:
    """What weighs on the whole tenant first, then the oldest."""
    stories = await reader.all(list_what_waits, WaitingQuery(limit=500))
    return [*await _of_tenant(reader), *map(_story, stories)]


def _story(item: Mapping[str, Any]) -> Waiting:
    story, needs = item["story"], item["needs"]
    return Waiting(
        what=f"{story['number']} {story['title']}", why=item["explanation"], needs=needs["role"],
        command=needs["command"], since=item["since"], href=f"/app/stories/{story['id']}",
        tone=TONES.get(needs["action"], "contracted"),
    )  # fmt: skip


async def _of_tenant(reader: Reader) -> list[Waiting]:
    found = []
    tenant = (await reader.read(show_own_tenant))["tenant"]
    if tenant["custody_halted_at"]:
        found.append(Waiting(
            what="Custody is halted", why="A fork of the log was proven.", needs="user",
            command="loopctl api POST tenants/me/clear-halt --data '{\"reason\": \"…\"}'",
            since=tenant["custody_halted_at"], href="/app/settings", tone="rejected",
        ))  # fmt: skip
    if reader.may(list_webhooks_of_tenant):
        webhooks = await reader.all(list_webhooks_of_tenant, PageQuery(page_size=100))
        found += [_webhook(each) for each in webhooks if not each["active"] and each["disabled_reason"]]
    return found


def _webhook(webhook: Mapping[str, Any]) -> Waiting:
    return Waiting(
        what=f"Webhook {webhook['url']}", why=f"It is disabled: {webhook['disabled_reason']}", needs="user",
        command=f"loopctl webhook update {webhook['id']} --activate", since=webhook["disabled_at"],
        href=f"/app/webhooks/{webhook['id']}", tone="rejected",
    )  # fmt: skip
