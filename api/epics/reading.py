"""Reads of epics: lists, one with its stories, and how far an epic or a project is."""

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.costs.totals import project_cost
from api.documentation.responses import answers
from api.epics.examples import COUNTED_EPIC, EPIC, EPIC_PROGRESS, PROJECT_PROGRESS, STORY_LINE
from api.epics.schemas import (
    EpicsQuery,
    ProgressQuery,
    epic_body,
    epic_progress_body,
    line_bodies,
    project_progress_body,
)
from api.http.asking import Asker
from api.pages import page_of
from api.paths import EpicPath, ProjectPath
from api.projects.examples import META
from api.projects.routes import project_id_of
from api.services import Provided
from domain.errors import NotFound
from projections.queries.story_lists import story_lines
from projections.rows.epic_progress import epic_progress, percentage, project_progress
from projections.rows.epics import find_epic, list_epics
from projections.rows.projects import find_project

TAGS = ["Epics"]


@get(
    "/api/v1/projects/{project:str}/epics",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the epics of a project",
    description="By position and number, with the number of their stories and how many percent are verified.",
    responses=answers(200, "A page of epics", {"data": [COUNTED_EPIC], "meta": META}),
)
async def list_epics_of_project(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[EpicsQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    tenant, page = asking.caller.tenant_id, page_of(wanted)
    async with services.reading(tenant) as tx:
        if await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        found, total = await list_epics(tx, project_id, wanted.phase or None, page.limit, page.offset)
    epics = [
        {
            **epic_body(tenant, each.epic),
            "story_count": each.stories,
            "completion_percentage": percentage(each.verified, each.stories),
        }
        for each in found
    ]
    return page.answer(epics, total)


@get(
    "/api/v1/epics/{epic_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show an epic",
    description="With its stories in the order of their numbers.",
    responses=answers(200, "The epic", {"epic": {**EPIC, "stories": [STORY_LINE]}}),
)
async def show_epic(services: Provided, asking: Asker, epic_id: EpicPath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        epic = await find_epic(tx, epic_id)
        if epic is None:
            raise NotFound("Not found")
        stories = line_bodies(await story_lines(tx, [epic_id]))
    return {"epic": {**epic_body(asking.caller.tenant_id, epic), "stories": stories}}


@get(
    "/api/v1/epics/{epic_id:uuid}/progress",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show how far an epic is",
    responses=answers(200, "The epic's stories by status", {"progress": EPIC_PROGRESS}),
)
async def show_epic_progress(services: Provided, asking: Asker, epic_id: EpicPath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        progress = await epic_progress(tx, epic_id)
    if progress is None:
        raise NotFound("Not found")
    return {"progress": epic_progress_body(progress)}


@get(
    "/api/v1/projects/{project:str}/progress",
    opt={"access": "agent+"},
    tags=["Projects"],
    summary="Show how far a project is",
    description="Archived projects answer too.",
    responses=answers(200, "The project's stories by status", {"progress": PROJECT_PROGRESS}),
)
async def show_project_progress(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[ProgressQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        if await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        progress = await project_progress(tx, project_id)
        costs = await project_cost(tx, project_id) if wanted.include_cost else {}
    return {"progress": {**project_progress_body(progress), **costs}}


ROUTES: Sequence[HTTPRouteHandler] = (
    list_epics_of_project,
    show_epic,
    show_epic_progress,
    show_project_progress,
)
