"""Writers whose clocks jump, and pollers who read the feed beside them: what each poller saw (spec 06, B8)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from msgspec import Struct

from domain.event import Stream
from domain.observation import Observed
from eventstore.database.transaction import DatabaseUnavailable, TenantTx
from eventstore.log.command import Change, Command, Origin
from eventstore.log.lane import Store, Writer
from projections.queries.change_feed import ChangeFilter, find_changes
from tests.support.events import not_refused

JUMPS = (timedelta(0), timedelta(hours=1), timedelta(hours=-1))
START = datetime(2026, 3, 27, 12, tzinfo=UTC)
FILTERS = (ChangeFilter(), ChangeFilter(entity_type="session"))
PAGE = 50

LATER = """
    SELECT position, at FROM app.audit_index WHERE tenant_id = $1 AND at > $2 ORDER BY at, position LIMIT 50
"""


class Seen(Struct, frozen=True):
    """Positions in the order in which each poller got them; ``size`` is the log's at the end."""

    size: int
    by_position: list[list[int]]
    by_time: list[list[int]]

    def wrong(self) -> int:
        """Entries missed, doubled or out of order by the pollers that go by position."""
        return sum(seen != [*range(self.size)] for seen in self.by_position)

    def missed_by_time(self) -> int:
        return sum(self.size - len(set(seen)) for seen in self.by_time)


class Race:
    """Two writers of one process's kind each, as two API processes would have, on one log."""

    def __init__(self, store: Store, tenant: UUID, seed: int) -> None:
        self._store = store
        self._tenant = tenant
        self._random = random.Random(seed)
        self._ticks = 0
        self._done = asyncio.Event()
        self.refused = 0

    async def run(self, *, writers: int, pollers: int, seconds: float, most: int) -> Seen:
        """Ends after ``seconds``, or when each writer has written ``most``; then the pollers read to the end."""
        by_position: list[list[int]] = [[] for _ in range(pollers)]
        by_time: list[list[int]] = [[]]
        async with asyncio.TaskGroup() as polling:
            for number, seen in enumerate(by_position):
                polling.create_task(self._poll(seen, FILTERS[number % len(FILTERS)]))
            for seen in by_time:
                polling.create_task(self._poll_by_time(seen))
            await self._write_all(writers, seconds, most)
            self._done.set()
        async with self._reading() as tx:
            size = await tx.fetchval("SELECT size FROM app.log_head WHERE tenant_id = $1", self._tenant)
        return Seen(size, by_position, by_time)

    async def _write_all(self, writers: int, seconds: float, most: int) -> None:
        processes = [Writer(self._store) for _ in range(2)]
        ends_at = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as writing:
            for number in range(writers):
                writing.create_task(self._write(processes[number % 2], ends_at, most))

    async def _write(self, writer: Writer, ends_at: float, most: int) -> None:
        for _ in range(most):
            if asyncio.get_running_loop().time() >= ends_at:
                return
            try:
                await writer.submit(self._tenant, self._command())
            except DatabaseUnavailable as error:
                if error.outcome_unknown:
                    raise
                self.refused += 1  # the other process was always first: a client comes again

    def _command(self) -> Command:
        self._ticks += 1
        at = START + timedelta(milliseconds=self._ticks) + self._random.choice(JUMPS)
        stream = Stream("audit", uuid4())
        said = Observed(name="tick", entity_type="session", entity_id=stream.id)
        return Command(
            origin=Origin(actor=("test",), at=at, refuse=not_refused), needs=(), streams=(stream,),
            decide=lambda _: [Change(stream, said)], answer=lambda *_: None,
        )  # fmt: skip

    async def _poll(self, seen: list[int], wanted: ChangeFilter) -> None:
        cursor = -1
        while True:
            last_round = self._done.is_set()
            async with self._reading() as tx:
                changes = await find_changes(tx, cursor, wanted, PAGE)
            seen += changes.positions
            cursor = changes.cursor
            if last_round and not changes.more:
                return

    async def _poll_by_time(self, seen: list[int]) -> None:
        """As a client does that has nothing but times."""
        last = START - timedelta(days=1)
        while True:
            last_round = self._done.is_set()
            async with self._reading() as tx:
                rows = await tx.fetch(LATER, self._tenant, last)
            seen += [row["position"] for row in rows]
            if last_round and not rows:
                return
            last = rows[-1]["at"] if rows else last

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[TenantTx]:
        async with self._store.database.tenant_transaction(self._tenant) as tx:
            yield tx
