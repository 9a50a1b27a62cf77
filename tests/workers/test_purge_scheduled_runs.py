"""The first real job."""

from datetime import datetime, timedelta

import pytest

from tests.support.database import TestDatabase
from tests.workers.schedules import NOON, Schedule, every
from workers.actors import Timing, Tools
from workers.jobs.purge_scheduled_runs import BATCH, JOB, purge_scheduled_runs

INSERT = """
    INSERT INTO app.scheduled_run (job, tick_at, run_id, wake_at, finished_at, outcome)
    SELECT 'hourly', timestamptz '{first}' + number * interval '1 hour', gen_random_uuid(), now(),
           now() - interval '{age}', 'done'
      FROM generate_series(0, {last}) AS number
"""


@pytest.fixture
def database(lasting_database: TestDatabase) -> TestDatabase:
    return lasting_database


async def ended_runs(schedule: Schedule, first: datetime, age: str, count: int = 1) -> None:
    await schedule.administer(INSERT.format(first=first.isoformat(), age=age, last=count - 1))


async def purge(schedule: Schedule) -> list[datetime]:
    """Runs the job as the worker would; the ticks that are left beside its own."""
    scheduler = schedule.scheduler(JOB, lock=7)
    await scheduler.round()
    (_, run_id) = schedule.wakes[-1]
    assert await purge_scheduled_runs(Tools(schedule.database, Timing()), run_id) == "done"
    return [row["tick_at"] for row in await schedule.rows() if row["job"] == "hourly"]


async def test_runs_that_ended_more_than_a_week_ago_go_and_younger_ones_stay(schedule: Schedule) -> None:
    day = timedelta(days=1)
    await ended_runs(schedule, NOON, "8 days")
    await ended_runs(schedule, NOON + day, "7 days 1 minute")
    await ended_runs(schedule, NOON + 2 * day, "6 days 23 hours")
    await ended_runs(schedule, NOON + 3 * day, "1 second")
    assert await purge(schedule) == [NOON + 2 * day, NOON + 3 * day]


async def test_more_than_one_batch_goes(schedule: Schedule) -> None:
    await ended_runs(schedule, NOON, "8 days", count=BATCH * 2 + 7)
    assert len(await purge(schedule)) == 1


async def test_the_newest_run_of_a_job_stays_so_that_its_tick_is_never_claimed_again(schedule: Schedule) -> None:
    yearly = every(366 * 86400, "hourly")
    await schedule.scheduler(yearly).round()
    await schedule.administer(
        "UPDATE app.scheduled_run SET finished_at = now() - interval '90 days', outcome = 'done' WHERE job = 'hourly'"
    )
    assert len(await purge(schedule)) == 1
    assert (await schedule.scheduler(yearly, lock=2).round()).claimed == ()


async def test_an_unfinished_run_stays_however_old_it_is(schedule: Schedule) -> None:
    await schedule.administer(
        "INSERT INTO app.scheduled_run (job, tick_at, run_id, wake_at, claimed_at) VALUES"
        " ('hourly', '2001-01-01', gen_random_uuid(), now(), '2001-01-01')"
    )
    await ended_runs(schedule, NOON, "1 second")
    assert len(await purge(schedule)) == 2
