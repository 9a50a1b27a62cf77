"""Reads of stories: one with all that belongs to it, and lists."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, Struct, UnsetType

from api.costs.totals import with_token_totals
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import STORIES, page_of
from api.paths import EpicPath, StoryPath
from api.projects.examples import META
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from api.stories.examples import STORY
from api.stories.schemas import StoriesOfEpicQuery, StoriesQuery, story_body
from domain.errors import Invalid, NotFound
from domain.numbering import parse_story_number
from eventstore.database.transaction import TenantTx
from projections.queries.story_at import story_at
from projections.queries.story_lists import StoryFilter, list_detailed, list_stories, shown_version
from projections.rows.epics import find_epic

TAGS = ["Stories"]
A_HUNDRED = {**META, "page_size": STORIES.default, "limit": STORIES.default}
SHOWN = {
    **STORY,
    "dependencies": [{"story_id": STORY["id"], "depends_on_story_id": "0193a2b4-0000-7000-8000-000000000005"}],
    "artifacts": [],
    "latest_verification": None,
    "project_mission": "Ship it",
}


@get(
    "/api/v1/stories",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List stories",
    description="Of a project, in the order of their numbers; without project_id of all of them, archived ones too, "
    "one project after the other. 100 at a time unless limit says otherwise, 500 at most.",
    responses=answers(200, "A page of stories", {"data": [STORY], "meta": A_HUNDRED}),
)
async def list_stories_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[StoriesQuery]
) -> dict[str, Any]:
    number = _number(wanted.number)
    project_id = None if wanted.project_id is UNSET else await project_id_of(services, asking, wanted.project_id)
    only = StoryFilter(
        project_id=project_id, epic_id=wanted.epic_id or None, agent_status=wanted.agent_status or None,
        verified_status=wanted.verified_status or None, number=number, **_details(wanted),
    )  # fmt: skip
    page = page_of(wanted, STORIES)
    tenant_id = asking.caller.tenant_id
    if only.detailed:
        async with services.reading(tenant_id) as tx:
            found = await list_detailed(tx, only, page.limit, page.offset)
    else:
        found = await list_stories(services.reading_once, tenant_id, only, page.limit, page.offset)
    if not found.total:
        await check_there(services, asking, only.project_id, only.epic_id)
        if only.parent_id and await shown_version(services.reading_once, tenant_id, only.parent_id) is None:
            raise NotFound("Not found")
    bodies = await services.stories.page(services.reading, tenant_id, found.rows, only)
    if wanted.include_token_totals:
        async with services.reading(tenant_id) as tx:
            bodies = await with_token_totals(tx, bodies)
    return page.answer(list(bodies.values()), found.total)


@get(
    "/api/v1/epics/{epic_id:uuid}/stories",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the stories of an epic",
    description="In the order of their numbers.",
    responses=answers(200, "A page of stories", {"data": [STORY], "meta": META}),
)
async def list_stories_of_epic(
    services: Provided, asking: Asker, epic_id: EpicPath, wanted: NamedDependency[StoriesOfEpicQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    only = StoryFilter(
        epic_id=epic_id, agent_status=wanted.agent_status or None, verified_status=wanted.verified_status or None
    )
    tenant_id = asking.caller.tenant_id
    found = await list_stories(services.reading_once, tenant_id, only, page.limit, page.offset)
    if not found.rows:
        async with services.reading(tenant_id) as tx:
            if await find_epic(tx, epic_id) is None:
                raise NotFound("Not found")
    bodies = await services.stories.page(services.reading, tenant_id, found.rows, only)
    if wanted.include_token_totals:
        async with services.reading(tenant_id) as tx:
            bodies = await with_token_totals(tx, bodies)
    return page.answer(list(bodies.values()), found.total)


class ShowQuery(Struct, frozen=True, kw_only=True):
    include_token_totals: Annotated[bool, Meta(description="With what it has cost; not with `at`.")] = False
    at: Annotated[int, Meta(ge=0, description="A position in the log: the story as of then.")] | UnsetType = UNSET


@get(
    "/api/v1/stories/{story_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a story",
    description="With the stories that it waits for, its artifacts, its newest verification and the mission of its "
    "project, where that has one.",
    responses=answers(200, "The story", {"story": SHOWN}),
)
async def show_story_by_id(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[ShowQuery]
) -> dict[str, Any]:
    tenant_id = asking.caller.tenant_id
    if wanted.at is not UNSET:
        if wanted.include_token_totals:
            raise Invalid(at="shows no totals: leave it out, or include_token_totals")
        async with services.reading(tenant_id) as tx:
            return {"story": await _as_it_was(services, asking, tx, story_id, wanted.at)}
    body = await services.stories.shown(services.reading_once, services.reading, tenant_id, story_id)
    if body is None:
        raise NotFound("Not found")
    if wanted.include_token_totals:
        async with services.reading(tenant_id) as tx:
            body = (await with_token_totals(tx, {story_id: body}))[story_id]
    return {"story": body}


async def _as_it_was(services: Services, asking: Asking, tx: TenantTx, story_id: UUID, position: int) -> dict[str, Any]:
    """From its own events up to that place in the log; what was said beside it is not shown."""
    found = await story_at(tx, services.codec, story_id, position)
    if found is None:
        raise NotFound("Not found")
    return {**story_body(asking.caller.tenant_id, *found), "at": position}


def _details(wanted: StoriesQuery) -> dict[str, Any]:
    names = ("external_id", "external_source", "label", "priority", "assignee", "parent_id")
    return {name: value for name in names if (value := getattr(wanted, name)) is not UNSET}


def _number(text: str | UnsetType) -> str | None:
    """As stories keep it. Raises Invalid."""
    if text is UNSET:
        return None
    number = parse_story_number(text)
    if number is None:
        raise Invalid(number='must be "major" or "major.minor", each from 0 to 9999')
    return number.text


ROUTES: Sequence[HTTPRouteHandler] = (
    list_stories_of_tenant,
    list_stories_of_epic,
    show_story_by_id,
)
