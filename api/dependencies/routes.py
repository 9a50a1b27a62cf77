"""Changes of dependencies: /api/v1/story_dependencies and /api/v1/epic_dependencies."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal
from uuid import UUID

from litestar import Response, delete, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.commands import Commands, Known, Plan, existing
from api.dependencies.examples import EPIC_DEPENDENCY, STORY_DEPENDENCY
from api.dependencies.schemas import EpicDependencyBody, StoryDependencyBody, dependency_body, ends_of
from api.documentation.responses import answers, answers_nothing
from api.epics.routes import answers_none
from api.http.asking import Asker, Asking
from api.paths import DependencyPath
from api.projects.routes import RETRYABLE
from api.services import Services
from domain.deletion import delete_epic_dependency, delete_story_dependency
from domain.dependency import Dependency, EpicDependencyCreated, StoryDependencyCreated, check_dependency
from domain.event import Event, Recorded, Stream
from eventstore.log.command import Change, Need

TAGS = ["Dependencies"]
REFUSALS = (
    "self_dependency", "cross_project_dependency", "cycle_detected", "cross_level_deadlock", "dependency_exists",
    "not_found", *RETRYABLE,
)  # fmt: skip


class Kind(Struct, frozen=True):
    """The two kinds of dependencies differ in names only."""

    noun: Literal["story", "epic"]
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


STORY = Kind("story", _story_created, delete_story_dependency)
EPIC = Kind("epic", _epic_created, delete_epic_dependency)


def dependency_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    return [_create_story(services), _create_epic(services), _delete(services, STORY), _delete(services, EPIC)]


def _create_story(services: Services) -> HTTPRouteHandler:
    @post(
        "/api/v1/story_dependencies",
        opt={"access": "orchestrator+", "errors": REFUSALS},
        tags=TAGS,
        summary="Make a story wait for another",
        description="Both of one project, in any epics. No cycle, and none together with the waiting of epics.",
        status_code=201,
        responses=answers(201, "The dependency", {"story_dependency": STORY_DEPENDENCY}),
    )
    async def create_story_dependency(asking: Asker, data: JSONBody[StoryDependencyBody]) -> Response[bytes]:
        return await _carry_out(services, STORY, asking, ends_of(data))

    return create_story_dependency


def _create_epic(services: Services) -> HTTPRouteHandler:
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
    async def create_epic_dependency(asking: Asker, data: JSONBody[EpicDependencyBody]) -> Response[bytes]:
        return await _carry_out(services, EPIC, asking, ends_of(data))

    return create_epic_dependency


async def _carry_out(services: Services, kind: Kind, asking: Asking, ends: tuple[UUID, UUID]) -> Response[bytes]:
    """Alone in its batch: what was looked at around the new edge must still be so when it is added."""
    stream = Stream(kind.name, services.new_id())
    around, edge = Need("surroundings", (kind.noun, *ends)), Need(kind.name, stream.id)

    def decide(known: Known) -> Sequence[Change]:
        project_id = check_dependency(kind.noun, *ends, known[around])
        return [Change(stream, kind.created(project_id, *ends))]

    plan = Plan(
        decide=decide, answer=partial(_answer, asking, kind, edge), needs=(around, edge), streams=(stream,),
        status=201, alone=True,
    )  # fmt: skip
    return await Commands(services).carry_out(asking, plan)


def _delete(services: Services, kind: Kind) -> HTTPRouteHandler:
    """Alone as well: whether a story may be claimed depends on it."""
    commands = Commands(services)

    async def delete_dependency(asking: Asker, dependency_id: DependencyPath) -> Response[None]:
        need = Need(kind.name, dependency_id)

        def decide(known: Known) -> Sequence[Change]:
            return [Change(*kind.deleted(existing(known, need)))]

        plan = Plan(
            decide=decide, answer=answers_none, needs=(need,), streams=(Stream(kind.name, dependency_id),),
            status=204, alone=True,
        )  # fmt: skip
        return await commands.carry_out_removal(asking, plan)

    plural = f"{kind.noun}_dependencies"
    return delete(
        f"/api/v1/{plural}/{{dependency_id:uuid}}",
        opt={"access": "user+", "errors": RETRYABLE},
        tags=TAGS,
        operation_id=f"delete_{kind.name}",
        summary=f"Delete a dependency between {'stories' if kind is STORY else 'epics'}",
        responses=answers_nothing(204, "It is gone"),
    )(delete_dependency)


def _answer(asking: Asking, kind: Kind, edge: Need, known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    return {kind.name: dependency_body(asking.caller.tenant_id, kind.noun, known[edge])}
