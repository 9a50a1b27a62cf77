"""Schedulers of a test: as many as it likes, with a clock of its own."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from eventstore.database.transaction import Database
from tests.support.database import TestDatabase, session
from workers.actors import Actor, Job, Outcome, Timing, Tools
from workers.leadership import Leadership
from workers.scheduler import Scheduler

NOON = datetime(2031, 3, 4, 12, 0, 0, tzinfo=UTC)

PATIENT = Timing(resend_seconds=600)
"""Nothing is swept unless the test asks for it."""


async def _never(_: Tools, __: UUID) -> Outcome:
    raise AssertionError("only its name is used")


def every(seconds: int, name: str = "minutely", offset_seconds: int = 0) -> Job:
    return Job(name, seconds, Actor(name, _never), offset_seconds)


class Clock:
    """Says what it is told."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def jump(self, **difference: float) -> None:
        self.now += timedelta(**difference)


class Wakes(list[tuple[str, UUID]]):
    """Takes the place of Redis and remembers."""

    async def __call__(self, actor: str, row_id: UUID) -> None:
        self.append((actor, row_id))


class Schedule:
    """The schedulers of one database, their clock and what they sent."""

    def __init__(self, database: Database, addresses: TestDatabase) -> None:
        self.database = database
        self.addresses = addresses
        self.clock = Clock()
        self.wakes = Wakes()
        self._made: list[Leadership] = []

    def scheduler(
        self,
        *jobs: Job,
        timing: Timing = PATIENT,
        lock: int = 1,
        wake: Callable[[str, UUID], Awaitable[None]] | None = None,
    ) -> Scheduler:
        """Those with different locks all believe that they lead."""
        leadership = Leadership(self.addresses.worker_url, lock=lock)
        self._made.append(leadership)
        return Scheduler(self.database, leadership, jobs, timing=timing, clock=self.clock, wake=wake or self.wakes)

    async def ticks(self) -> list[datetime]:
        return [row["tick_at"] for row in await self.rows()]

    async def rows(self) -> Sequence[asyncpg.Record]:
        async with self.database.system_transaction() as tx:
            return await tx.fetch("SELECT * FROM app.scheduled_run ORDER BY job, tick_at")

    async def finish_all(self) -> None:
        await self.administer(
            "UPDATE app.scheduled_run SET finished_at = now(), outcome = 'done', lease_token = NULL"
            " WHERE finished_at IS NULL"
        )

    async def administer(self, statement: str) -> None:
        """As the superuser, for what the worker's role may not do."""
        async with session(self.addresses.admin_url) as connection:
            await connection.execute(statement)

    async def close(self) -> None:
        for leadership in self._made:
            await leadership.release()
