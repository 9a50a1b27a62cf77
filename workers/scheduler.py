"""The schedule: ticks become rows, rows become wake-ups."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from msgspec import Struct

from eventstore.database.transaction import Database
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.outage import REDIS_OUTAGE, Outage
from eventstore.following.pause import set_within
from workers.actors import Job, Timing
from workers.leadership import Leadership
from workers.leased_rows import Unheld
from workers.scheduled_run import RUNS, Due, claim

log = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 5.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Round(Struct, frozen=True):
    """What one look at the clock brought; all empty for a follower."""

    leader: bool
    claimed: tuple[Unheld, ...] = ()
    swept: tuple[Unheld, ...] = ()
    abandoned: tuple[Unheld, ...] = ()
    unsent: int = 0
    """Wake-ups that Redis did not take. The sweeper sends them again."""


class Scheduler:
    """One of any number. ``clock`` decides what is due and nothing else; it may jump either way.

    ``wake`` gets a job's actor and a run's id. ``seen`` hears of every round.
    """

    def __init__(
        self,
        database: Database,
        leadership: Leadership,
        jobs: Sequence[Job],
        *,
        timing: Timing,
        clock: Callable[[], datetime],
        wake: Callable[[str, UUID], Awaitable[None]],
    ) -> None:
        self._database = database
        self._leadership = leadership
        self._jobs = {job.name: job for job in jobs}
        self._timing = timing
        self._clock = clock
        self._wake = wake
        self._outage = Outage("postgres")
        self.turned_at: float | None = None
        """Monotonic second of the last finished round, in vain or not: it stands still when the scheduler hangs."""
        self.last = Round(leader=False)

    @property
    def database_reached(self) -> bool:
        return not self._outage.lasts

    async def run(self, stop: asyncio.Event, seen: Callable[[Round], None] = lambda _: None) -> None:
        """Rounds until ``stop``. PostgreSQL or Redis out of reach is waited for."""
        pause = 0.0
        try:
            while not await set_within(stop, pause):
                try:
                    self.last = await self.round()
                    seen(self.last)
                    self._outage.succeeded("scheduler")
                    pause = self._timing.poll_seconds
                except DatabaseUnavailable as error:
                    self._outage.failed("scheduler", error)
                    self.last = Round(leader=False)
                    pause = min(max(pause * 2, self._timing.poll_seconds), LONGEST_PAUSE_SECONDS)
                self.turned_at = time.monotonic()
        finally:
            await self._leadership.release()

    async def round(self) -> Round:
        """Claims what is due, sweeps what is left lying, sends the wake-ups. Raises DatabaseUnavailable."""
        if not await self._leadership.held():
            return Round(leader=False)
        names = list(self._jobs)
        now = self._clock()
        due = [Due(job.name, latest_tick(job, now), uuid7(now)) for job in self._jobs.values()]
        async with self._database.system_transaction() as tx:
            abandoned = await RUNS.abandon(tx, names, self._timing)
            swept = await RUNS.sweep(tx, names, self._timing)
            claimed = await claim(tx, due, self._timing)
        # A crash here leaves claimed rows without a wake-up: the next leader's sweep sends it.
        sent = await self._send(*claimed, *swept)
        return Round(True, claimed, swept, abandoned, unsent=len(claimed) + len(swept) - sent)

    async def _send(self, *runs: Unheld) -> int:
        """How many went out before Redis failed."""
        sent = 0
        try:
            for run in runs:
                await self._wake(self._jobs[run.kind].actor.name, run.id)
                sent += 1
        except REDIS_OUTAGE as error:
            log.debug("wake_up_not_sent", error_class=type(error).__name__)
        return sent


def latest_tick(job: Job, now: datetime) -> datetime:
    """The newest tick that is not after ``now``."""
    period, offset = timedelta(seconds=job.every_seconds), timedelta(seconds=job.offset_seconds)
    return now - (now - EPOCH - offset) % period


def uuid7(now: datetime) -> UUID:
    """RFC 9562, section 5.7: 48 bits of milliseconds, then random bits around version and variant."""
    milliseconds = (now - EPOCH) // timedelta(milliseconds=1)
    random = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & (1 << 62) - 1)
