"""Does the work of a leased row while holding its lease."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID, uuid4

from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.pause import set_within
from workers.actors import Outcome, Tools
from workers.leased_rows import Lease, LeasedRows, LeaseLost

Work = Callable[[Tools, Lease], Awaitable[None]]


async def complete(tools: Tools, rows: LeasedRows, id_: UUID, work: Work) -> Outcome:
    """Takes the lease, works, finishes; ``skipped`` when there is nothing to take.

    A crash after the work and before the finish makes the next worker do it again, so that work must bear repetition.
    Whatever ends the work early, a stop included, is noted in the row, counts as an attempt, and is raised again.
    """
    async with tools.database.system_transaction() as tx:
        lease = await rows.take(tx, id_, uuid4(), tools.timing)
    if lease is None:
        return "skipped"
    try:
        async with asyncio.TaskGroup() as group:
            over = asyncio.Event()
            group.create_task(_keep(tools, rows, lease, over))
            await work(tools, lease)
            over.set()
        async with tools.database.system_transaction() as tx:
            await rows.finish(tx, lease)
    except BaseException as error:
        # Without the database the lease ends by itself, and the sweeper finds the row.
        with suppress(DatabaseUnavailable):
            async with tools.database.system_transaction() as tx:
                await rows.release(tx, lease, type(cause(error)).__name__, tools.timing)
        raise
    return "done"


def cause(error: BaseException) -> BaseException:
    """The first error inside the groups that a TaskGroup wraps around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _keep(tools: Tools, rows: LeasedRows, lease: Lease, over: asyncio.Event) -> None:
    """Renews the lease until the work is over. Raises LeaseLost, which ends the work, once another may have it."""
    now = asyncio.get_running_loop().time
    lease_seconds = tools.timing.lease_seconds
    ends = now() + lease_seconds
    while not await set_within(over, lease_seconds / 3):
        asked = now()
        try:
            async with asyncio.timeout_at(ends), tools.database.system_transaction() as tx:
                await rows.renew(tx, lease, tools.timing)
            ends = asked + lease_seconds
        except (DatabaseUnavailable, TimeoutError) as error:
            if now() >= ends:
                raise LeaseLost(lease.kind) from error
