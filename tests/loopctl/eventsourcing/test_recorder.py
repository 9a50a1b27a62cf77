"""An export as the library reads it: ids, limits, topics, streams; its own recorder in memory as the oracle."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import NotSupportedError, ProgrammingError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopctl.audit.directory import write_directory
from loopctl.audit.export import write_bundle
from loopctl.eventsourcing import LogMapper, LogRecorder, open_bundle, originator_id
from loopctl.tlog.entry import decode_entry
from tests.loopctl.eventsourcing.sample import VERIFIED, VKEY, bundle, log
from tests.support.sample_log import ORIGIN

LOG = log(600, boundaries=(300,), committed=(11,), erased=((20, 11),))
STORIES = [f"story:0194a7a0-0000-7000-8000-{number:012d}" for number in range(7)]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogRecorder]:
    with bundle(LOG, tmp_path_factory.mktemp("export")) as opened:
        yield opened


@pytest.fixture(scope="module")
def oracle(recorder: LogRecorder) -> POPOApplicationRecorder:
    """The library's own recorder, which was given the same events in their order."""
    filled = POPOApplicationRecorder()
    for raw in LOG.raw:
        entry = decode_entry(raw)
        filled.insert_events([StoredEvent(originator_id(*entry.entity), entry.eseq + 1, entry.type, raw)])
    return filled


def test_every_position_is_the_notification_id_before_it(recorder: LogRecorder) -> None:
    found = recorder.select_notifications(None, 1000)
    assert [each.id for each in found] == list(range(1, 601))
    assert [decode_entry(each.state).seq for each in found] == list(range(600))
    assert recorder.max_notification_id() == 600


def test_the_state_of_an_event_is_its_entry_byte_for_byte(recorder: LogRecorder) -> None:
    assert [each.state for each in recorder.select_notifications(1, 600)] == LOG.raw


def test_a_log_knows_its_name_and_the_head_that_was_verified(recorder: LogRecorder) -> None:
    assert (recorder.origin, recorder.head) == (ORIGIN, LOG.newest_note)


def test_an_empty_log_has_no_notification_and_no_largest_id(tmp_path: Path) -> None:
    with bundle(log(0), tmp_path) as empty:
        assert (empty.select_notifications(None, 10), empty.max_notification_id()) == ([], None)


def test_an_unpacked_export_is_read_like_its_archive(recorder: LogRecorder, tmp_path: Path) -> None:
    write_directory(tmp_path / "export", write_bundle(LOG))
    with open_bundle(tmp_path / "export", [VKEY]) as unpacked:
        assert unpacked.select_notifications(None, 600) == recorder.select_notifications(None, 600)


IDS = st.integers(0, 610)
TOPICS = st.lists(st.sampled_from([VERIFIED, "story.claimed", "log.key_rotated", "none.such"]), max_size=3)
QUIET = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(st.tuples(st.none() | IDS, st.integers(1, 700), st.none() | IDS, TOPICS), st.booleans())
def test_any_selection_is_what_the_librarys_own_recorder_selects(
    recorder: LogRecorder, oracle: Any, asked: Any, whole: bool
) -> None:
    ours = recorder.select_notifications(*asked, inclusive_of_start=whole)
    assert ours == oracle.select_notifications(*asked, inclusive_of_start=whole)


VERSIONS = st.none() | st.integers(0, 100)
RANGES = st.fixed_dictionaries(
    {"gt": VERSIONS, "lte": VERSIONS, "desc": st.booleans(), "limit": st.none() | st.integers(1, 90)}
)


@QUIET
@given(st.sampled_from([*STORIES, f"log:{ORIGIN}", "story:none"]), RANGES)
def test_any_stream_is_what_the_librarys_own_recorder_selects(
    recorder: LogRecorder, oracle: Any, stream: str, asked: Any
) -> None:
    assert recorder.select_events(stream, **asked) == oracle.select_events(stream, **asked)


def test_the_oracle_tells_a_recorder_whose_ids_are_positions(recorder: LogRecorder, oracle: Any) -> None:
    """The control."""
    assert recorder.select_notifications(0, 1, inclusive_of_start=False) == oracle.select_notifications(1, 1)
    assert recorder.select_notifications(1, 1, inclusive_of_start=False) != oracle.select_notifications(1, 1)


@pytest.mark.parametrize("stream", [UUID(int=7), "0194a7a0-0000-7000-8000-000000000001"])
def test_a_stream_without_its_kind_is_refused_and_not_empty(recorder: LogRecorder, stream: Any) -> None:
    with pytest.raises(ProgrammingError, match="kind and an id"):
        recorder.select_events(stream)


def test_a_log_is_not_written(recorder: LogRecorder) -> None:
    with pytest.raises(NotSupportedError, match="can only be read"):
        recorder.insert_events([StoredEvent(STORIES[0], 1, VERIFIED, b"{}")])
    assert recorder.max_notification_id() == 600


def test_an_entry_is_a_domain_event(recorder: LogRecorder) -> None:
    event = LogMapper(None).to_domain_event(recorder.select_notifications(6, 1)[0])  # type: ignore[arg-type]  # no transcoder is needed to read
    assert (event.position, event.type, event.actor) == (5, VERIFIED, ("agent:ann", "dispatch:7"))
    assert (event.originator_id, event.originator_version) == (STORIES[5], 1)
    assert (event.data, event.commitment) == ({"agent_id": "ann", "title": "Story 5"}, None)


def test_a_payload_that_is_not_in_the_log_leaves_its_commitment(recorder: LogRecorder) -> None:
    event = LogMapper(None).to_domain_event(recorder.select_notifications(12, 1)[0])  # type: ignore[arg-type]  # as above
    assert (event.data, len(event.commitment or b"")) == ({}, 32)
