"""One tenant's log as other event stores are seen: a recorder of the package ``eventsourcing``.

Its positions count from 1, ours from 0. It is synchronous: the log runs in a thread with a loop of its own.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

from msgspec import Struct

from domain.errors import Conflict
from domain.event import Event, Recorded, Stream
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.codec import Codec
from eventstore.log.command import Change, Command, Known, Model, Need, Origin, Reply
from eventstore.log.lane import Store, Writer
from eventstore.log.read import replay
from tests.support.database import connected
from tests.support.dcb import (
    DCBAppendCondition,
    DCBEvent,
    DCBListenNotifySubscription,
    DCBQuery,
    DCBQueryItem,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
    IntegrityError,
    ProgrammingError,
    SimpleDCBReadResponse,
    matches,
)

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
LONGEST_WAIT_SECONDS = 30

Result = TypeVar("Result")


class Noted(Event, frozen=True, kw_only=True):
    """Any event of theirs."""

    TAG: ClassVar[str] = "dcb.noted"
    type: str
    data: bytes
    tags: tuple[str, ...]


CODEC = Codec([Noted])


class Condition(Struct, frozen=True):
    """Theirs, as something to know about the log: whether an event after ``after`` matches. It can be a key."""

    items: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    after: int

    @classmethod
    def of(cls, condition: DCBAppendCondition) -> "Condition":
        items = condition.fail_if_events_match.items
        return cls(tuple((tuple(item.types), tuple(item.tags)) for item in items), condition.after or 0)

    def fails_on(self, noted: DCBSequencedEvent) -> bool:
        query = DCBQuery([DCBQueryItem(list(types), list(tags)) for types, tags in self.items])
        return noted.position > self.after and matches(query, noted.event)


class Matched(Model[Condition, bool]):
    """The model of it: read from the log once, then kept up to date by what is decided, as every model is."""

    name = "dcb_condition"
    events = (Noted,)

    def __init__(self) -> None:
        self._asked: set[Condition] = set()

    async def load(self, tx: TenantTx, keys: Sequence[Condition]) -> Mapping[Condition, bool]:
        self._asked |= set(keys)
        events = [theirs(each) async for page in replay(tx, CODEC) for each in page]
        return {key: any(map(key.fails_on, events)) for key in keys}

    def initial(self, _: Condition) -> bool:
        return False

    def touched(self, recorded: Recorded) -> Sequence[Condition]:
        return [key for key in self._asked if key.fails_on(theirs(recorded))]

    def evolve(self, _: bool, __: Recorded) -> bool:
        return True


def theirs(recorded: Recorded) -> DCBSequencedEvent:
    event = recorded.event
    assert isinstance(event, Noted)
    return DCBSequencedEvent(DCBEvent(event.type, event.data, list(event.tags)), recorded.position + 1)


class LogRecorder(DCBRecorder):
    """Appends through the writer like every route: needs, decision, batch, answer."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._listeners: set[threading.Event] = set()
        self._tenant = uuid4()
        self._database = self._wait(self._open(url))
        self._writer = Writer(
            Store(
                database=self._database, codec=CODEC, models={Matched.name: Matched()}, projections=[],
                now=lambda: NOON, committed=self._wake,
            )
        )  # fmt: skip

    def close(self) -> None:
        self._wait(self._database.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        if not events:
            raise ProgrammingError("nothing to append")
        reply = self._wait(self._writer.submit(self._tenant, self._command(events, condition)))
        if reply.status != 201:
            raise IntegrityError(condition)
        return int(reply.body)

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        whole = self._wait(self._read())
        found = [each for each in whole if each.position > (after or 0) and matches(query or DCBQuery(), each.event)]
        found = found[:limit]
        seen = whole if limit is None else found
        return SimpleDCBReadResponse(iter(found), seen[-1].position if seen else None)

    def subscribe(self, query: DCBQuery | None = None, *, after: int | None = None) -> "Subscription":
        return Subscription(self, query, after)

    def listen(self, listener: threading.Event) -> None:
        self._listeners.add(listener)

    def unlisten(self, listener: threading.Event) -> None:
        self._listeners.discard(listener)

    def _wake(self, _: UUID, __: int) -> None:
        for listener in list(self._listeners):
            listener.set()

    def _command(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None) -> Command:
        stream = Stream("dcb", uuid4())
        needs: list[Need[bool]] = [Need(Matched.name, Condition.of(condition))] if condition else []

        def decide(known: Known) -> Sequence[Change]:
            if any(known[need] for need in needs):
                raise Conflict("An event matches the condition.")
            return [Change(stream, Noted(type=new.type, data=new.data, tags=tuple(new.tags))) for new in events]

        return Command(
            origin=Origin(actor=("test",), at=NOON, refuse=lambda _: Reply(409, b"")), needs=needs, streams=[stream],
            decide=decide, answer=lambda _, recorded: recorded[-1].position + 1, status=201,
        )  # fmt: skip

    async def _open(self, url: str) -> Database:
        database = await connected(url, role="loopctl_app", max_size=3)
        async with database.tenant_transaction(self._tenant) as tx:
            await tx.execute("SELECT app.open_log($1)", self._tenant)
        return database

    async def _read(self) -> list[DCBSequencedEvent]:
        async with self._database.tenant_transaction(self._tenant) as tx:
            return [theirs(each) async for page in replay(tx, CODEC) for each in page]

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST_WAIT_SECONDS)


class Subscription(DCBListenNotifySubscription[LogRecorder]):
    def __init__(self, recorder: LogRecorder, query: DCBQuery | None, after: int | None) -> None:
        super().__init__(recorder, query, after)
        recorder.listen(self._has_been_notified)

    def stop(self) -> None:
        super().stop()
        self._recorder.unlisten(self._has_been_notified)


@contextmanager
def log_recorder(url: str, kind: Callable[[str], LogRecorder] = LogRecorder) -> Iterator[LogRecorder]:
    """On a new tenant's log."""
    recorder = kind(url)
    try:
        yield recorder
    finally:
        recorder.close()
