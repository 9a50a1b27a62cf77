"""An epic is complete when every one of its stories is verified; that is said once (spec 01, section 3.5)."""

from typing import assert_never
from uuid import UUID

from msgspec import Struct, structs

from domain.epic import EpicCompleted
from domain.event import Event, Events, Recorded
from domain.lifecycle.events import (
    CONFIRMATION_EVENTS,
    ConfirmationEvent,
    StoryBackfilled,
    StoryMarkedComplete,
    StoryRejected,
    StoryVerified,
    confirmed,
)
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


StandingEvent = StoryCreated | StoryImported | ConfirmationEvent | EpicCompleted
STANDING_EVENTS = Events[StandingEvent](StandingEvent)
"""Those that change it; a batch has many others, and a standing for each of its stories."""


def evolve_standing(standing: EpicStanding | None, recorded: Recorded) -> EpicStanding | None:
    """After an event of any story or epic. Deletions are decided in a batch of their own."""
    event = recorded.event
    if standing is None or not STANDING_EVENTS.has(event):
        return standing
    if standing.epic_id != (recorded.stream.id if isinstance(event, EpicCompleted) else event.epic_id):
        return standing
    match event:
        case EpicCompleted():
            return structs.replace(standing, completed=True)
        case StoryVerified() | StoryBackfilled() | StoryMarkedComplete() | StoryRejected():
            return structs.replace(standing, unverified=standing.unverified - confirmed(event))
        case StoryCreated():
            verified = isinstance(event, StoryImported) and event.verified_status == "verified"
            return structs.replace(
                standing, stories=standing.stories + 1, unverified=standing.unverified + (not verified)
            )
        case _:
            assert_never(event)


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
    return CONFIRMATION_EVENTS.has(event) and confirmed(event) > 0
