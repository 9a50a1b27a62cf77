"""Changes of epics: /api/v1/projects/…/epics and /api/v1/epics/…; reads are in api/epics/reading.py."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, delete, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, carry_out_removal, no_body, origin
from api.documentation.responses import answers, answers_nothing
from api.epics.examples import EPIC
from api.epics.schemas import CreateEpicBody, UpdateEpicBody, epic_body, whole_number
from api.http.asking import Asker, Asking
from api.paths import EpicPath, ProjectPath
from api.projects.routes import RETRYABLE, project_id_of
from api.services import Provided
from domain.deletion import delete_epic
from domain.epic import LARGEST_NUMBER, Epic, create_epic, update_epic
from domain.event import Recorded, Stream
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.contents import CONTENTS
from projections.facts.taken import EPIC_NUMBER
from projections.rows.epics import EPICS
from projections.rows.projects import PROJECTS

TAGS = ["Epics"]


def epic_number(project_id: Any, number: int | None) -> Need[UUID | None] | None:
    """Whether the number is taken; None for one that no epic can have, which the decision then refuses."""
    return EPIC_NUMBER.need((project_id, number)) if number and 0 < number <= LARGEST_NUMBER else None


@post(
    "/api/v1/projects/{project:str}/epics",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Create an epic",
    description="The number is unique in the project and never changes.",
    status_code=201,
    responses=answers(201, "The epic", {"epic": EPIC}),
)
async def create_epic_of_project(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[CreateEpicBody]
) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    stream, of_project = Stream("epic", services.new_id()), PROJECTS.need(project_id)
    number, fields = whole_number(data.number), data.fields()
    taken = epic_number(project_id, number)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, of_project)
        is_taken = taken is not None and known[taken] is not None
        return [Change(stream, create_epic(project_id, number, is_taken, fields))]

    epic = EPICS.need(stream.id)
    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=partial(_answer, asking, epic), streams=(stream,), status=201,
        needs=(epic, of_project, *([taken] if taken else [])),
    )  # fmt: skip
    return await carry_out(services, asking, command)


@patch(
    "/api/v1/epics/{epic_id:uuid}",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Change an epic",
    description='What is left out or null stays; "" clears a text. The number never changes.',
    responses=answers(200, "The epic", {"epic": EPIC}),
)
async def update_epic_by_id(
    services: Provided, asking: Asker, epic_id: EpicPath, data: JSONBody[UpdateEpicBody]
) -> Response[bytes]:
    stream, need, fields = Stream("epic", epic_id), EPICS.need(epic_id), data.fields()

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in update_epic(existing(known, need), fields)]

    command = Command(
        origin=origin(services, asking),
        decide=decide,
        answer=partial(_answer, asking, need),
        needs=(need,),
        streams=(stream,),
    )
    return await carry_out(services, asking, command)


@delete(
    "/api/v1/epics/{epic_id:uuid}",
    opt={"access": "user+", "fresh": True, "errors": RETRYABLE},
    tags=TAGS,
    summary="Delete an epic",
    description="With its stories and every dependency of theirs. The log keeps all of it.",
    responses=answers_nothing(204, "It is gone"),
)
async def delete_epic_by_id(services: Provided, asking: Asker, epic_id: EpicPath) -> Response[None]:
    need, contents = EPICS.need(epic_id), CONTENTS.need(("epic", epic_id))

    def decide(known: Known) -> Sequence[Change]:
        return [Change(*each) for each in delete_epic(existing(known, need), known[contents])]

    def streams(known: Known) -> Sequence[Stream]:
        return [stream for stream, _ in delete_epic(epic, known[contents])] if (epic := known[need]) else ()

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=no_body, needs=(need, contents), streams=streams, status=204, alone=True
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


def _answer(asking: Asking, need: Need[Epic | None], known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    return {"epic": epic_body(asking.caller.tenant_id, existing(known, need))}


ROUTES: Sequence[HTTPRouteHandler] = (
    create_epic_of_project,
    update_epic_by_id,
    delete_epic_by_id,
)
