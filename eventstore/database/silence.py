"""A database that says nothing any more, because its machine or the network to it has stopped: noticed within two
seconds, and told to everybody who waits for it.

A slow statement is another thing, and is waited for: what is asked here is asked on a connection of its own, and needs
no table, no lock and no disk.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from msgspec import Struct

from eventstore.database.pool import Connection, Pool
from migrations.connection import DATABASE_ERRORS

log = structlog.get_logger("database")

PING = "SELECT 1"


class Patience(Struct, frozen=True):
    """Seconds between two questions, and until one that is not answered means silence."""

    pause: float = 0.5
    answer: float = 1.5


@asynccontextmanager
async def watching(pool: Pool, patience: Patience | None = None) -> AsyncIterator[None]:
    """For the length of the block, nobody waits for a silent database: see ``Pool.suspend``."""
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(pool, patience or Patience()))
        try:
            yield
        finally:
            watch.cancel()


async def _watch(pool: Pool, patience: Patience) -> None:
    connection: Connection | None = None
    try:
        while True:
            try:
                if connection is None or connection.is_closed():
                    connection = await _within(patience.answer, pool.another())
                await _within(patience.answer, connection.fetchval(PING))
            except TimeoutError:
                _silent(pool, connection)
                connection = None
            except DATABASE_ERRORS:
                connection = None  # it refuses or ends: whoever asks it hears so at once
            else:
                _heard(pool)
            await asyncio.sleep(patience.pause)
    finally:
        if connection is not None:
            connection.terminate()


def _silent(pool: Pool, connection: Connection | None) -> None:
    if connection is not None:
        connection.terminate()
    if not pool.suspended:
        log.error("database_silent")
        pool.suspend()


def _heard(pool: Pool) -> None:
    if pool.suspended:
        log.info("database_heard")
        pool.resume()


async def _within(seconds: float, work: Awaitable[Any]) -> Any:
    """Raises TimeoutError. Waits in two halves: when this process itself has stood still, the answer may have come
    while no time seems to be left, and is found in the second."""
    task = asyncio.ensure_future(work)
    try:
        for _ in range(2):
            await asyncio.wait({task}, timeout=seconds / 2)
            if task.done():
                return task.result()
    finally:
        task.cancel()
        task.add_done_callback(_seen)
    raise TimeoutError


def _seen(task: "asyncio.Future[Any]") -> None:
    with suppress(asyncio.CancelledError):
        task.exception()
