"""The rows of the schedule: who has claimed which tick, who works on it, and how it ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import SystemTx
from workers.actors import Timing

CLAIM = """
    INSERT INTO app.scheduled_run (job, tick_at, run_id, wake_at)
    SELECT job, tick_at, run_id, now() + $4
      FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS due (job, tick_at, run_id)
        ON CONFLICT DO NOTHING
 RETURNING job, run_id
"""

SWEEP = """
    UPDATE app.scheduled_run
       SET wake_at = now() + $2
     WHERE run_id IN (
           SELECT run_id
             FROM app.scheduled_run
            WHERE finished_at IS NULL
              AND job = ANY ($1)
              AND wake_at <= now()
              AND (lease_until IS NULL OR lease_until <= now())
            ORDER BY wake_at
            LIMIT 100
              FOR UPDATE SKIP LOCKED)
 RETURNING job, run_id
"""

ABANDON = """
    UPDATE app.scheduled_run
       SET finished_at = now(),
           outcome = 'failed',
           lease_token = NULL,
           error_class = coalesce(error_class, 'Abandoned')
     WHERE finished_at IS NULL
       AND job = ANY ($1)
       AND attempts >= $2
       AND lease_until <= now()
 RETURNING job, run_id
"""

TAKE = """
    UPDATE app.scheduled_run
       SET lease_token = $2,
           lease_until = now() + $3,
           attempts = attempts + 1
     WHERE run_id = $1
       AND finished_at IS NULL
       AND attempts < $4
       AND (lease_until IS NULL OR lease_until <= now())
 RETURNING job, tick_at, attempts
"""

EXTEND = """
    UPDATE app.scheduled_run
       SET lease_until = now() + $3
     WHERE run_id = $1 AND lease_token = $2
 RETURNING TRUE
"""

FINISH = """
    UPDATE app.scheduled_run
       SET finished_at = now(),
           outcome = 'done',
           lease_token = NULL,
           error_class = NULL
     WHERE run_id = $1 AND lease_token = $2
 RETURNING TRUE
"""

FAIL = """
    UPDATE app.scheduled_run
       SET finished_at = CASE WHEN attempts >= $3 THEN now() END,
           outcome = CASE WHEN attempts >= $3 THEN 'failed' END,
           lease_token = NULL,
           lease_until = now() + $4::interval * power(2, attempts - 1),
           wake_at = now() + $4::interval * power(2, attempts - 1),
           error_class = left($5, 200)
     WHERE run_id = $1 AND lease_token = $2
"""


class Due(Struct, frozen=True):
    """A tick that the clock has reached, with the id that its run will have."""

    job: str
    tick_at: datetime
    run_id: UUID


class Wakeup(Struct, frozen=True):
    """A run that somebody should start."""

    job: str
    run_id: UUID


class Run(Struct, frozen=True):
    """A run that is ours until the lease ends. ``attempt`` counts from 1."""

    job: str
    tick_at: datetime
    run_id: UUID
    lease_token: UUID
    attempt: int


class LeaseLost(Exception):
    """Somebody else may be working on it by now."""


async def claim(tx: SystemTx, due: Sequence[Due], timing: Timing) -> tuple[Wakeup, ...]:
    """Those ticks that nobody had claimed before, of jobs that have no unfinished run. Wake them after the commit."""
    columns = [item.job for item in due], [item.tick_at for item in due], [item.run_id for item in due]
    rows = await tx.fetch(CLAIM, *columns, timedelta(seconds=timing.resend_seconds))
    return tuple(Wakeup(row["job"], row["run_id"]) for row in rows)


async def sweep(tx: SystemTx, jobs: Sequence[str], timing: Timing) -> tuple[Wakeup, ...]:
    """Runs whose wake-up was lost, whose worker died, or whose pause after a failure is over.

    Of the given jobs only: during a deployment a newer worker may have claimed one that this one does not know.
    """
    rows = await tx.fetch(SWEEP, list(jobs), timedelta(seconds=timing.resend_seconds))
    return tuple(Wakeup(row["job"], row["run_id"]) for row in rows)


async def abandon(tx: SystemTx, jobs: Sequence[str], timing: Timing) -> tuple[Wakeup, ...]:
    """Gives up runs whose last allowed attempt died without a word."""
    rows = await tx.fetch(ABANDON, list(jobs), timing.attempt_limit)
    return tuple(Wakeup(row["job"], row["run_id"]) for row in rows)


async def take(tx: SystemTx, run_id: UUID, lease_token: UUID, timing: Timing) -> Run | None:
    """None when it is finished, being worked on, pausing after a failure, given up, or gone."""
    lease = timedelta(seconds=timing.lease_seconds)
    row = await tx.fetchrow(TAKE, run_id, lease_token, lease, timing.attempt_limit)
    return Run(row["job"], row["tick_at"], run_id, lease_token, row["attempts"]) if row else None


async def extend(tx: SystemTx, run: Run, timing: Timing) -> None:
    """Raises LeaseLost."""
    if not await tx.fetchval(EXTEND, run.run_id, run.lease_token, timedelta(seconds=timing.lease_seconds)):
        raise LeaseLost(run.job)


async def finish(tx: SystemTx, run: Run) -> None:
    """Only by the lease's token: a stalled worker cannot finish what another has taken over. Raises LeaseLost."""
    if not await tx.fetchval(FINISH, run.run_id, run.lease_token):
        raise LeaseLost(run.job)


async def fail(tx: SystemTx, run: Run, error_class: str, timing: Timing) -> None:
    """Lets go with a pause that doubles with each attempt; the last allowed attempt ends the run as failed."""
    pause = timedelta(seconds=timing.retry_seconds)
    await tx.execute(FAIL, run.run_id, run.lease_token, timing.attempt_limit, pause, error_class)
