"""Deleting a story or an epic: everything that goes with it has an event of its own, and its own event comes last."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from domain.dependency import Dependency, EpicDependencyDeleted, StoryDependencyDeleted
from domain.epic import Epic, EpicDeleted
from domain.event import Event, Stream
from domain.story import Story, StoryDeleted, StoryUpdated, shortened_memory

Deletions = Sequence[tuple[Stream, Event]]


class Child(Struct, frozen=True):
    """A story that stays, whose parent goes."""

    story_id: UUID
    project_id: UUID
    title: str
    description: str | None


class Contents(Struct, frozen=True, kw_only=True):
    """What is deleted together with a story or an epic. A dependency is, when it begins or ends there."""

    stories: Sequence[Story] = ()
    """The stories of the epic; empty when a story is deleted."""
    story_dependencies: Sequence[Dependency] = ()
    epic_dependencies: Sequence[Dependency] = ()
    children: Sequence[Child] = ()
    """Of what is deleted; they stay, without a parent."""


def delete_story(story: Story, contents: Contents) -> Deletions:
    """Allowed in every status, because the log keeps what happened."""
    return [
        *map(delete_story_dependency, contents.story_dependencies), *map(_parted, contents.children), _story(story)
    ]  # fmt: skip


def delete_epic(epic: Epic, contents: Contents) -> Deletions:
    gone = EpicDeleted(project_id=epic.project_id, number=epic.number, title=epic.title)
    return [
        *map(delete_story_dependency, contents.story_dependencies),
        *map(delete_epic_dependency, contents.epic_dependencies),
        *map(_parted, contents.children),
        *map(_story, contents.stories),
        (Stream("epic", epic.epic_id), gone),
    ]


def delete_story_dependency(edge: Dependency) -> tuple[Stream, Event]:
    gone = StoryDependencyDeleted(
        project_id=edge.project_id, story_id=edge.dependent_id, depends_on_story_id=edge.prerequisite_id
    )
    return Stream("story_dependency", edge.dependency_id), gone


def delete_epic_dependency(edge: Dependency) -> tuple[Stream, Event]:
    gone = EpicDependencyDeleted(
        project_id=edge.project_id, epic_id=edge.dependent_id, depends_on_epic_id=edge.prerequisite_id
    )
    return Stream("epic_dependency", edge.dependency_id), gone


def _story(story: Story) -> tuple[Stream, Event]:
    gone = StoryDeleted(
        project_id=story.project_id, epic_id=story.epic_id, number=story.number, title=story.title
    )  # fmt: skip
    return Stream("story", story.story_id), gone


def _parted(child: Child) -> tuple[Stream, Event]:
    parted = StoryUpdated(
        project_id=child.project_id, title_was=child.title, description_was=shortened_memory(child.description),
        parent_id=None, parent=None,
    )  # fmt: skip
    return Stream("story", child.story_id), parted
