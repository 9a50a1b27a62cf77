"""A project's work in one piece: /api/v1/projects/{project}/import and /export."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.limits import LARGE_BODY_BYTES, LARGE_BODY_SECONDS
from api.paths import ProjectPath
from api.projects.routes import project_id_of
from api.services import Provided, Services
from api.transfer.examples import EXPORT, IMPORTED, MERGED
from api.transfer.schemas import Export, ImportBody, ImportQuery, export_body
from domain.caller import Caller, Role
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.importing.payload import Given, Payload, read_payload
from domain.importing.plan import ImportWish, ProjectContents, most_new, orphans, plan_import
from domain.lifecycle.identity import identity_of
from domain.project import ProjectImported, ProjectMerged
from eventstore.gc_pauses import collector_paused
from eventstore.log.command import Change, Command, Known, existing
from projections.facts.import_contents import IMPORT_CONTENTS, ImportScope
from projections.queries.exports import read_everything
from projections.rows.projects import PROJECTS

TAGS = ["Import and export"]
ABOUT_IMPORT = (
    "All of it or nothing. Stories may come in as done (`initial_agent_status: reported_done`) or, from a user or an "
    "orchestrator that belongs to an agent, as verified (`initial_verified_status: pass`). With `merge` epics and "
    "stories that are there are updated by their number, statuses never, and the answer is 200 with counts of both."
)
ERRORS = (
    "import_conflict", "import_invalid", "cycle_detected", "cross_level_deadlock", "orchestrator_agent_required",
    "idempotency_key_reused",
)  # fmt: skip


@post(
    "/api/v1/projects/{project:str}/import",
    opt={
        "access": "=orchestrator,user,superadmin",
        "body_bytes": LARGE_BODY_BYTES,
        "request_seconds": LARGE_BODY_SECONDS,
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
    payload = _read(data.given())
    if isinstance(payload, Invalid):
        return await carry_out(services, asking, _refusing(services, asking, project_id, payload))
    wish = ImportWish(
        project_id=project_id,
        payload=payload,
        merge=wanted.merge or data.merges,
        ids=[services.new_id() for _ in range(most_new(payload))],
        may_verify=may_verify(asking.caller),
        importer=identity_of(asking.caller),
        at=services.utc_now(),
    )
    return await carry_out(services, asking, _importing(services, asking, wish))


@get(
    "/api/v1/projects/{project:str}/export",
    opt={"access": "agent+", "request_seconds": LARGE_BODY_SECONDS},
    tags=TAGS,
    summary="Export a project",
    description="Everything by number, as it is at one moment. The body can be imported into another project.",
    responses=answers(200, "The project with its epics, stories and dependencies", EXPORT),
)
async def export_project(services: Provided, asking: Asker, project: ProjectPath) -> dict[str, Any]:
    tenant_id, project_id = asking.caller.tenant_id, await project_id_of(services, asking, project)
    async with services.reading(tenant_id) as tx:
        found = await read_everything(tx, project_id)
    if found is None:
        raise NotFound("Not found")
    return export_body(Export(tenant_id=tenant_id, at=services.utc_now(), version=services.version, found=found))


def may_verify(caller: Caller) -> bool:
    """May bring in stories as verified: a person of the tenant, or an orchestrator whose agent answers for it."""
    if caller.impersonation:
        return False
    return caller.role.rank >= Role.USER.rank or (caller.role == Role.ORCHESTRATOR and caller.agent_id is not None)


def _read(given: Given) -> Payload | Invalid:
    """What is wrong with the payload is said only to who may see the project."""
    try:
        with collector_paused():
            return read_payload(given)
    except Invalid as error:
        return error


def _refusing(services: Services, asking: Asking, project_id: UUID, error: Invalid) -> Command:
    project = PROJECTS.need(project_id)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, project)
        raise error

    return Command(
        origin=origin(services, asking), decide=decide, answer=lambda _, __: None, needs=(project,), streams=()
    )


def _importing(services: Services, asking: Asking, wish: ImportWish) -> Command:
    project = PROJECTS.need(wish.project_id)
    numbers = tuple(wish.payload.story_numbers) if wish.merge else None
    contents = IMPORT_CONTENTS.need(ImportScope(wish.project_id, numbers))

    def decide(known: Known) -> Sequence[Change]:
        existing(known, project)
        return [Change(stream, event) for stream, event in plan_import(wish, known[contents])]

    def streams(known: Known) -> Sequence[Stream]:
        there: ProjectContents = known[contents]
        updated = [Stream("epic", epic.epic_id) for epic in there.epics.values()]
        updated += [Stream("story", story.story_id) for story, _ in there.whole.values()]
        return [Stream("project", wish.project_id), *updated]

    def answer(known: Known, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return {"import": _summary(recorded[-1], wish.payload, known[contents])}

    return Command(
        origin=origin(services, asking),
        decide=decide, answer=answer, needs=(project, contents), streams=streams, status=200 if wish.merge else 201,
        alone=True,
    )  # fmt: skip


def _summary(last: Recorded, payload: Payload, before: ProjectContents) -> dict[str, Any]:
    match last.event:
        case ProjectImported() as event:
            return {
                "epics_created": event.epics_created,
                "stories_created": event.stories_created,
                "dependencies_created": event.dependencies_created,
            }
        case ProjectMerged() as event:
            return {
                "epics_created": event.epics_created,
                "epics_updated": event.epics_updated,
                "stories_created": event.stories_created,
                "stories_updated": event.stories_updated,
                "stories_orphaned": [{"number": number, "title": title} for number, title in orphans(payload, before)],
                "dependencies_created": event.dependencies_created,
                "dependencies_existing": len(before.story_edges),
            }
        case other:
            raise TypeError(f"an import ended with {other.TAG}")


ROUTES: Sequence[HTTPRouteHandler] = (
    import_into_project,
    export_project,
)
