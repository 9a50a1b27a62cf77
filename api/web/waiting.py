"""What waits for somebody: the API's list of stories that stand still, leases that ran out, drafts, and what of the
tenant itself does."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from api.knowledge.curating import list_drafts
from api.knowledge.schemas import DraftsQuery
from api.pages import PageQuery
from api.queues.routes import WaitingQuery, list_what_waits
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.tenants.routes import show_own_tenant
from api.web.reading import Reader
from api.web.standing import is_stale
from api.webhooks.routes import list_webhooks_of_tenant
from domain.story import AgentStatus

TONES = {"verify": "reviewing", "reject": "rejected", "force_unclaim": "blocked", "report": "reported",
         "review_complete": "reported"}  # fmt: skip
"""How the badge looks of whom something is needed from, by what is to be done."""

HELD: tuple[AgentStatus, ...] = ("assigned", "implementing")


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
    """What weighs on the whole tenant first, then leases that ran out, then the oldest of stories, then drafts."""
    stories = await reader.all(list_what_waits, WaitingQuery(limit=500))
    return [
        *await _of_tenant(reader), *map(_late, await _ran_out(reader)), *map(_story, stories), *await _drafts(reader),
    ]  # fmt: skip


async def how_many_wait(reader: Reader) -> int:
    """The length of that list, without reading the stories that stand still."""
    stories: int = (await reader.read(list_what_waits, wanted=WaitingQuery(limit=1)))["meta"]["total_count"]
    beside = await _of_tenant(reader), await _ran_out(reader), await _drafts(reader)
    return stories + sum(map(len, beside))


async def _ran_out(reader: Reader) -> Sequence[Mapping[str, Any]]:
    """The API leaves them out, as such a lease ends by itself: until something ends it, they are here. Those of which
    a review was asked for are among what the API lists."""
    now = reader.services.utc_now()
    held = [
        story
        for status in HELD
        for story in await reader.all(list_stories_of_tenant, StoriesQuery(agent_status=status, limit=500))
    ]
    return sorted(
        (each for each in held if is_stale(each, now) and not _asked_for_review(each)),
        key=lambda each: str(each["lease_expires_at"]),
    )


def _asked_for_review(story: Mapping[str, Any]) -> bool:
    return story["agent_status"] == "implementing" and story["review_requested_at"] is not None


def _late(story: Mapping[str, Any]) -> Waiting:
    return Waiting(
        what=f"{story['number']} {story['title']}", needs="orchestrator", since=story["lease_expires_at"],
        why="Its lease has run out: the service gives it back by itself within minutes, or an orchestrator does now.",
        command=f"loopctl unclaim {story['id']} --force", href=f"/app/stories/{story['id']}", tone="blocked",
    )  # fmt: skip


async def _drafts(reader: Reader) -> list[Waiting]:
    """One line for all of them: the page of knowledge has each."""
    if not reader.may(list_drafts):
        return []
    found = await reader.read(list_drafts, wanted=DraftsQuery(page_size=1))
    count = found["meta"]["total_count"]
    return [] if not count else [Waiting(
        what=f"{count} {'draft of knowledge waits' if count == 1 else 'drafts of knowledge wait'}",
        why="Nobody finds what is not published. Each stands on the page of knowledge, with its command.",
        needs="orchestrator", command="loopctl api GET knowledge/drafts", since=None, href="/app/knowledge",
        tone="contracted",
    )]  # fmt: skip


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
            what="Custody is halted", needs="user",
            why="A fork of the log was proven, or somebody tried to confirm own work where that halts it.",
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
