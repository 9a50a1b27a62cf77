"""The rows of the schedule: who has claimed which tick. The run of a tick is a leased row."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import SystemTx
from workers.actors import Outcome, Timing, Tools
from workers.lease import Work, complete
from workers.leased_rows import LeasedRows, Unheld

CLAIM = """
    INSERT INTO app.scheduled_run (job, tick_at, run_id, wake_at)
    SELECT job, tick_at, run_id, now() + $4
      FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS due (job, tick_at, run_id)
        ON CONFLICT DO NOTHING
 RETURNING job AS kind, run_id AS id
"""

TICK = "SELECT tick_at FROM app.scheduled_run WHERE run_id = $1"

RUNS = LeasedRows(table="app.scheduled_run", identity="run_id", kind="job")


class Due(Struct, frozen=True):
    """A tick that the clock has reached, with the id that its run will have."""

    job: str
    tick_at: datetime
    run_id: UUID


async def claim(tx: SystemTx, due: Sequence[Due], timing: Timing) -> tuple[Unheld, ...]:
    """Those ticks that nobody had claimed before, of jobs that have no unfinished run. Wake them after the commit."""
    columns = [item.job for item in due], [item.tick_at for item in due], [item.run_id for item in due]
    return RUNS.unheld(await tx.fetch(CLAIM, *columns, timedelta(seconds=timing.resend_seconds)))


async def tick_of(tools: Tools, run_id: UUID) -> datetime:
    """For jobs that are of a period: the tick says of which, however late they run."""
    async with tools.database.system_transaction() as tx:
        tick: datetime = await tx.fetchval(TICK, run_id)
    return tick


async def complete_run(tools: Tools, run_id: UUID, work: Work) -> Outcome:
    return await complete(tools, RUNS, run_id, work)
