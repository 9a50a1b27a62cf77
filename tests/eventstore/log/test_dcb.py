"""The log is an event store as ``eventsourcing`` understands it: by its own test case, with its recorder as oracle."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.eventstore.dcb_log import LogRecorder, log_recorder
from tests.support.database import TestDatabase
from tests.support.dcb import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBRecorder,
    DCBRecorderTestCase,
    InMemoryDCBRecorder,
    IntegrityError,
)

CONFORMANCE = DCBRecorderTestCase()


class IgnoresConditions(LogRecorder):
    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:  # noqa: ARG002  # on purpose
        return super().append(events)


class IgnoresAfter(LogRecorder):
    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        return super().append(events, DCBAppendCondition(condition.fail_if_events_match) if condition else None)


def test_the_log_appends_and_reads_as_their_test_case_demands(log_database: TestDatabase) -> None:
    with log_recorder(log_database.app_url) as recorder:
        CONFORMANCE._test_append_read(recorder)
        assert recorder.read().head == 13


def test_a_subscriber_of_the_log_receives_as_their_test_case_demands(log_database: TestDatabase) -> None:
    with log_recorder(log_database.app_url) as recorder:
        CONFORMANCE._test_append_subscribe(recorder)
        assert recorder.read().head == 2


@pytest.mark.parametrize("broken", [IgnoresConditions, IgnoresAfter])
def test_their_test_case_finds_a_log_that_breaks_conditions(
    log_database: TestDatabase, broken: Callable[[str], LogRecorder]
) -> None:
    """The control."""
    with log_recorder(log_database.app_url, broken) as recorder, pytest.raises((AssertionError, IntegrityError)):
        CONFORMANCE._test_append_read(recorder)


TYPES = st.lists(st.sampled_from(["claimed", "verified", "rejected"]), max_size=2, unique=True)
TAGS = st.lists(st.sampled_from(["story-1", "story-2", "ann", "bob"]), max_size=2, unique=True)
QUERIES = st.builds(DCBQuery, st.lists(st.builds(DCBQueryItem, TYPES, TAGS), max_size=2))
AFTER = st.none() | st.integers(0, 12)
EVENTS = st.builds(DCBEvent, st.sampled_from(["claimed", "verified", "rejected"]), st.binary(max_size=8), TAGS)


class Append(Struct, frozen=True):
    events: list[DCBEvent]
    condition: DCBAppendCondition | None

    def on(self, recorder: DCBRecorder) -> object:
        try:
            return recorder.append(self.events, self.condition)
        except IntegrityError:
            return "refused"


class Read(Struct, frozen=True):
    query: DCBQuery
    after: int | None
    limit: int | None

    def on(self, recorder: DCBRecorder) -> object:
        response = recorder.read(self.query, after=self.after, limit=self.limit)
        return list(response), response.head


CONDITIONS = st.none() | st.builds(DCBAppendCondition, QUERIES, AFTER)
STEPS = st.lists(
    st.builds(Append, st.lists(EVENTS, min_size=1, max_size=3), CONDITIONS)
    | st.builds(Read, QUERIES, AFTER, st.none() | st.integers(0, 4)),
    min_size=5,
    max_size=15,
)


def check_against_the_oracle(url: str, kind: Callable[[str], LogRecorder], answers: set[str]) -> None:
    @settings(
        max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    @given(steps=STEPS)
    def any_steps(steps: list[Append | Read]) -> None:
        oracle = InMemoryDCBRecorder()
        with log_recorder(url, kind) as ours:
            for step in steps:
                expected = step.on(oracle)
                assert step.on(ours) == expected
                answers.add(type(expected).__name__)

    any_steps()


@pytest.mark.slow
def test_any_steps_are_answered_as_their_recorder_in_memory_answers_them(log_database: TestDatabase) -> None:
    answers: set[str] = set()
    check_against_the_oracle(log_database.app_url, LogRecorder, answers)
    assert answers == {"int", "str", "tuple"}, "appended, refused and read"


@pytest.mark.slow
def test_the_oracle_finds_a_log_that_breaks_conditions(log_database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(AssertionError):
        check_against_the_oracle(log_database.app_url, IgnoresConditions, set())
