"""What can be worked on, what cannot yet, and what stands still: /api/v1/stories/ready, …/blocked, /api/v1/waiting."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, UnsetType

from api.documentation.responses import answers
from api.epics.examples import STORY_LINE
from api.epics.schemas import line_bodies
from api.http.asking import Asker, Asking
from api.pages import QUEUES, PageQuery, page_of
from api.projects.examples import META
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from api.stories.examples import STORY
from api.times import wire_time
from domain.errors import NotFound
from domain.lifecycle.waiting import NEEDS, NeededRole, Why
from domain.tenant_settings import read_settings
from projections.queries.blocking import MOST_SHOWN, Blocking, blocking
from projections.queries.waiting import WaitingFilter, list_waiting
from projections.rows.tenants import find_tenant
from projections.rows.work_queue import QueueFilter, list_blocked, list_ready

TAGS = ["Queues"]
QUEUE_META = {**META, "page_size": QUEUES.default, "limit": QUEUES.default}
BLOCKED_EXAMPLE = {"story": STORY, "blocking_dependencies": [{**STORY_LINE, "via": "story"}], "blocking_count": 1}

WAITING_EXAMPLE = {
    "story": STORY,
    "why": "not_reported",
    "explanation": NEEDS["not_reported"].explanation,
    "needs": {
        "role": "agent", "action": "report", "command": "loopctl report 1.1 --project my-app", "agent_id": None,
    },
    "since": "2026-03-27T12:00:00.000000Z",
}  # fmt: skip


class QueueQuery(PageQuery, frozen=True, kw_only=True):
    project_id: (
        Annotated[str, Meta(description="Id or slug of a project; without it archived ones are left out.")] | UnsetType
    ) = UNSET
    epic_id: Annotated[UUID, Meta(description="Only stories of this epic.")] | UnsetType = UNSET


@get(
    "/api/v1/stories/ready",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the stories that are ready",
    description="Pending, not verified, and everything that they wait for directly is verified. In the order of "
    "their numbers, 100 at a time unless said otherwise, 500 at most.",
    responses=answers(200, "A page of stories", {"data": [STORY], "meta": QUEUE_META}),
)
async def list_ready_stories(services: Provided, asking: Asker, wanted: NamedDependency[QueueQuery]) -> dict[str, Any]:
    page, only = page_of(wanted, QUEUES), await _filter(services, asking, wanted)
    tenant_id = asking.caller.tenant_id
    found = await list_ready(services.reading_once, tenant_id, only, page.limit, page.offset)
    if not found.total:
        await check_there(services, asking, only.project_id, only.epic_id)
    bodies = await services.stories.page(services.reading, tenant_id, found.rows)
    return page.answer(list(bodies.values()), found.total)


@get(
    "/api/v1/stories/blocked",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the stories that are blocked",
    description="Pending or contracted, not verified, and something that they wait for directly is not verified: a "
    f"story, or one in an epic that theirs waits for. The first {MOST_SHOWN} of those are listed, by number, and "
    "all are counted.",
    responses=answers(200, "A page of stories with what blocks them", {"data": [BLOCKED_EXAMPLE], "meta": QUEUE_META}),
)
async def list_blocked_stories(
    services: Provided, asking: Asker, wanted: NamedDependency[QueueQuery]
) -> dict[str, Any]:
    page, only = page_of(wanted, QUEUES), await _filter(services, asking, wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await list_blocked(tx, only, page.limit, page.offset)
        bodies = await services.stories.listed(tx, found.rows)
        reasons = await blocking(tx, {row["story_id"]: row["epic_id"] for row in found.rows})
    if not found.total:
        await check_there(services, asking, only.project_id, only.epic_id)
    data = [{"story": body, **_reasons(reasons[story_id])} for story_id, body in bodies.items()]
    return page.answer(data, found.total)


class WaitingQuery(QueueQuery, frozen=True, kw_only=True):
    role: Annotated[NeededRole, Meta(description="Only what is needed from this role.")] | UnsetType = UNSET
    why: Annotated[Why, Meta(description="Only what waits for this reason.")] | UnsetType = UNSET


@get(
    "/api/v1/waiting",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List what stands still",
    description="Stories that are neither verified nor in a queue nor under a lease that ends by itself: why, what is "
    "needed from which role, since when, and the command that does it. agent_id is there where only that agent can. "
    "Those first that have stood still for longest; since is when the story got there, of a contracted one its last "
    "change.",
    responses=answers(200, "A page of what waits", {"data": [WAITING_EXAMPLE], "meta": QUEUE_META}),
)
async def list_what_waits(services: Provided, asking: Asker, wanted: NamedDependency[WaitingQuery]) -> dict[str, Any]:
    page, named = page_of(wanted, QUEUES), await _filter(services, asking, wanted)
    only = WaitingFilter(
        project_id=named.project_id, epic_id=named.epic_id, role=wanted.role or None, why=wanted.why or None
    )
    async with services.reading(asking.caller.tenant_id) as tx:
        tenant = await find_tenant(tx)
        if tenant is None:
            raise NotFound("Not found")
        policy = read_settings(tenant.settings)
        found = await list_waiting(tx, only, policy, services.utc_now(), (page.limit, page.offset))
        bodies = await services.stories.listed(tx, found.rows)
    if not found.total:
        await check_there(services, asking, only.project_id, only.epic_id)
    data = [_waiting(row, bodies[row["story_id"]]) for row in found.rows if row["story_id"] in bodies]
    return page.answer(data, found.total)


def _waiting(row: Any, story: Any) -> dict[str, Any]:
    need = NEEDS[row["why"]]
    command = need.command.format(row["number"])
    return {
        "story": story,
        "why": row["why"],
        "explanation": need.explanation,
        "needs": {
            "role": need.role,
            "action": need.action,
            "command": f"loopctl {command} --project {row['slug']}",
            "agent_id": row["agent_id"],
        },
        "since": wire_time(row["since"]),
    }


async def _filter(services: Services, asking: Asking, wanted: QueueQuery) -> QueueFilter:
    named = wanted.project_id
    return QueueFilter(
        project_id=None if named is UNSET else await project_id_of(services, asking, named),
        epic_id=None if wanted.epic_id is UNSET else wanted.epic_id,
    )


def _reasons(found: Blocking) -> dict[str, Any]:
    lines = line_bodies([row for row, _ in found.first])
    return {
        "blocking_dependencies": [{**line, "via": via} for line, (_, via) in zip(lines, found.first, strict=True)],
        "blocking_count": found.count,
    }


ROUTES: Sequence[HTTPRouteHandler] = (
    list_ready_stories,
    list_blocked_stories,
    list_what_waits,
)
