"""Changes of dependencies: /api/v1/story_dependencies and /api/v1/epic_dependencies."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal
from uuid import UUID

from litestar import Response, delete, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.commands import carry_out, carry_out_removal, no_body, origin
from api.dependencies.examples import EPIC_DEPENDENCY, STORY_DEPENDENCY
from api.dependencies.schemas import EpicDependencyBody, StoryDependencyBody, dependency_body, ends_of
from api.documentation.responses import answers, answers_nothing
from api.http.asking import Asker, Asking
from api.paths import DependencyPath
from api.projects.routes import RETRYABLE
from api.services import Provided, Services
from domain.deletion import delete_epic_dependency, delete_story_dependency
from domain.dependency import Dependency, EpicDependencyCreated, StoryDependencyCreated, check_dependency
from domain.event import Event, Recorded, Stream
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.dependency_check import EDGE_SURROUNDINGS
from projections.rows.entity import Entity
from projections.rows.story_dependencies import EPIC_DEPENDENCIES, STORY_DEPENDENCIES

TAGS = ["Dependencies"]
REFUSALS = (
    "self_dependency", "cross_project_dependency", "cycle_detected", "cross_level_deadlock", "dependency_exists",
    "not_found", *RETRYABLE,
)  # fmt: skip


DELETING: dict[str, Any] = {
    "opt": {"access": "user+", "errors": RETRYABLE},
    "tags": TAGS,
    "responses": answers_nothing(204, "It is gone"),
}


class Kind(Struct, frozen=True):
    """The two kinds of dependencies differ in names only."""

    noun: Literal["story", "epic"]
    rows: Entity[Dependency]
    created: Callable[[UUID, UUID, UUID], Event]
    """From project, dependent and prerequisite."""
    deleted: Callable[[Dependency], tuple[Stream, Event]]

    @property
    def name(self) -> str:
        """Of streams, of the model, and on the wire."""
        return f"{self.noun}_dependency"


def _story_created(project_id: UUID, dependent: UUID, prerequisite: UUID) -> Event:
    return StoryDependencyCreated(project_id=project_id, story_id=dependent, depends_on_story_id=prerequisite)


def _epic_created(project_id: UUID, dependent: UUID, prerequisite: UUID) -> Event:
    return EpicDependencyCreated(project_id=project_id, epic_id=dependent, depends_on_epic_id=prerequisite)


STORY = Kind("story", STORY_DEPENDENCIES, _story_created, delete_story_dependency)
EPIC = Kind("epic", EPIC_DEPENDENCIES, _epic_created, delete_epic_dependency)


@post(
    "/api/v1/story_dependencies",
    opt={"access": "orchestrator+", "errors": REFUSALS},
    tags=TAGS,
    summary="Make a story wait for another",
    description="Both of one project, in any epics. No cycle, and none together with the waiting of epics.",
    status_code=201,
    responses=answers(201, "The dependency", {"story_dependency": STORY_DEPENDENCY}),
)
async def create_story_dependency(
    services: Provided, asking: Asker, data: JSONBody[StoryDependencyBody]
) -> Response[bytes]:
    return await _carry_out(services, STORY, asking, ends_of(data))


@post(
    "/api/v1/epic_dependencies",
    opt={"access": "orchestrator+", "errors": REFUSALS},
    tags=TAGS,
    summary="Make an epic wait for another",
    description="Each story of the first waits for all of the second. Both of one project; no cycle, and none "
    "together with the waiting of stories.",
    status_code=201,
    responses=answers(201, "The dependency", {"epic_dependency": EPIC_DEPENDENCY}),
)
async def create_epic_dependency(
    services: Provided, asking: Asker, data: JSONBody[EpicDependencyBody]
) -> Response[bytes]:
    return await _carry_out(services, EPIC, asking, ends_of(data))


async def _carry_out(services: Services, kind: Kind, asking: Asking, ends: tuple[UUID, UUID]) -> Response[bytes]:
    """Alone in its batch: what was looked at around the new edge must still be so when it is added."""
    stream = Stream(kind.name, services.new_id())
    around, edge = EDGE_SURROUNDINGS.need((kind.noun, *ends)), kind.rows.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        project_id = check_dependency(kind.noun, *ends, known[around])
        return [Change(stream, kind.created(project_id, *ends))]

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=partial(_answer, asking, kind, edge), needs=(around, edge), streams=(stream,),
        status=201, alone=True,
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _answer(
    asking: Asking, kind: Kind, edge: Need[Dependency | None], known: Known, _: Sequence[Recorded]
) -> dict[str, Any]:
    return {kind.name: dependency_body(asking.caller.tenant_id, kind.noun, existing(known, edge))}


@delete(
    "/api/v1/story_dependencies/{dependency_id:uuid}",
    **DELETING,
    operation_id="delete_story_dependency",
    summary="Delete a dependency between stories",
)
async def delete_dependency_of_stories(
    services: Provided, asking: Asker, dependency_id: DependencyPath
) -> Response[None]:
    return await _delete(services, asking, STORY, dependency_id)


@delete(
    "/api/v1/epic_dependencies/{dependency_id:uuid}",
    **DELETING,
    operation_id="delete_epic_dependency",
    summary="Delete a dependency between epics",
)
async def delete_dependency_of_epics(
    services: Provided, asking: Asker, dependency_id: DependencyPath
) -> Response[None]:
    return await _delete(services, asking, EPIC, dependency_id)


async def _delete(services: Services, asking: Asking, kind: Kind, dependency_id: UUID) -> Response[None]:
    """Alone as well: whether a story may be claimed depends on it."""
    need = kind.rows.need(dependency_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(*kind.deleted(existing(known, need)))]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=no_body, needs=(need,),
        streams=(Stream(kind.name, dependency_id),), status=204, alone=True,
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    create_story_dependency,
    create_epic_dependency,
    delete_dependency_of_stories,
    delete_dependency_of_epics,
)
