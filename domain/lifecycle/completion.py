"""An epic is complete when every one of its stories is verified; that is said once (spec 01, section 3.5)."""

from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from domain.epic import EpicCompleted
from domain.event import Event, Recorded
from domain.lifecycle.events import StoryBackfilled, StoryMarkedComplete, StoryRejected, StoryVerified
from domain.story import StoryCreated, StoryImported


class EpicStanding(Struct, frozen=True, kw_only=True):
    """How far the epic of a story is."""

    epic_id: UUID
    project_id: UUID
    number: int
    title: str
    stories: int
    unverified: int
    completed: bool
    """It was said already."""


STANDING_EVENTS = (EpicCompleted, StoryVerified, StoryBackfilled, StoryMarkedComplete, StoryRejected, StoryCreated)
"""Those that change it; a batch has many others, and a standing for each of its stories."""


def evolve_standing(standing: EpicStanding | None, recorded: Recorded) -> EpicStanding | None:
    """After an event of any story or epic. Deletions are decided in a batch of their own."""
    event: Any = recorded.event
    if standing is None or standing.epic_id not in (getattr(event, "epic_id", None), recorded.stream.id):
        return standing
    match event:
        case EpicCompleted():
            return structs.replace(standing, completed=True)
        case StoryVerified() | StoryBackfilled() | StoryMarkedComplete():
            gained = event.verified_status_was != "verified"
            return structs.replace(standing, unverified=standing.unverified - gained)
        case StoryRejected():
            lost = event.verified_status_was == "verified"
            return structs.replace(standing, unverified=standing.unverified + lost)
        case StoryCreated():
            verified = isinstance(event, StoryImported) and event.verified_status == "verified"
            return structs.replace(
                standing, stories=standing.stories + 1, unverified=standing.unverified + (not verified)
            )
        case _:
            return standing


def completes(standing: EpicStanding | None, events: tuple[Event, ...]) -> tuple[EpicCompleted, ...]:
    """What has to be said when ``events`` of one of its stories are about to be recorded."""
    if standing is None or standing.completed or standing.unverified != 1:
        return ()
    if not any(confirms(event) for event in events):
        return ()
    return (
        EpicCompleted(
            project_id=standing.project_id, number=standing.number, title=standing.title, story_count=standing.stories
        ),
    )


def confirms(event: Event) -> bool:
    """A story is verified that was not."""
    match event:
        case StoryVerified() | StoryBackfilled() | StoryMarkedComplete():
            return event.verified_status_was != "verified"
        case _:
            return False
