"""Group commit: one lane for each tenant takes whatever waits, decides it in order, and writes it in one transaction.

There is no timer: a lone command goes at once, a batch is what arrived while the last one was being committed.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from domain.event import Recorded, Stream
from eventstore.database.transaction import Contended, Database, DatabaseUnavailable, TenantTx
from eventstore.gc_pauses import collector_paused
from eventstore.log.append import Batch, HeadMoved, NewEvent, append, encode_batch, read_head
from eventstore.log.codec import Codec
from eventstore.log.command import Command, Model, Reply
from eventstore.log.deciding import Decided, Knowledge, Replies, decide_in_order
from eventstore.log.idempotency import HOLD, find_replies
from eventstore.log.short_way import Moving, ShortWay

log = structlog.get_logger("eventstore")

LARGEST_BATCH = 512
LONGEST_QUEUE = 4096
LONGEST_RUN = 1000
"""Events that the read models take in at once. An import has ten thousands: as one, they would keep the loop from
everybody else, and a statement about them would come near the seconds that it is given."""
ANSWERS_KEY, STREAMS_KEY = "idempotency_pkey", "log_entry_stream"
MOST_TRIES = 20
"""Times that a batch is decided again because somebody else appended first."""
TRIES_BEFORE_HOLDING = 3
"""After these the head is held before anything is read: beside a busy writer, a slow one would never come first.

