"""Projects: /api/v1/projects."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import page_of
from api.paths import ProjectPath
from api.projects.examples import META, PROJECT
from api.projects.schemas import CreateProjectBody, ProjectsQuery, UpdateProjectBody, project_body
from api.services import Provided, Services
from domain.caller import Role
from domain.errors import Forbidden, NotFound
from domain.event import Recorded, Stream
from domain.project import CreateProject, Project, archive_project, create_project, update_project
from domain.tenant_settings import read_settings
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.taken import ACTIVE_PROJECTS, PROJECT_SLUG
from projections.rows.epics import find_epic
from projections.rows.projects import PROJECTS, count_contents, find_project, find_project_id, list_projects
from projections.rows.tenants import TENANTS

TAGS = ["Projects"]
RETRYABLE = ("idempotency_key_reused",)
UPDATING: dict[str, Any] = {
    "opt": {"access": "orchestrator+", "errors": RETRYABLE},
    "tags": TAGS,
    "description": 'What is left out or null stays; "" clears a text. A change of status needs a user key.',
    "responses": answers(200, "The project", {"project": PROJECT}),
}


async def project_id_of(services: Services, asking: Asking, project: str) -> UUID:
    """From an id or a slug. Raises NotFound for an unknown slug; whether an id exists shows later."""
    try:
        return UUID(project)
    except ValueError:
        pass
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_project_id(tx, project)
    if found is None:
        raise NotFound("Not found")
    return found


async def check_there(services: Services, asking: Asking, project_id: UUID | None, epic_id: UUID | None = None) -> None:
    """For lists that found nothing: a wrong id must not read as "nothing left to do". Raises NotFound."""
    if project_id is None and epic_id is None:
        return
    async with services.reading(asking.caller.tenant_id) as tx:
        if project_id is not None and await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        if epic_id is not None and await find_epic(tx, epic_id) is None:
            raise NotFound("Not found")


@get(
    "/api/v1/projects",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List projects",
    description="By name. Only active ones, unless a status or include_archived is given.",
    responses=answers(200, "A page of projects", {"data": [PROJECT], "meta": META}),
)
async def list_projects_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[ProjectsQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    status = wanted.status or (None if wanted.include_archived else "active")
    async with services.reading(asking.caller.tenant_id) as tx:
        found, total = await list_projects(tx, status, wanted.slug or None, page.limit, page.offset)
    return page.answer([project_body(asking.caller.tenant_id, project) for project in found], total)


@get(
    "/api/v1/projects/{project:str}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a project",
    description="By its id or its slug; with the number of its epics and stories.",
    responses=answers(200, "The project", {"project": {**PROJECT, "epic_count": 2, "story_count": 9}}),
)
async def show_project(services: Provided, asking: Asker, project: ProjectPath) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_project(tx, project_id)
        if found is None:
            raise NotFound("Not found")
        counts = await count_contents(tx, project_id)
    return {"project": {**project_body(asking.caller.tenant_id, found), **counts}}


@post(
    "/api/v1/projects",
    opt={"access": "orchestrator+", "errors": ("limit_reached", *RETRYABLE)},
    tags=TAGS,
    summary="Create a project",
    description="The slug is unique in the tenant and never changes. Send an Idempotency-Key to retry safely.",
    status_code=201,
    responses=answers(201, "The project", {"project": PROJECT}),
)
async def create_project_of_tenant(
    services: Provided, asking: Asker, data: JSONBody[CreateProjectBody]
) -> Response[bytes]:
    stream, slug = Stream("project", services.new_id()), PROJECT_SLUG.need(data.slug.strip())
    tenant, active = TENANTS.need(asking.caller.tenant_id), ACTIVE_PROJECTS.need(None)

    def decide(known: Known) -> Sequence[Change]:
        most = read_settings(existing(known, tenant).settings).max_projects
        wish = CreateProject(slug=data.slug.strip(), fields=data.fields(), most_projects=most)
        events = create_project(known[slug] is not None, known[active], wish)
        return [Change(stream, event) for event in events]

    need = PROJECTS.need(stream.id)
    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=partial(_answer, asking, need), needs=(need, slug, tenant, active),
        streams=(stream,), status=201,
    )  # fmt: skip
    return await carry_out(services, asking, command)


@delete(
    "/api/v1/projects/{project:str}",
    opt={"access": "user+", "fresh": True, "errors": RETRYABLE},
    tags=TAGS,
    summary="Archive a project",
    description="Nothing is removed: its stories stay readable, and leave the ready queue of the tenant.",
    status_code=200,
    responses=answers(200, "The project", {"project": {**PROJECT, "status": "archived"}}),
)
async def archive_project_of_tenant(services: Provided, asking: Asker, project: ProjectPath) -> Response[bytes]:
    stream = Stream("project", await project_id_of(services, asking, project))
    need = PROJECTS.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in archive_project(existing(known, need))]

    command = Command(
        origin=origin(services, asking),
        decide=decide,
        answer=partial(_answer, asking, need),
        needs=(need,),
        streams=(stream,),
    )
    return await carry_out(services, asking, command)


def _answer(asking: Asking, need: Need[Project | None], known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    return {"project": project_body(asking.caller.tenant_id, existing(known, need))}


@patch("/api/v1/projects/{project:str}", **UPDATING, operation_id="patch_project", summary="Change a project (PATCH)")
async def patch_project(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[UpdateProjectBody]
) -> Response[bytes]:
    return await _update(services, asking, project, data)


@put("/api/v1/projects/{project:str}", **UPDATING, operation_id="put_project", summary="Change a project (PUT)")
async def put_project(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[UpdateProjectBody]
) -> Response[bytes]:
    """For clients that send that; the same as PATCH."""
    return await _update(services, asking, project, data)


async def _update(services: Services, asking: Asking, project: str, data: UpdateProjectBody) -> Response[bytes]:
    stream = Stream("project", await project_id_of(services, asking, project))
    need, fields = PROJECTS.need(stream.id), data.fields()

    def decide(known: Known) -> Sequence[Change]:
        now = existing(known, need)
        if fields.status not in (UNSET, now.status) and asking.caller.role.rank < Role.USER.rank:
            raise Forbidden("Changing the status of a project requires the user role", code="insufficient_role")
        return [Change(stream, event) for event in update_project(now, fields)]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=partial(_answer, asking, need), needs=(need,),
        streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    list_projects_of_tenant,
    show_project,
    create_project_of_tenant,
    patch_project,
    put_project,
    archive_project_of_tenant,
)
