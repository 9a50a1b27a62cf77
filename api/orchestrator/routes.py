"""Checkpoints of orchestrators: saved with optimistic locking, read back, and every version of them from the log."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.audit.examples import META
from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.orchestrator.schemas import SaveStateBody, StateHistoryQuery, StateQuery, saved_body, state_body
from api.pages import page_of
from api.paths import ProjectPath
from api.projects.routes import RETRYABLE, project_id_of
from api.services import Provided
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.orchestrator_state import DEFAULT_KEY, OrchestratorStateSaved, SaveState, save_state, state_id
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.orchestrator_states import ORCHESTRATOR_STATES, find_state, read_versions
from projections.rows.projects import PROJECTS, find_project

ACCESS = "=orchestrator,superadmin"
TAGS = ["Orchestrator state"]
STATE: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000011",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "project_id": "0193a2b4-0000-7000-8000-000000000002",
    "state_key": "main",
    "state_data": {"phase": 2},
    "version": 3,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:30:00.000000Z",
}
VERSION: dict[str, Any] = {
    "version": 3,
    "state_data": {"phase": 2},
    "saved_by": "orchestrator:main",
    "saved_at": "2026-03-27T12:30:00.000000Z",
}


@put(
    "/api/v1/orchestrator/state/{project:str}",
    opt={"access": ACCESS, "errors": ("version_conflict", *RETRYABLE)},
    tags=TAGS,
    summary="Save a checkpoint",
    description="Whole, over the version that the caller saw last: 0, or none, when there is none yet.",
    responses=answers(200, "The checkpoint", {"state": STATE}),
)
async def save_orchestrator_state(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[SaveStateBody]
) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    key = DEFAULT_KEY if data.state_key is None else data.state_key
    wish = SaveState(project_id=project_id, state_key=key, state_data=data.text, version=data.version)
    stream = Stream("orchestrator_state", state_id(project_id, key))
    of_project, need = PROJECTS.need(project_id), ORCHESTRATOR_STATES.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, of_project)
        return [Change(stream, save_state(known[need], wish))]

    def answer(known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
        return {"state": state_body(asking.caller.tenant_id, existing(known, need))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(of_project, need), streams=(stream,)
    )  # fmt: skip
    return await carry_out(services, asking, command)


@get(
    "/api/v1/orchestrator/state/{project:str}",
    opt={"access": ACCESS},
    tags=TAGS,
    summary="Load a checkpoint",
    responses=answers(200, "The checkpoint", {"state": STATE}),
)
async def load_orchestrator_state(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[StateQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_state(tx, project_id, wanted.state_key)
    if found is None:
        raise NotFound("Not found")
    return {"state": state_body(asking.caller.tenant_id, found)}


@get(
    "/api/v1/orchestrator/state/{project:str}/history",
    opt={"access": ACCESS},
    tags=TAGS,
    summary="Every version of a checkpoint",
    description="Newest first, from the log, so that none is ever lost.",
    responses=answers(200, "A page of versions", {"data": [VERSION], "meta": META}),
)
async def list_orchestrator_states(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[StateHistoryQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        if await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        wished = state_id(project_id, wanted.state_key)
        found, total = await read_versions(tx, services.codec, wished, page.limit, page.offset)
    saved = [(each, each.event) for each in found if isinstance(each.event, OrchestratorStateSaved)]
    return page.answer([saved_body(each, event) for each, event in saved], total)


ROUTES: Sequence[HTTPRouteHandler] = (
    save_orchestrator_state,
    load_orchestrator_state,
    list_orchestrator_states,
)
