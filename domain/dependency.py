"""Dependencies: a story waits for a story, an epic for an epic (spec 01, section 2.10)."""

from datetime import datetime
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct

from domain.errors import Conflict, Invalid, NotFound
from domain.event import Event, Events, Recorded


class StoryDependencyCreated(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story_dependency.created"
    project_id: UUID
    story_id: UUID
    depends_on_story_id: UUID


class StoryDependencyDeleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story_dependency.deleted"
    project_id: UUID
    story_id: UUID
    depends_on_story_id: UUID


class EpicDependencyCreated(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "epic_dependency.created"
    project_id: UUID
    epic_id: UUID
    depends_on_epic_id: UUID


class EpicDependencyDeleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "epic_dependency.deleted"
    project_id: UUID
    epic_id: UUID
    depends_on_epic_id: UUID


StoryDependencyEvent = StoryDependencyCreated | StoryDependencyDeleted
STORY_DEPENDENCY_EVENTS = Events[StoryDependencyEvent](StoryDependencyEvent)
EpicDependencyEvent = EpicDependencyCreated | EpicDependencyDeleted
EPIC_DEPENDENCY_EVENTS = Events[EpicDependencyEvent](EpicDependencyEvent)


class Dependency(Struct, frozen=True, kw_only=True):
    """One edge: ``dependent_id`` waits for ``prerequisite_id``. A row of app.story_dependency or epic_dependency."""

    dependency_id: UUID
    project_id: UUID
    dependent_id: UUID
    prerequisite_id: UUID
    created_at: datetime
    position: int


class DependencyFacts(Struct, frozen=True, kw_only=True):
    """What has to be known of the graph before an edge is added to it. A project is None when the end is unknown."""

    dependent_project: UUID | None
    prerequisite_project: UUID | None
    exists: bool
    closes_cycle: bool
    """The dependent can be reached from the prerequisite over edges of the same kind."""
    deadlocks: bool
    """It can be reached over edges of both kinds: each waits for the other through its epic."""


def check_dependency(kind: str, dependent: UUID, prerequisite: UUID, around: DependencyFacts) -> UUID:
    """The project of both ends, when the edge may be added. The order of the checks is part of the contract.

    Raises Invalid (self_dependency, cross_project_dependency, cycle_detected, cross_level_deadlock), NotFound, Conflict
    (dependency_exists).
    """
    if dependent == prerequisite:
        raise Invalid(
            f"No {kind} can depend on itself: {kind}_id and depends_on_{kind}_id are the same.",
            code="self_dependency",
        )
    project = around.dependent_project
    if project is None or around.prerequisite_project is None:
        raise NotFound("Not found")
    if project != around.prerequisite_project:
        raise Invalid(
            f"Both {kind}_id and depends_on_{kind}_id must be of one project.", code="cross_project_dependency"
        )
    if around.closes_cycle:
        raise Invalid(
            f"Cycle detected: the {kind} of depends_on_{kind}_id depends on the other one already.",
            code="cycle_detected",
        )
    if around.deadlocks:
        raise Invalid(
            "Cross-level deadlock: through their epics, each would wait for the other.", code="cross_level_deadlock"
        )
    if around.exists:
        raise Conflict(
            f"Conflict: this dependency between {kind}s is there already; there is nothing to do.",
            code="dependency_exists",
        )
    return project


def evolve_dependency(dependency: Dependency | None, recorded: Recorded) -> Dependency | None:
    """The edge after one more event of its stream; None when it is gone. Gone with either end as well."""
    event = recorded.event
    if not (STORY_DEPENDENCY_EVENTS.has(event) or EPIC_DEPENDENCY_EVENTS.has(event)):
        return dependency
    match event:
        case StoryDependencyCreated():
            return _created(recorded, event.project_id, event.story_id, event.depends_on_story_id)
        case EpicDependencyCreated():
            return _created(recorded, event.project_id, event.epic_id, event.depends_on_epic_id)
        case StoryDependencyDeleted() | EpicDependencyDeleted():
            return None
        case _:
            assert_never(event)


def _created(recorded: Recorded, project_id: UUID, dependent: UUID, prerequisite: UUID) -> Dependency:
    return Dependency(
        dependency_id=recorded.stream.id, project_id=project_id, dependent_id=dependent, prerequisite_id=prerequisite,
        created_at=recorded.at, position=recorded.position,
    )  # fmt: skip
