"""POST /api/v1/projects."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import JSONBody

from api.asking import Asking, asking_of
from api.projects.schemas import CreateProjectBody, Project, ProjectAnswer
from api.services import Services
from api.written import refused, written
from domain.event import Recorded, Stream
from domain.project import CreateProject, ProjectCreated, create_project
from eventstore.command import Change, Command, Need, Reply

EXAMPLE: dict[str, Any] = {
    "project": {
        "id": "0193a2b4-0000-7000-8000-000000000002",
        "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
        "name": "My App",
        "slug": "my-app",
        "repo_url": None,
        "description": None,
        "tech_stack": None,
        "status": "active",
        "mission": None,
        "metadata": {},
        "inserted_at": "2026-03-27T12:00:00.000000Z",
        "updated_at": "2026-03-27T12:00:00.000000Z",
    }
}

DEFAULT_MOST_PROJECTS = 50

ACTIVE_PROJECTS = Need("active_projects", None)


def project_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    @post(
        "/api/v1/projects",
        opt={"access": "orchestrator+", "errors": ("limit_reached", "idempotency_key_reused")},
        tags=["Projects"],
        summary="Create a project",
        description="The slug is unique in the tenant and never changes. Send an Idempotency-Key to retry safely.",
        status_code=201,
        responses={201: ResponseSpec(ProjectAnswer, False, "The project", examples=[Example(value=EXAMPLE)])},
    )
    async def create(request: Request[Any, Any, Any], data: JSONBody[CreateProjectBody]) -> Response[bytes]:
        asking = asking_of(request)
        command = _command(asking, data, services.utc_now(), services.new_id())
        return await written(asking, await services.submit(asking.caller.tenant_id, command), services.log_reader)

    return [create]


def _command(asking: Asking, body: CreateProjectBody, at: datetime, project_id: UUID) -> Command:
    stream = Stream("project", project_id)
    slug = Need("project_slug", body.slug)
    wish = CreateProject(
        project_id=project_id, name=body.name, slug=body.slug, repo_url=body.repo_url, description=body.description,
        tech_stack=body.tech_stack, mission=body.mission, metadata=body.metadata or {},
        most_projects=DEFAULT_MOST_PROJECTS,
    )  # fmt: skip

    def decide(known: Mapping[Need, Any]) -> Sequence[Change]:
        return [Change(stream, event) for event in create_project(known[slug], known[ACTIVE_PROJECTS], wish)]

    return Command(
        actor=asking.caller.actor, at=at, needs=(slug, ACTIVE_PROJECTS), streams=(stream,), decide=decide,
        reply=lambda recorded: _created(asking.caller.tenant_id, recorded[0]), refuse=refused,
        idempotency=asking.idempotency,
    )  # fmt: skip


def _created(tenant_id: UUID, recorded: Recorded) -> Reply:
    event = recorded.event
    if not isinstance(event, ProjectCreated):
        raise TypeError("a project begins with project.created")
    project = Project(
        id=recorded.stream.id, tenant_id=tenant_id, name=event.name, slug=event.slug, repo_url=event.repo_url,
        description=event.description, tech_stack=event.tech_stack, status=event.status, mission=event.mission,
        metadata=event.metadata, inserted_at=recorded.at, updated_at=recorded.at,
    )  # fmt: skip
    return Reply(201, msgspec.json.encode(ProjectAnswer(project)), recorded.position)
