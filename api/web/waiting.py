"""What waits for somebody: what is needed, from whom, since when, and the command that does it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from api.lifecycle.records import list_reviews_of_story
from api.pages import PageQuery
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.tenants.routes import show_own_tenant
from api.web.reading import Reader
from api.web.standing import is_stale
from api.webhooks.routes import list_webhooks_of_tenant

MOST_ASKED = 50
"""Stories of which it is asked whether somebody has reviewed them."""


class Waiting(Struct, frozen=True, kw_only=True):
    what: str
    why: str
    needs: str
    """A role."""
    command: str
    since: str | None
    href: str
    tone: str
    """How its badge looks."""


async def waiting(reader: Reader, stories: Sequence[Mapping[str, Any]] | None = None) -> Sequence[Waiting]:
    """The oldest first. ``stories`` are the tenant's, where somebody has read them already."""
    if stories is None:
        stories = await reader.all(list_stories_of_tenant, StoriesQuery(limit=500))
    now = reader.services.utc_now()
    found = [*await _of_tenant(reader), *_of_stories(stories, now)]
    reported = [each for each in stories if _is_reported(each)]
    for place, story in enumerate(sorted(reported, key=lambda each: each["reported_done_at"] or "")):
        reviewed = place < MOST_ASKED and await _is_reviewed(reader, story)
        found.append(_verification(story) if reviewed else _review(story))
    return sorted(found, key=lambda each: each.since or "")


def _is_reported(story: Mapping[str, Any]) -> bool:
    return bool(story["agent_status"] == "reported_done" and story["verified_status"] != "verified")


async def _is_reviewed(reader: Reader, story: Mapping[str, Any]) -> bool:
    reviews = await reader.read(list_reviews_of_story, story_id=story["id"], wanted=PageQuery(page_size=1))
    since = story["reported_done_at"] or ""
    return any(str(review["inserted_at"]) >= since for review in reviews["data"])


def _of_stories(stories: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[Waiting]:
    for story in stories:
        if is_stale(story, now):
            yield _of(story, "Its lease has run out", "orchestrator", "unclaim --force --reason \"lease ran out\"",
                      story["lease_expires_at"], "blocked")  # fmt: skip
        elif story["verifier_needed"]:
            yield _of(story, "Nobody could be drawn to verify it", "orchestrator", "draw-verifier",
                      story["reported_done_at"] or story["updated_at"], "reviewing")  # fmt: skip
        elif story["agent_status"] == "implementing" and story["review_requested_at"]:
            yield _of(
                story, "A review was asked for", "another agent", "report", story["review_requested_at"], "reported"
            )
        elif story["verified_status"] == "rejected" and story["agent_status"] == "pending":
            yield _of(
                story, f"Rejected: {story['rejection_reason']}", "agent", "contract", story["rejected_at"], "rejected"
            )


def _review(story: Mapping[str, Any]) -> Waiting:
    return _of(story, "Reported as done, and nobody has reviewed it", "another agent", "review-complete",
               story["reported_done_at"], "reported")  # fmt: skip


def _verification(story: Mapping[str, Any]) -> Waiting:
    return _of(story, "Reviewed, and not verified", "orchestrator", "verify", story["reported_done_at"], "reviewing")


def _of(story: Mapping[str, Any], why: str, needs: str, step: str, since: str | None, tone: str) -> Waiting:
    name, *options = step.split(" ", 1)
    return Waiting(
        what=f"{story['number']} {story['title']}", why=why, needs=needs,
        command=" ".join(("loopctl", name, story["id"], *options)), since=since,
        href=f"/app/stories/{story['id']}", tone=tone,
    )  # fmt: skip


async def _of_tenant(reader: Reader) -> list[Waiting]:
    found = []
    tenant = (await reader.read(show_own_tenant))["tenant"]
    if tenant.get("custody_halted_at"):
        found.append(Waiting(
            what="Custody is halted", why="A fork of the log was proven", needs="user",
            command="loopctl api POST tenants/me/clear-halt", since=tenant["custody_halted_at"], href="/app/settings",
            tone="rejected",
        ))  # fmt: skip
    if not reader.may(list_webhooks_of_tenant):
        return found
    webhooks = await reader.all(list_webhooks_of_tenant, PageQuery(page_size=100))
    found += [_webhook(each) for each in webhooks if not each["active"] and each["disabled_reason"]]
    return found


def _webhook(webhook: Mapping[str, Any]) -> Waiting:
    return Waiting(
        what=f"Webhook {webhook['url']}", why=f"Disabled: {webhook['disabled_reason']}", needs="user",
        command=f"loopctl webhook update {webhook['id']} --activate", since=webhook["disabled_at"],
        href=f"/app/webhooks/{webhook['id']}", tone="rejected",
    )  # fmt: skip
