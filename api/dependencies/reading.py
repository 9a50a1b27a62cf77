"""Reads of dependencies: lists, and the whole graph of a project."""

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.dependencies.examples import EPIC_DEPENDENCY, GRAPH, STORY_DEPENDENCY
from api.dependencies.schemas import dependency_body, graph_body
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import PageQuery, page_of
from api.paths import EpicPath, ProjectPath
from api.projects.examples import META
from api.projects.routes import project_id_of
from api.services import Provided
from domain.errors import NotFound
from projections.queries.story_lists import story_lines
from projections.rows.epics import find_epic, list_epics
from projections.rows.projects import find_project
from projections.rows.story_dependencies import epic_edges, page_of_epic_edges, page_of_story_edges, story_edges

TAGS = ["Dependencies"]


@get(
    "/api/v1/projects/{project:str}/epic_dependencies",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the dependencies between a project's epics",
    description="Oldest first.",
    responses=answers(200, "A page of dependencies", {"data": [EPIC_DEPENDENCY], "meta": META}),
)
async def list_epic_dependencies(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    tenant, page = asking.caller.tenant_id, page_of(wanted)
    async with services.reading(tenant) as tx:
        if await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        edges, total = await page_of_epic_edges(tx, project_id, page.limit, page.offset)
    return page.answer([dependency_body(tenant, "epic", edge) for edge in edges], total)


@get(
    "/api/v1/epics/{epic_id:uuid}/story_dependencies",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the dependencies of an epic's stories",
    description="Those with either end in the epic, oldest first.",
    responses=answers(200, "A page of dependencies", {"data": [STORY_DEPENDENCY], "meta": META}),
)
async def list_story_dependencies(
    services: Provided, asking: Asker, epic_id: EpicPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    tenant, page = asking.caller.tenant_id, page_of(wanted)
    async with services.reading(tenant) as tx:
        if await find_epic(tx, epic_id) is None:
            raise NotFound("Not found")
        edges, total = await page_of_story_edges(tx, epic_id, page.limit, page.offset)
    return page.answer([dependency_body(tenant, "story", edge) for edge in edges], total)


@get(
    "/api/v1/projects/{project:str}/dependency_graph",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show the dependency graph of a project",
    description="Epics by position and number, their stories by number; dependencies from what waits to what it "
    "waits for.",
    responses=answers(200, "The graph", {"graph": GRAPH}),
)
async def show_dependency_graph(services: Provided, asking: Asker, project: ProjectPath) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        if await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        epics, _ = await list_epics(tx, project_id, None, None, 0)
        lines = await story_lines(tx, [each.epic.epic_id for each in epics])
        edges = {
            "epic_dependencies": await epic_edges(tx, project_id),
            "story_dependencies": await story_edges(tx, project_id),
        }
    return {"graph": graph_body(epics, lines, edges)}


ROUTES: Sequence[HTTPRouteHandler] = (
    list_epic_dependencies,
    list_story_dependencies,
    show_dependency_graph,
)
