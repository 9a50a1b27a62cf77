"""The worker's sign of life: given only while every part of it really moves."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from dramatiq import Worker
from msgspec import Struct
from redis.asyncio import Redis

from eventstore.following.liveness import BEAT_EXPIRY_SECONDS, Beat, forget_beat, record_beat
from eventstore.following.outage import REDIS_OUTAGE, Outage
from eventstore.following.pause import set_within
from workers.broker import JobBroker, waiting_key
from workers.following import Following
from workers.metrics import JobMetrics
from workers.scheduler import Scheduler

log = structlog.get_logger(__name__)

START_SECONDS = 0.05
"""Between two looks until everything has begun to move: somebody waits for the first beat."""


class BeatPace(Struct, frozen=True, kw_only=True):
    """In seconds."""

    beat: float = 3.0
    expiry: int = BEAT_EXPIRY_SECONDS
    still: float = 15.0
    """Longest pause of a part that does not hang: a round of the schedule against a slow PostgreSQL."""
    hopeless: float = 60.0
    """After which a part that stands still will not come back."""


class WorkerStalled(Exception):
    """A part of the worker has stopped for good. Only a new process helps."""


class Vitals:
    """The moving parts, looked at from outside."""

    def __init__(
        self, scheduler: Scheduler, following: Following, broker: JobBroker, worker: Worker, still_seconds: float
    ) -> None:
        self._scheduler = scheduler
        self._following = following
        self._broker = broker
        self._worker = worker
        self._still_seconds = still_seconds

    @property
    def queues(self) -> list[str]:
        return sorted(self._broker.get_declared_queues())

    def stands_still(self) -> str | None:
        """The part that does not move or has not begun to; None when all is well."""
        oldest = time.monotonic() - self._still_seconds
        for queue in sorted(self._broker.readers()):
            if self._broker.polled_at.get(queue, -math.inf) < oldest:
                return f"consumer of {queue}"
        if not all(thread.is_alive() for thread in self._worker.workers):
            return "worker thread"
        for part, turned_at in (("scheduler", self._scheduler.turned_at), ("followers", self._following.turned_at)):
            if turned_at is None or turned_at < oldest:
                return part
        return None


class Heartbeat:
    """Beats, and measures the queues on the way."""

    def __init__(
        self, redis: Redis, beat: Callable[[], Beat], vitals: Vitals, metrics: JobMetrics, pace: BeatPace
    ) -> None:
        self._redis = redis
        self._beat = beat
        self._vitals = vitals
        self._metrics = metrics
        self._pace = pace

    async def run(self, stop: asyncio.Event, outage: Outage) -> None:
        """Until ``stop``; then the sign is taken back. Raises WorkerStalled when a part does not come back to life."""
        moved_at = time.monotonic()
        said, pause = True, START_SECONDS
        try:
            while not await set_within(stop, pause):
                part = self._vitals.stands_still()
                if part is None:
                    moved_at, said, pause = time.monotonic(), False, self._pace.beat
                    await self._show(outage)
                elif not said:
                    said = True
                    log.error("worker_stalled", reason=part)
                elif time.monotonic() - moved_at > self._pace.hopeless:
                    raise WorkerStalled(part)
        finally:
            with suppress(*REDIS_OUTAGE):
                await forget_beat(self._redis, self._beat().worker_id)

    async def _show(self, outage: Outage) -> None:
        try:
            await record_beat(self._redis, self._beat(), expiry_seconds=self._pace.expiry)
            for queue in self._vitals.queues:
                self._metrics.queue_measured(queue, await self._redis.llen(waiting_key(queue)))
            outage.succeeded("heartbeat")
        except REDIS_OUTAGE as error:
            outage.failed("heartbeat", error)
