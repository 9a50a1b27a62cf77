"""No event is forgotten: each is in the union of its stream, has its shape in the audit trail, and is folded."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, get_args
from uuid import UUID

import pytest

import domain
from domain.audit_shapes import AUDIT_SHAPES
from domain.event import Event, Recorded, Stream
from domain.events import EVENTS, STREAMS
from domain.lifecycle.completion import STANDING_EVENTS, EpicStanding, evolve_standing
from domain.lifecycle.events import (
    VERIFICATION_EVENTS,
    CustodyViolated,
    EvidenceReported,
    Judged,
    StoryBackfilled,
    StoryChange,
    StoryCommented,
    StoryFlagged,
    StoryMarkedComplete,
    VerificationRunReported,
    VerifierDrawn,
    VerifierNeeded,
)
from domain.lifecycle.evolve import TEXT_EVENTS, evolve_text
from domain.lifecycle.prerequisites import CONFIRMING_EVENTS, EpicBefore, Prerequisites, evolve_prerequisites
from domain.story import CriterionUpdated, StoryRevised, StoryText, StoryUpdated
from projections.moves import OF_STORIES
from tests.golden.samples import sample
from tests.house.tree import server_packages, sources

STORY = UUID(int=1)
GENERAL_WAY = {
    CustodyViolated,
    VerifierDrawn,
    VerifierNeeded,
    StoryFlagged,
    StoryUpdated,
    StoryRevised,
    CriterionUpdated,
    StoryBackfilled,
    StoryMarkedComplete,
    VerificationRunReported,
    EvidenceReported,
    StoryCommented,
}
"""They change what the short way does not write, long texts or violators, or come with what does."""
STORY_KINDS = STREAMS["story"].types


def below(kind: type[Event]) -> Iterator[type[Event]]:
    """Every event type that the domain defines: those with a tag of their own, whoever they derive from."""
    for each in kind.__subclasses__():
        if "TAG" in vars(each) and each.__module__.startswith("domain."):
            yield each
        yield from below(each)


def test_every_event_type_of_the_domain_is_in_the_union_of_its_stream() -> None:
    """Went red when StoryAutoReset was taken out of WorkEvent."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    assert {kind.TAG for kind in below(Event)} == {kind.TAG for kind in EVENTS}
    assert len(set(EVENTS)) == len(EVENTS)
    for stream, events in STREAMS.items():
        assert {kind.stream_kind() for kind in events.types} == {stream}


def test_every_event_type_has_a_name_and_a_shape_in_the_audit_trail() -> None:
    """Went red when a line of AUDIT_SHAPES was taken out."""
    assert set(AUDIT_SHAPES) == set(EVENTS)


def test_every_verification_result_is_in_its_union() -> None:
    assert set(below(Judged)) == set(VERIFICATION_EVENTS.types)


def test_nothing_gets_into_a_log_but_by_a_command_or_the_founding_of_its_tenant() -> None:
    """So that nothing passes their guard by. Went red for the change of a log's key, which appended by itself."""
    importing = {
        source.name
        for source in sources(".py")
        if source.package in server_packages() and "eventstore.log.append" in source.text
        for node in ast.walk(source.tree())
        if isinstance(node, ast.ImportFrom) and node.module == "eventstore.log.append"
        if any(name.name == "append" for name in node.names)
    }
    assert importing == {"eventstore/log/founding.py", "eventstore/log/lane.py"}


def recorded(kind: type[Event]) -> Recorded:
    return Recorded(7, Stream("story", STORY), 1, datetime(2026, 3, 27, tzinfo=UTC), ("test",), sample(kind, "most"))


def test_every_transition_goes_the_short_way_and_the_others_are_named() -> None:
    """Went red when StoryStarted was taken out of OF_STORIES: right all the same, and slower than the others."""
    assert {kind for kind in get_args(StoryChange) if kind not in OF_STORIES} == GENERAL_WAY


class Unheard(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.unheard"


@pytest.mark.parametrize("kind", [kind for kind in STORY_KINDS if kind not in TEXT_EVENTS])
def test_what_is_not_said_to_touch_a_text_leaves_it_alone(kind: type[Event]) -> None:
    """Went red when CriterionUpdated was taken out of TEXT_EVENTS."""
    texts: dict[str, Any] = dict.fromkeys(("acceptance_criteria", "metadata", "criteria_checks"), "{}")
    text = StoryText(story_id=STORY, description=None, **texts)
    assert evolve_text(text, recorded(kind)) is text


@pytest.mark.parametrize("kind", [kind for kind in STORY_KINDS if kind not in CONFIRMING_EVENTS.types])
def test_what_is_not_said_to_confirm_changes_no_prerequisite_and_no_standing(kind: type[Event]) -> None:
    event = recorded(kind)
    epic = getattr(event.event, "epic_id", STORY)
    waits = Prerequisites(epics={epic: EpicBefore(1, 1)})
    standing = EpicStanding(
        epic_id=epic, project_id=STORY, number=1, title="E", stories=2, unverified=1, completed=False
    )
    assert evolve_prerequisites(waits, event) is waits
    assert evolve_standing(standing, event) is standing


def test_a_set_of_events_holds_its_own_types_and_no_others() -> None:
    assert STANDING_EVENTS.has(sample(VERIFICATION_EVENTS.types[0], "least"))
    assert not STANDING_EVENTS.has(Unheard())
