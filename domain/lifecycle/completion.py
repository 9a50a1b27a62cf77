"""An epic is complete when every one of its stories is verified. That is recorded once (spec 01, section 3.5)."""

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
    """The completion was recorded before."""


StandingEvent = StoryCreated | StoryImported | ConfirmationEvent | EpicCompleted
STANDING_EVENTS = Events[StandingEvent](StandingEvent)
"""The events that change it. A batch has many others, which need not be compared with the standing of each story."""


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
    """The completion, when ``events`` of one story are about to be recorded and verify the last one of its epic."""
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
    """Whether the event verifies a story that was not verified."""
    return CONFIRMATION_EVENTS.has(event) and confirmed(event) > 0