A command that is alone holds it from the beginning: what it needs takes several statements, which must see one state.
"""


class Overloaded(Exception):
    """More commands wait for this tenant than will be served soon. The client may retry."""


InlineProjection = Callable[[TenantTx, Sequence[Recorded]], Awaitable[object]]
"""Writes a read model in the transaction of its events. The number of its statements does not depend on how many."""


class Store(Struct, frozen=True):
    """What lanes work with."""

    database: Database
    codec: Codec
    models: Mapping[str, Model[Any, Any]]
    projections: Sequence[InlineProjection]
    now: Callable[[], datetime]
    committed: Callable[[UUID, int], None]
    """Told tenant and size after each commit; hurries those who follow the log. Losing it costs one poll."""
    counted: Callable[[Sequence[NewEvent]], None] | None = None
    """Told what each commit held, for figures of the process."""
    short: ShortWay | None = None
    """For the batches that it fits; without it every batch goes the general way."""


class Way(Struct, frozen=True):
    """How a batch is tried: looking for earlier answers first, with the head held from the beginning, and with a look
    at where these streams end, which an earlier try had taken for new."""

    used_keys: bool
    held: bool
    streams: frozenset[Stream] = frozenset()


class Waiting:
    """One command and the request that waits for it."""

    __slots__ = ("command", "reply")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def answer(self, reply: Reply) -> None:
        if not self.reply.done():  # the request may be gone; the transaction was not asked to care
            self.reply.set_result(reply)

    def fail(self, error: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


class Lane:
    """All commands of one tenant in this process, in the order of their arrival."""

    def __init__(self, store: Store, tenant_id: UUID, slots: asyncio.Semaphore) -> None:
        """Lanes that share ``slots`` take turns, first come, first served: see ``AT_ONCE``."""
        self._store = store
        self._slots = slots
        self._tenant_id = tenant_id
        self._queue: deque[Waiting] = deque()
        self._known = Knowledge(store.models)
        self._running: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self._running is None

    async def submit(self, command: Command) -> Reply:
        """Returns after the commit. Raises Overloaded, DatabaseUnavailable.

        When the caller is cancelled the command goes on: the idempotency key tells the retry what became of it.
        """
        if len(self._queue) >= LONGEST_QUEUE:
            raise Overloaded
        waiting = Waiting(command)
        self._queue.append(waiting)
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name=f"lane {self._tenant_id}")
        return await waiting.reply

    async def finish(self) -> None:
        """Waits until nothing waits; at a stop."""
        while self._running is not None:
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            while self._queue:
                async with self._slots:
                    await self._commit_or_split(self._next_batch())
        finally:
            self._running = None

    def _next_batch(self) -> list[Waiting]:
        """What waits, up to a command that has to be alone."""
        batch = [self._queue.popleft()]
        while (
            self._queue and len(batch) < LARGEST_BATCH and not (batch[0].command.alone or self._queue[0].command.alone)
        ):
            batch.append(self._queue.popleft())
        return batch

    async def _commit_or_split(self, batch: Sequence[Waiting]) -> None:
        """A batch that fails as a whole is run one by one, so that a poisonous command fails alone."""
        try:
            await self._commit(batch)
        except DatabaseUnavailable as error:
            # Not split: with an unknown outcome, a second try could do everything twice.
            self._give_up(batch, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must reach the callers and not end the lane
            if len(batch) == 1:
                self._give_up(batch, error)
                return
            log.warning("batch_split", count=len(batch), error_class=type(error).__name__)
            self._known.forget()
            for waiting in batch:
                await self._commit_or_split([waiting])

    def _give_up(self, batch: Sequence[Waiting], error: Exception) -> None:
        self._known.forget()
        for waiting in batch:
            waiting.fail(error)

    async def _commit(self, batch: Sequence[Waiting]) -> None:
        """Decides and writes; again and again while others append first or have used the same idempotency key, and once
        more when an event belongs to a stream that its command could not name: that of a budget that is used up."""
        used_keys, streams = False, frozenset[Stream]()
        for tries in range(MOST_TRIES):
            held = used_keys or tries >= TRIES_BEFORE_HOLDING or batch[0].command.alone
            way = Way(used_keys=used_keys, held=held, streams=streams)
            try:
                decided = await self._try(batch, way)
            except (HeadMoved, Contended):
                self._known.forget()
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name not in (ANSWERS_KEY, STREAMS_KEY):
                    raise
                used_keys |= error.constraint_name == ANSWERS_KEY
                streams |= self._known.taken_for_new
                self._known.forget()
            else:
                self._settle(batch, decided)
                return
        raise DatabaseUnavailable("busy")

    async def _try(self, batch: Sequence[Waiting], way: Way) -> Decided:
        commands = [waiting.command for waiting in batch]
        short, run = self._store.short, self._store.database.run_to_end
        asked = self._known.unknown(commands)
        if short is None or not short.models.issuperset(asked) or not _is_plain(commands, way):
            return await run(self._tenant_id, partial(self._decide_and_write, commands=commands, way=way))
        await self._look_up(short, commands, asked)
        if any(command.following for command in commands) and self._known.unknown(commands):
            return await run(self._tenant_id, partial(self._decide_and_write, commands=commands, way=way))
        decided, written = self._decide(commands, {})
        if not written.entries and not written.answers:
            if _confirms(commands, decided):
                await run(self._tenant_id, self._confirm)
            else:
                await self._compare(short)
        elif not written.payloads and short.fits(written.recorded, self._known.before):
            await short.write(
                self._store.database, self._tenant_id, Moving(written, self._known.before, self._known.states)
            )
        else:
            await run(self._tenant_id, partial(self._write, decided=decided, written=written))
        self._known.head = written.new_head
        return decided

    async def _look_up(self, short: ShortWay, commands: Sequence[Command], asked: Mapping[str, Sequence[Any]]) -> None:
        """Two looks only where streams take states to be named, and the first did not find their ends."""
        known, streams = self._known, self._known.unknown_ends(commands)
        if asked or streams or known.head is None:
            known.take(await short.look_up(self._store.database, self._tenant_id, asked, streams), asked, streams)
        if asked and (streams := known.unknown_ends(commands)):
            known.take(await short.look_up(self._store.database, self._tenant_id, {}, streams), {}, streams)

    async def _compare(self, short: ShortWay) -> None:
        """Raises HeadMoved when another process wrote: a refusal, or an answer that changes nothing, must not be made
        from what was true before."""
        self._known.take(await short.look_up(self._store.database, self._tenant_id, {}, ()), {}, ())

    async def _confirm(self, tx: TenantTx) -> None:
        """As ``_compare``, and waits for what was written before as its own writer does: see `idempotency`."""
        await tx.execute(HOLD, tx.tenant_id)
        if await read_head(tx) != self._known.head:
            raise HeadMoved

    async def _decide_and_write(self, tx: TenantTx, commands: Sequence[Command], way: Way) -> Decided:
        """The general way, one transaction: a crash before its COMMIT leaves nothing of it, after it everything."""
        known = self._known
        if way.held:
            await tx.execute(HOLD, tx.tenant_id)
        if known.head is None:
            known.head = await read_head(tx)
        earlier = await find_replies(tx, commands) if way.used_keys else {}
        await known.learn(tx, commands)
        await known.learn_ends(tx, way.streams)
        if any(command.aside for command in commands):
            decided, written = await asyncio.to_thread(self._decide_aside, commands, earlier)
        else:
            decided, written = self._decide(commands, earlier)
        if written.entries or written.answers:
            await self._write(tx, decided, written)
        elif _confirms(commands, decided):
            await self._confirm(tx)
        elif await read_head(tx) != known.head:
            # Nothing was appended, which would have shown it: another process wrote, and a refusal or an answer that
            # changes nothing must not be made from what was true before.
            raise HeadMoved
        # Right only after the commit; when that fails, everything known is forgotten.
        known.head = written.new_head
        return decided

    def _decide(self, commands: Sequence[Command], earlier: Replies) -> tuple[Decided, Batch]:
        decided = decide_in_order(self._store.codec, self._known, commands, earlier)
        written = encode_batch(
            self._known.at, decided.events, at=self._store.now(), answers=decided.answers, nonces=decided.nonces
        )
        return decided, written

    def _decide_aside(self, commands: Sequence[Command], earlier: Replies) -> tuple[Decided, Batch]:
        with collector_paused():
            return self._decide(commands, earlier)

    async def _write(self, tx: TenantTx, decided: Decided, written: Batch) -> None:
        await append(tx, written)
        tx.before = self._known.before  # true under this head, which `append` has just checked and holds
        for start in range(0, len(written.recorded), LONGEST_RUN):
            for project in self._store.projections:
                await project(tx, written.recorded[start : start + LONGEST_RUN])
            tx.before = {}  # as it was before the first run
        for write in decided.beside:
            await write(tx)

    def _settle(self, batch: Sequence[Waiting], decided: Decided) -> None:
        for waiting, outcome in zip(batch, decided.outcomes, strict=True):
            if isinstance(outcome, Exception):
                waiting.fail(outcome)
            else:
                waiting.answer(outcome)
        if decided.events:
            self._store.committed(self._tenant_id, self._known.size)
            if self._store.counted is not None:
                self._store.counted(decided.events)
        self._known.trim()
        if any(waiting.command.forgets for waiting in batch):
            self._known.forget()


def _is_plain(commands: Sequence[Command], way: Way) -> bool:
    """Nothing has to be looked for, held or written but what is known, decided and appended."""
    return not (way.used_keys or way.held or way.streams) and not any(
        command.beside or command.aside for command in commands
    )


def _confirms(commands: Sequence[Command], decided: Decided) -> bool:
    """Says one of them, of a batch that writes nothing, that what it wishes is so already?"""
    outcomes = zip(commands, decided.outcomes, strict=True)
    return any(
        isinstance(outcome, Reply) and outcome.status < 400 and not command.rehearsal for command, outcome in outcomes
    )


MOST_LANES = 1000
"""Tenants whose states are remembered between commands."""

AT_ONCE = 4
"""Lanes that write at a time. What a lane waits for its turn makes its batch larger, and a batch costs as many round
trips as a lone command: more at a time would do less in all."""


class Writer:
    """The door to the log for whoever has a command. Several processes may each have one: the head orders them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._lanes: OrderedDict[UUID, Lane] = OrderedDict()

    async def submit(self, tenant_id: UUID, command: Command) -> Reply:
        """Returns after the commit. Raises Overloaded, DatabaseUnavailable, NoLog."""
        lane = self._lanes.get(tenant_id)
        if lane is None:
            lane = self._lanes[tenant_id] = Lane(self._store, tenant_id, self._slots)
            self._drop_idle()
        else:
            self._lanes.move_to_end(tenant_id)
        return await lane.submit(command)

    async def finish(self) -> None:
        """Waits until every command that was taken has its answer; at a stop."""
        for lane in list(self._lanes.values()):
            await lane.finish()

    def _drop_idle(self) -> None:
        for tenant_id in list(self._lanes):
            if len(self._lanes) <= MOST_LANES:
                return
            if self._lanes[tenant_id].idle:
                del self._lanes[tenant_id]
