"""The library's own test case for application recorders, on ours: what it writes is appended to a log by a server."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent
from msgspec.structs import replace

from loopctl.audit.remote import Client, parse_url
from loopctl.eventsourcing import LogRecorder
from loopctl.eventsourcing.logs import ServerLog, trusted
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry, decode_entry
from tests.loopctl.audit.remote_log import API_KEY, Server, served_log
from tests.loopctl.eventsourcing.sample import VKEY
from tests.loopctl.eventsourcing.their_tests import RecorderTestCase
from tests.support.sample_log import Plan, make_log

KIND = "sample"


class Appending(LogRecorder):
    """Theirs are names of one word and states of any bytes; the log's are a tag of several, and an object."""

    def __init__(self, server: Server) -> None:
        client = Client(API_KEY)
        super().__init__(ServerLog(parse_url(server.log), client, trusted([VKEY]), poll_seconds=0.0))
        self._server = server
        self._written: list[StoredEvent] = []

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:  # type: ignore[override]  # ours refuses
        there = {(each.originator_id, each.originator_version) for each in self._written}
        if there & {(each.originator_id, each.originator_version) for each in stored_events}:
            raise IntegrityError
        first = len(self._written) + 1
        self._written += stored_events
        changes = {position: self._change(event) for position, event in enumerate(self._written)}
        self._server.serve(make_log(Plan(size=len(self._written), changes=changes, heads=range(first))))
        return list(range(first, len(self._written) + 1))

    def select_events(self, *arguments: Any, **more: Any) -> list[StoredEvent]:
        return [_theirs(each) for each in super().select_events(*arguments, **more)]

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), **more: Any
    ) -> list[Notification]:
        ours = [f"{KIND}.{topic}" for topic in topics]
        return [_theirs(each) for each in super().select_notifications(start, limit, stop, ours, **more)]

    def _change(self, event: StoredEvent) -> Any:
        before = [
            each for each in self._written[: self._written.index(event)] if each.originator_id == event.originator_id
        ]

        def change(entry: Entry) -> Entry:
            last = self._written.index(before[-1]) if before else None
            data = canonical_json({"state": event.state.decode()})
            entity = (KIND, str(event.originator_id).partition(":")[2])
            return replace(entry, type=f"{KIND}.{event.topic}", entity=entity, eseq=len(before), eprev=last, data=data)

        return change


def _theirs(event: Any) -> Any:
    state = str(decode_entry(event.state).value()["state"]).encode()
    name = event.topic.partition(".")[2]
    if isinstance(event, Notification):
        return Notification(event.originator_id, event.originator_version, name, state, id=event.id)
    return StoredEvent(event.originator_id, event.originator_version, name, state)


class Positions(Appending):
    """The control: notification ids are positions."""

    def select_notifications(self, start: int | None, *arguments: Any, **more: Any) -> list[Notification]:
        found = super().select_notifications(None if start is None else start + 1, *arguments, **more)
        return [
            Notification(each.originator_id, each.originator_version, each.topic, each.state, id=each.id - 1)
            for each in found
        ]


class WholeLog(Appending):
    """The control: topics are not looked at."""

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), **more: Any
    ) -> list[Notification]:
        return super().select_notifications(start, limit, stop, topics[:0], **more)


class Conformance(RecorderTestCase):
    opened: Appending

    def __init__(self, server: Server, recorder: type[Appending] = Appending) -> None:
        super().__init__("test_insert_select")
        self.server = server
        self.kind = recorder

    def new_originator_id(self) -> UUID | str:
        return f"{KIND}:{uuid4()}"

    def create_recorder(self) -> Appending:
        self.opened = self.kind(self.server)
        self.addCleanup(self.opened.close)
        return self.opened


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served_log(make_log(Plan(size=0))) as served:
        yield served


@contextmanager
def conformance(server: Server, recorder: type[Appending] = Appending) -> Iterator[Conformance]:
    case = Conformance(server, recorder)
    try:
        yield case
    finally:
        case.doCleanups()


def test_a_log_is_read_as_their_test_case_demands(server: Server) -> None:
    with conformance(server) as case:
        case.test_insert_select()
        assert case.opened.max_notification_id() == 3


def test_a_subscriber_receives_as_their_test_case_demands(server: Server) -> None:
    with conformance(server) as case:
        case.optional_test_insert_subscribe()
        assert case.opened.max_notification_id() == 3


@pytest.mark.parametrize("broken", [Positions, WholeLog])
def test_their_test_case_finds_a_recorder_that_is_wrong(server: Server, broken: type[Appending]) -> None:
    with conformance(server, broken) as case, pytest.raises(AssertionError):
        case.test_insert_select()
