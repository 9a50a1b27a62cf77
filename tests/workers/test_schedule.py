"""Which ticks become runs: exactly one each, whatever clocks and schedulers do."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.database import TestDatabase
from tests.workers.schedules import NOON, Schedule, every
from workers.registry import ACTORS, JOBS
from workers.scheduler import latest_tick, uuid7

MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(lasting_database: TestDatabase) -> TestDatabase:
    return lasting_database


@pytest.mark.parametrize(
    ("now", "tick"),
    [
        (datetime(2031, 3, 4, 1, 59, 59, tzinfo=UTC), datetime(2031, 3, 3, 2, tzinfo=UTC)),
        (datetime(2031, 3, 4, 2, tzinfo=UTC), datetime(2031, 3, 4, 2, tzinfo=UTC)),
        (datetime(2031, 3, 4, 2, 0, 0, 1, tzinfo=UTC), datetime(2031, 3, 4, 2, tzinfo=UTC)),
    ],
)
def test_a_daily_job_with_an_offset_of_two_hours_ticks_at_two(now: datetime, tick: datetime) -> None:
    assert latest_tick(every(86400, offset_seconds=7200), now) == tick


def test_run_ids_are_version_7_and_in_the_order_of_time() -> None:
    made = [uuid7(NOON + timedelta(milliseconds=number)) for number in range(100)]
    assert made == sorted(made)
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert made[0].int >> 80 == int(NOON.timestamp() * 1000)


def test_every_job_starts_an_actor_that_is_registered_and_no_name_is_taken_twice() -> None:
    assert {job.actor.name for job in JOBS} <= {actor.name for actor in ACTORS}
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert len({actor.name for actor in ACTORS}) == len(ACTORS)


async def test_a_tick_is_claimed_and_woken_once_however_often_the_clock_is_looked_at(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60))
    for _ in range(5):
        await scheduler.round()
        schedule.clock.jump(seconds=10)
        await schedule.finish_all()
    assert await schedule.ticks() == [NOON]
    assert len(schedule.wakes) == 1


async def test_the_next_tick_is_claimed_when_its_time_has_come(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60))
    for _ in range(3):
        await scheduler.round()
        await schedule.finish_all()
        schedule.clock.jump(seconds=60)
    assert await schedule.ticks() == [NOON, NOON + MINUTE, NOON + 2 * MINUTE]


async def test_of_schedulers_with_one_lock_one_leads(schedule: Schedule) -> None:
    schedulers = [schedule.scheduler(every(60)) for _ in range(3)]
    rounds = await asyncio.gather(*(scheduler.round() for scheduler in schedulers))
    assert sorted(seen.leader for seen in rounds) == [False, False, True]


async def test_ticks_missed_while_everything_was_down_are_one_run_for_the_newest(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60))
    await scheduler.round()
    await schedule.finish_all()
    schedule.clock.jump(hours=3, seconds=20)
    for _ in range(3):
        await scheduler.round()
        await schedule.finish_all()
    assert await schedule.ticks() == [NOON, NOON + timedelta(hours=3)]


async def test_a_clock_that_jumps_back_repeats_no_tick(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60))
    for minutes in (0, 1, 2, 0, 1, 2):
        schedule.clock.now = NOON + minutes * MINUTE
        await scheduler.round()
        await schedule.finish_all()
    assert await schedule.ticks() == [NOON, NOON + MINUTE, NOON + 2 * MINUTE]


async def test_a_clock_that_jumped_ahead_and_was_set_right_goes_on_with_the_real_ticks(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60))
    ahead = timedelta(days=365)
    for now in (NOON, NOON + ahead, NOON + MINUTE):
        schedule.clock.now = now
        await scheduler.round()
        await schedule.finish_all()
    assert await schedule.ticks() == [NOON, NOON + MINUTE, NOON + ahead]


async def test_a_job_that_is_still_running_at_its_next_tick_is_not_started_beside_itself(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60))
    await scheduler.round()
    schedule.clock.jump(seconds=60)
    await scheduler.round()
    assert await schedule.ticks() == [NOON]
    await schedule.finish_all()
    await scheduler.round()
    assert await schedule.ticks() == [NOON, NOON + MINUTE]


async def test_two_jobs_do_not_wait_for_each_other(schedule: Schedule) -> None:
    scheduler = schedule.scheduler(every(60, "one"), every(60, "other"))
    await scheduler.round()
    assert sorted(actor for actor, _ in schedule.wakes) == ["one", "other"]


async def test_a_wake_up_that_redis_does_not_take_leaves_the_run_for_the_sweeper(schedule: Schedule) -> None:
    async def refused(_: str, __: object) -> None:
        raise ConnectionRefusedError

    deaf = schedule.scheduler(every(60), wake=refused)
    assert (await deaf.round()).unsent == 1
    assert await schedule.ticks() == [NOON]
