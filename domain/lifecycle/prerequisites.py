"""What a story waits for: stories that must be verified, epics in which every story must be."""

from collections.abc import Mapping
from typing import assert_never
from uuid import UUID

from msgspec import Struct, structs

from domain.event import Events, Recorded
from domain.lifecycle.events import (
    ConfirmationEvent,
    StoryBackfilled,
    StoryMarkedComplete,
    StoryRejected,
    StoryVerified,
    confirmed,
)
from domain.story import StoryCreated, StoryImported


class Before(Struct, frozen=True):
    """A story that comes before."""

    number: str
    verified: bool


class EpicBefore(Struct, frozen=True):
    """An epic that comes before; ``unverified`` counts its stories that are not verified."""

    number: int
    unverified: int


class Prerequisites(Struct, frozen=True, kw_only=True):
    """Direct ones only, as the ready queue counts them (spec 01, section 2.11)."""

    stories: Mapping[UUID, Before] = {}
    epics: Mapping[UUID, EpicBefore] = {}

    @property
    def missing(self) -> list[str]:
        """Names of what is not verified yet, for people: ``story 1.2``, ``epic 3``."""
        stories = sorted(before.number for before in self.stories.values() if not before.verified)
        epics = sorted(before.number for before in self.epics.values() if before.unverified)
        return [f"story {number}" for number in stories] + [f"epic {number}" for number in epics]


ConfirmingEvent = StoryCreated | StoryImported | ConfirmationEvent
CONFIRMING_EVENTS = Events[ConfirmingEvent](ConfirmingEvent)
"""The events that change what a story waits for. A batch has many others, which need not be compared with the
prerequisites of each claim."""


def evolve_prerequisites(known: Prerequisites, recorded: Recorded) -> Prerequisites:
    """After an event of any story. New and lost dependencies are not seen: they are decided in a batch of their own."""
    event = recorded.event
    if not CONFIRMING_EVENTS.has(event):
        return known
    match event:
        case StoryVerified() | StoryBackfilled() | StoryMarkedComplete() | StoryRejected():
            return _confirmed(known, recorded.stream.id, event)
        case StoryCreated():
            verified = isinstance(event, StoryImported) and event.verified_status == "verified"
            return known if verified else _counted(known, event.epic_id, 1)
        case _:
            assert_never(event)


def _confirmed(known: Prerequisites, story_id: UUID, event: ConfirmationEvent) -> Prerequisites:
    change = confirmed(event)
    if not change:
        return known
    before = known.stories.get(story_id)
    if before:
        known = structs.replace(known, stories={**known.stories, story_id: Before(before.number, change > 0)})
    return _counted(known, event.epic_id, -change)


def _counted(known: Prerequisites, epic_id: UUID, difference: int) -> Prerequisites:
    epic = known.epics.get(epic_id)
    if epic is None:
        return known
    changed = EpicBefore(epic.number, epic.unverified + difference)
    return structs.replace(known, epics={**known.epics, epic_id: changed})
