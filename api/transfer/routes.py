"""A project's work in one piece: /api/v1/projects/{project}/import and /export."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import structs

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.limits import LARGE_BODY_BYTES, LARGE_BODY_SECONDS
from api.http.spool import Spool
from api.paths import ProjectPath
from api.projects.routes import project_id_of
from api.services import Provided, Services
from api.transfer.examples import EXPORT, IMPORTED, MERGED
from api.transfer.form import import_schema
from api.transfer.schemas import Asked, Export, ImportBody, ImportQuery, export_pieces
from api.transfer.summary import import_answer
from domain.caller import Caller, Role
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.importing.payload import Given, Payload, read_payload
from domain.importing.plan import ImportWish, ProjectContents, most_new, plan_import
from domain.lifecycle.identity import identity_of
from domain.lifecycle.refusals import check_active
from domain.tenant_settings import read_settings
from eventstore.gc_pauses import collector_paused
from eventstore.log.command import Change, Command, Known, existing
from projections.facts.import_contents import IMPORT_CONTENTS, ImportScope
from projections.queries.exports import begin_export
from projections.rows.agents import AGENTS
from projections.rows.projects import PROJECTS
from projections.rows.tenants import TENANTS

TAGS = ["Import and export"]
MANY = 50
"""New things of an import that take long enough to be decided aside."""
ABOUT_IMPORT = (
    "All of it or nothing, in the form of the JSON Schema at /api/v1/schemas/import. Stories may come in as done "
    "(`initial_agent_status: reported_done`) or, from a user or an orchestrator that belongs to an agent, as verified "
    "(`initial_verified_status: pass`). With `merge` epics and stories that are there are updated by their number, "
    "statuses never, and the answer is 200 with counts of both. What an import cannot set is named in `not_imported`, "
    "what it does not know in `ignored`."
)
ERRORS = (
    "import_conflict", "export_outdated", "import_invalid", "cycle_detected", "cross_level_deadlock",
    "orchestrator_agent_required", "agent_deactivated", "evidence_required", "idempotency_key_reused",
)  # fmt: skip


@post(
    "/api/v1/projects/{project:str}/import",
    opt={
        "access": "=orchestrator,user,superadmin",
        "body_bytes": LARGE_BODY_BYTES,
        "request_seconds": LARGE_BODY_SECONDS,
        "places": "imports",
        "halts": True,
        "errors": ERRORS,
    },
    tags=TAGS,
    summary="Import epics, stories and dependencies",
    description=ABOUT_IMPORT,
    status_code=201,
    responses={**answers(201, "What was created", IMPORTED), **answers(200, "With merge", MERGED)},
)
async def import_into_project(
    services: Provided,
    asking: Asker,
    project: ProjectPath,
    wanted: NamedDependency[ImportQuery],
    data: JSONBody[ImportBody],
) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    asked = Asked.of(wanted, data)
    payload, ids = await asyncio.to_thread(_read, data.given(), services.new_id)
    if isinstance(payload, Invalid):
        return await carry_out(services, asking, _refusing(services, asking, project_id, payload))
    wish = ImportWish(
        project_id=project_id,
        payload=payload,
        merge=asked.merge,
        if_position=asked.if_position,
        ids=ids,
        may_verify=may_verify(asking.caller),
        importer=identity_of(asking.caller),
        at=services.utc_now(),
    )
    return await carry_out(services, asking, _importing(services, asking, wish, rehearsal=asked.dry_run))


@get(
    "/api/v1/schemas/import",
    opt={"access": "public"},
    tags=["Discovery"],
    summary="JSON Schema of an import",
    description="What POST /api/v1/projects/{project}/import takes. docs/import.md explains it.",
    responses={200: ResponseSpec(dict[str, Any], False, "A JSON Schema of 2020-12")},
)
async def show_import_schema() -> dict[str, Any]:
    return import_schema()


@get(
    "/api/v1/projects/{project:str}/export",
    opt={"access": "agent+", "request_seconds": LARGE_BODY_SECONDS, "places": "exports"},
    tags=TAGS,
    summary="Export a project",
    description="Everything by number, as it is at one moment. The body can be imported into another project.",
    responses=answers(200, "The project with its epics, stories and dependencies", EXPORT),
)
async def export_project(services: Provided, asking: Asker, project: ProjectPath) -> Response[Any]:
    tenant_id, project_id = asking.caller.tenant_id, await project_id_of(services, asking, project)
    made = Spool()
    async with services.reading(tenant_id) as tx:
        found = await begin_export(tx, project_id)
        if found is None:
            raise NotFound("Not found")
        made_of, position = found
        export = Export(
            tenant_id=tenant_id, at=services.utc_now(), version=services.version, project=made_of, position=position
        )
        async for piece in export_pieces(tx, export):
            await made.add(piece)
    # No connection is held from here on, however slow the client is to read.
    return await made.answer("application/json")


def may_verify(caller: Caller) -> bool:
    """May bring in stories as done: a person of the tenant, or an orchestrator whose agent answers for it."""
    if caller.superadmin:
        return False
    return caller.role == Role.USER or (caller.role == Role.ORCHESTRATOR and caller.agent_type == "orchestrator")


def _read(given: Given, new_id: Callable[[], UUID]) -> tuple[Payload | Invalid, Sequence[UUID]]:
    """With as many new ids as it may take. What is wrong with the payload is said only to who may see the project."""
    try:
        with collector_paused():
            payload = read_payload(given)
            return payload, [new_id() for _ in range(most_new(payload))]
    except Invalid as error:
        return error, ()


def _refusing(services: Services, asking: Asking, project_id: UUID, error: Invalid) -> Command:
    project = PROJECTS.need(project_id)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, project)
        raise error

    return Command(
        origin=origin(services, asking), decide=decide, answer=lambda _, __: None, needs=(project,), streams=()
    )


def _importing(services: Services, asking: Asking, wish: ImportWish, *, rehearsal: bool) -> Command:
    project = PROJECTS.need(wish.project_id)
    numbers = tuple(wish.payload.story_numbers) if wish.merge else None
    agent = AGENTS.need(asking.caller.agent_id) if asking.caller.agent_id else None
    contents = IMPORT_CONTENTS.need(ImportScope(wish.project_id, numbers, wish.if_position))
    tenant = TENANTS.need(asking.caller.tenant_id)
    needs = (project, contents, tenant, *((agent,) if agent else ()))

    def decide(known: Known) -> Sequence[Change]:
        existing(known, project)
        check_active(known[agent] if agent else None)
        mine = structs.replace(wish, policy=read_settings(existing(known, tenant).settings))
        return [Change(stream, event) for stream, event in plan_import(mine, known[contents])]

    def streams(known: Known) -> Sequence[Stream]:
        there: ProjectContents = known[contents]
        updated = [Stream("epic", epic.epic_id) for epic in there.epics.values()]
        updated += [Stream("story", story.story_id) for story, _ in there.whole.values()]
        return [Stream("project", wish.project_id), *updated]

    def answer(known: Known, recorded: Sequence[Recorded]) -> dict[str, Any]:
        facts = [(each.stream, each.event) for each in recorded]
        return import_answer(existing(known, project), wish, known[contents], facts)

    return Command(
        origin=origin(services, asking),
        decide=decide, answer=answer, needs=needs, streams=streams, status=200 if wish.merge else 201,
        alone=True, aside=len(wish.ids) > MANY, rehearsal=rehearsal,
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (
    show_import_schema,
    import_into_project,
    export_project,
)
