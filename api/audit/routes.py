"""Who did what: the audit trail, the history of a story, and what observers add."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.audit.examples import ENTRY, PAGE
from api.audit.schemas import ObserveBody, TrailQuery, audit_body, with_pagination
from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import PageQuery, page_of
from api.paths import StoryPath
from api.projects.routes import RETRYABLE, check_there, project_id_of
from api.services import Provided, Services
from domain.audit_entry import audit_entry
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.observation import Observation, observe
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.queries.audit_trail import read_history, read_trail
from projections.rows.projects import PROJECTS
from projections.rows.stories import STORIES

TAGS = ["Audit"]


@get(
    "/api/v1/audit",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="List the audit trail",
    description="Newest first; every mutation of the tenant, made from the log. An orchestrator does not see what "
    "happened to keys and settings. With filters, total_count counts no further than 100,000.",
    responses=answers(200, "A page of entries", PAGE),
)
async def list_audit(services: Provided, asking: Asker, wanted: NamedDependency[TrailQuery]) -> dict[str, Any]:
    tenant_id, page = asking.caller.tenant_id, page_of(wanted)
    project_id = await project_id_of(services, asking, wanted.project_id) if wanted.project_id else None
    only = wanted.filter(project_id, secretive=asking.caller.role == "orchestrator")
    async with services.reading(tenant_id) as tx:
        found, total = await read_trail(tx, services.codec, only, page.limit, page.offset)
    if not total:
        await check_there(services, asking, project_id)
    return with_pagination(page, [audit_body(audit_entry(tenant_id, each)) for each in found], total)


@get(
    "/api/v1/stories/{story_id:uuid}/history",
    opt={"access": "any"},
    tags=TAGS,
    summary="The history of a story",
    description="Oldest first, from its creation or import on. A deleted story keeps its history.",
    responses=answers(200, "A page of entries", PAGE),
)
async def show_history(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    tenant_id, page = asking.caller.tenant_id, page_of(wanted)
    async with services.reading(tenant_id) as tx:
        found, total = await read_history(tx, services.codec, story_id, page.limit, page.offset)
    if not total:
        raise NotFound("Not found")
    return with_pagination(page, [audit_body(audit_entry(tenant_id, each)) for each in found], total)


@post(
    "/api/v1/audit/events",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Add an observation to the audit trail",
    description="For observers of the work. Its action is observe.<event>; who says it follows from the key.",
    status_code=201,
    responses=answers(201, "The entry", {"data": {**ENTRY, "action": "observe.session_started"}}),
)
async def add_observation(services: Provided, asking: Asker, data: JSONBody[ObserveBody]) -> Response[bytes]:
    stream = Stream("audit", services.new_id())
    observation = await _observation(services, asking, data, stream)
    needs = _needed(observation)

    def decide(known: Known) -> Sequence[Change]:
        for need in needs:
            existing(known, need)
        return [Change(stream, observe(observation))]

    def answer(_: Known, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return {"data": audit_body(audit_entry(asking.caller.tenant_id, recorded[0]))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=needs, streams=(stream,), status=201
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def _observation(services: Services, asking: Asking, body: ObserveBody, stream: Stream) -> Observation:
    """Raises NotFound for ids that are none."""
    project_id = await project_id_of(services, asking, body.project_id) if body.project_id else None
    return Observation(
        name=body.event or "",
        entity_type=body.entity_type or None,
        entity_id=_id(body.entity_id) if body.entity_id else _about(stream.id, body.entity_type, project_id),
        project_id=project_id,
        data=body.text,
    )


def _about(own: UUID, entity_type: str | None, project_id: UUID | None) -> UUID:
    """What an observation without an id is about: its project where it says so, else a session of its own."""
    return project_id if entity_type == "project" and project_id else own


def _needed(observation: Observation) -> Sequence[Need[Any]]:
    """Stories and projects must be there, and be the tenant's; a session is whatever the observer calls one."""
    needs: list[Need[Any]] = [PROJECTS.need(observation.project_id)] if observation.project_id else []
    if observation.entity_type == "story":
        needs.append(STORIES.need(observation.entity_id))
    elif observation.entity_type == "project":
        needs.append(PROJECTS.need(observation.entity_id))
    return list(dict.fromkeys(needs))


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("Not found") from None


ROUTES: Sequence[HTTPRouteHandler] = (
    list_audit,
    show_history,
    add_observation,
)
