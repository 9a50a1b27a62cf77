"""Runs the followers of all logs: woken through Redis, with polling as the net under it.

Any number of processes may do it at once: a follower's place in a log is a row, held while somebody is at it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog
from msgspec import Struct

from eventstore.database.transaction import Database
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.follow import MOST_AT_ONCE, Follower, follow_once
from eventstore.following.news import FIRST, find_news
from eventstore.following.outage import REDIS_OUTAGE, Outage
from eventstore.following.pause import set_within
from eventstore.log.codec import Codec
from workers.agenda import Agenda, Look
from workers.follower_metrics import FollowerMetrics
from workers.lag import Lags

log = structlog.get_logger(__name__)


class FollowingPace(Struct, frozen=True, kw_only=True):
    """In seconds."""

    poll: float = 1.0
    """Between two rounds over all logs."""
    share: float = 0.1
    """Of the time that rounds may take: with very many logs they come less often."""
    first_retry: float = 1.0
    """After a look that failed; doubles with each."""
    longest_retry: float = 60.0
    look_limit: float = 600.0
    """Signing a first head walks the whole log."""


PARALLEL = 4
"""Looks at once, each with a connection; one connection more asks for news."""


class Consumer(Protocol):
    """Of the logs. ``look`` deals with one log and answers after how many seconds to come back, None for news only."""

    @property
    def name(self) -> str: ...
    async def look(self, tenant_id: UUID) -> float | None: ...


class FollowerConsumer(Struct, frozen=True):
    """A follower as a consumer: one run of events for each look, so that a long log does not hold up the others."""

    database: Database
    codec: Codec
    follower: Follower

    @property
    def name(self) -> str:
        return self.follower.name

    async def look(self, tenant_id: UUID) -> float | None:
        taken = await follow_once(self.database, self.codec, tenant_id, self.follower)
        return 0.0 if taken == MOST_AT_ONCE else None


class Following:
    """``turned_at`` is the monotonic second of the last round's end, in vain or not."""

    def __init__(
        self, database: Database, consumers: Sequence[Consumer], metrics: FollowerMetrics, pace: FollowingPace
    ) -> None:
        self._database = database
        self._consumers = {consumer.name: consumer for consumer in consumers}
        self._metrics = metrics
        self._pace = pace
        self._agenda = Agenda()
        self._lags = Lags(list(self._consumers))
        self._after = FIRST
        self._failures: Counter[Look] = Counter()
        self.turned_at: float | None = None

    def wake(self, tenant_id: UUID) -> None:
        """The log of this tenant may have grown."""
        self._metrics.woken()
        for name in self._consumers:
            self._agenda.add(Look(tenant_id, name))

    async def run(self, stop: asyncio.Event, outage: Outage, listen: Callable[[], Awaitable[object]]) -> None:
        """Until ``stop``; looks that have begun are finished. ``listen`` hears wake-ups until then or REDIS_OUTAGE."""
        async with asyncio.TaskGroup() as group:
            for _ in range(PARALLEL):
                group.create_task(self._look_on(stop))
            group.create_task(self._poll(stop))
            group.create_task(self._hear(stop, outage, listen))
            await stop.wait()
            self._agenda.wake()

    async def round(self) -> None:
        """Looks for news in all logs, or in as many as there is room for. Raises DatabaseUnavailable."""
        while not self._agenda.is_full:
            async with self._database.system_transaction() as tx:
                found, last = await find_news(tx, list(self._consumers), self._after)
            for news in found:
                self._lags.found(news)
                self._agenda.add(Look(news.tenant_id, news.follower))
            if last is None:
                self._after = FIRST
                self._metrics.measured(self._lags.round_over())
                return
            self._after = last

    async def _poll(self, stop: asyncio.Event) -> None:
        pause = 0.0
        while not await set_within(stop, pause):
            began = time.monotonic()
            try:
                await self.round()
            except DatabaseUnavailable as error:
                log.debug("poll_failed", error_class=type(error).__name__)  # the scheduler complains about the outage
            self.turned_at = time.monotonic()
            pause = max(self._pace.poll, (self.turned_at - began) / self._pace.share)

    async def _look_on(self, stop: asyncio.Event) -> None:
        while (key := await self._agenda.take(stop)) is not None:
            again_in: float | None = None
            try:
                again_in = await self._look(key)
            finally:
                self._agenda.done(key, again_in)

    async def _look(self, key: Look) -> float | None:
        """Whatever goes wrong with one log is put off, and no reason to leave the others."""
        try:
            async with asyncio.timeout(self._pace.look_limit):
                again_in = await self._consumers[key.follower].look(key.tenant_id)
        except DatabaseUnavailable:
            self._metrics.looked(key.follower, "unavailable")
            return self._pace.first_retry
        except Exception as error:  # a bug of one follower must not stop the others
            self._metrics.looked(key.follower, "failed")
            self._failures[key] += 1
            log.warning("follower_failed", name=key.follower, tenant=str(key.tenant_id), exc_info=error)
            return min(self._pace.first_retry * 2.0 ** min(self._failures[key] - 1, 30), self._pace.longest_retry)
        del self._failures[key]
        self._metrics.looked(key.follower, "done")
        return again_in

    async def _hear(self, stop: asyncio.Event, outage: Outage, listen: Callable[[], Awaitable[object]]) -> None:
        while not stop.is_set():
            try:
                await listen()
            except REDIS_OUTAGE as error:
                outage.failed("wake_ups", error)
                await set_within(stop, self._pace.poll)
