"""Forgets runs of the schedule that ended more than a week ago."""

from uuid import UUID

from eventstore.database.transaction import SystemTx
from workers.actors import Actor, Job, Outcome, Tools
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run

BATCH = 1000

PURGE = """
    DELETE FROM app.scheduled_run
     WHERE run_id IN (
           SELECT run_id
             FROM app.scheduled_run AS old
            WHERE finished_at < now() - INTERVAL '7 days'
              -- The newest run of a job stays however old: it is the claim on a tick that may still be the current one.
              AND EXISTS (
                  SELECT FROM app.scheduled_run AS newer WHERE newer.job = old.job AND newer.tick_at > old.tick_at)
            ORDER BY finished_at
            LIMIT $1)
 RETURNING run_id
"""


async def purge_batch(tx: SystemTx) -> int:
    """How many went, at most BATCH. Age is counted by PostgreSQL's clock."""
    return len(await tx.fetch(PURGE, BATCH))


async def purge(tools: Tools, _: Lease) -> None:
    gone = BATCH
    while gone == BATCH:
        async with tools.database.system_transaction() as tx:
            gone = await purge_batch(tx)


async def purge_scheduled_runs(tools: Tools, run_id: UUID) -> Outcome:
    return await complete_run(tools, run_id, purge)


ACTOR = Actor("purge_scheduled_runs", purge_scheduled_runs)
JOB = Job("purge_scheduled_runs", every_seconds=3600, actor=ACTOR)
