"""From a claimed tick to a finished run: leases, lost wake-ups, failures."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore.database.transaction import Database
from tests.support.database import TestDatabase
from tests.workers.processes import until
from tests.workers.schedules import Schedule, every
from workers.actors import Timing, Tools
from workers.leased_rows import Lease, LeaseLost
from workers.scheduled_run import RUNS, complete_run

QUICK = Timing(resend_seconds=0.2, lease_seconds=0.6, retry_seconds=0.1, attempt_limit=3)


@pytest.fixture
def database(lasting_database: TestDatabase) -> TestDatabase:
    return lasting_database


async def claimed(schedule: Schedule, timing: Timing = QUICK) -> UUID:
    """A run whose wake-up has been sent."""
    await schedule.scheduler(every(60), timing=timing).round()
    return schedule.wakes[-1][1]


async def leased(database: Database, run_id: UUID, timing: Timing = QUICK) -> Lease | None:
    async with database.system_transaction() as tx:
        return await RUNS.take(tx, run_id, uuid4(), timing)


async def the_run(schedule: Schedule) -> asyncpg.Record:
    (row,) = await schedule.rows()
    return row


async def succeed(_: Tools, __: Lease) -> None:
    pass


async def break_down(_: Tools, __: Lease) -> None:
    raise ZeroDivisionError


async def test_a_run_that_is_woken_is_done_once(schedule: Schedule) -> None:
    tools, run_id = Tools(schedule.database, QUICK), await claimed(schedule)
    assert [await complete_run(tools, run_id, succeed) for _ in range(3)] == ["done", "skipped", "skipped"]
    row = await the_run(schedule)
    assert (row["outcome"], row["attempts"]) == ("done", 1)


async def test_of_two_workers_that_get_the_same_message_one_works(schedule: Schedule) -> None:
    tools, run_id = Tools(schedule.database, QUICK), await claimed(schedule)
    outcomes = await asyncio.gather(*(complete_run(tools, run_id, succeed) for _ in range(6)))
    assert sorted(outcomes) == ["done"] + ["skipped"] * 5


async def test_a_message_about_a_run_that_is_no_more_is_skipped(schedule: Schedule) -> None:
    assert await complete_run(Tools(schedule.database, QUICK), uuid4(), succeed) == "skipped"


async def test_a_lost_wake_up_is_sent_again_by_whoever_leads_then(schedule: Schedule) -> None:
    run_id = await claimed(schedule)
    schedule.wakes.clear()
    later = schedule.scheduler(every(60), timing=QUICK, lock=2)
    assert (await later.round()).swept == ()
    await asyncio.sleep(QUICK.resend_seconds)
    await later.round()
    assert schedule.wakes == [("minutely", run_id)]


async def swept_within(schedule: Schedule, seconds: float) -> bool:
    scheduler = schedule.scheduler(every(60), timing=QUICK, lock=2)

    async def swept() -> bool:
        return bool((await scheduler.round()).swept)

    try:
        await until(swept, within_seconds=seconds)
    except TimeoutError:
        return False
    return True


async def test_the_run_of_a_worker_that_died_is_sent_again_when_its_lease_is_over(schedule: Schedule) -> None:
    assert await leased(schedule.database, await claimed(schedule))
    assert await swept_within(schedule, seconds=2)


async def test_the_run_of_a_worker_that_works_longer_than_its_lease_is_not_sent_again(schedule: Schedule) -> None:
    async def slow(_: Tools, __: Lease) -> None:
        assert not await swept_within(schedule, seconds=1.2)

    assert await complete_run(Tools(schedule.database, QUICK), await claimed(schedule), slow) == "done"


async def test_a_stalled_worker_cannot_finish_what_another_has_taken_over(schedule: Schedule) -> None:
    run_id = await claimed(schedule)
    stalled = await leased(schedule.database, run_id)
    await asyncio.sleep(QUICK.lease_seconds)
    other = await leased(schedule.database, run_id)
    assert stalled
    assert other
    with pytest.raises(LeaseLost):
        async with schedule.database.system_transaction() as tx:
            await RUNS.finish(tx, stalled)
    async with schedule.database.system_transaction() as tx:
        await RUNS.finish(tx, other)
    assert (await the_run(schedule))["outcome"] == "done"


async def test_work_whose_lease_was_taken_away_is_ended(schedule: Schedule) -> None:
    ended = asyncio.Event()

    async def robbed(_: Tools, __: Lease) -> None:
        await schedule.administer("UPDATE app.scheduled_run SET lease_token = gen_random_uuid()")
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(ExceptionGroup) as caught:
        await complete_run(Tools(schedule.database, QUICK), await claimed(schedule), robbed)
    assert caught.group_contains(LeaseLost)
    assert ended.is_set()
    assert (await the_run(schedule))["finished_at"] is None


async def test_a_failed_run_pauses_and_is_sent_again(schedule: Schedule) -> None:
    run_id = await claimed(schedule)
    with pytest.raises(ExceptionGroup):
        await complete_run(Tools(schedule.database, QUICK), run_id, break_down)
    row = await the_run(schedule)
    assert (row["attempts"], row["error_class"], row["finished_at"]) == (1, "ZeroDivisionError", None)
    assert await swept_within(schedule, seconds=2)


async def test_a_run_that_keeps_failing_is_given_up_after_the_last_allowed_attempt(schedule: Schedule) -> None:
    tools, run_id = Tools(schedule.database, QUICK), await claimed(schedule)
    for attempt in range(QUICK.attempt_limit):
        with pytest.raises(ExceptionGroup):
            await complete_run(tools, run_id, break_down)
        await asyncio.sleep(QUICK.retry_seconds * 2**attempt)
    row = await the_run(schedule)
    assert (row["outcome"], row["attempts"]) == ("failed", QUICK.attempt_limit)
    assert await complete_run(tools, run_id, succeed) == "skipped"


async def test_a_run_whose_every_worker_died_is_given_up_and_the_next_tick_goes_on(schedule: Schedule) -> None:
    once = Timing(resend_seconds=0.1, lease_seconds=0.2, attempt_limit=1)
    assert await leased(schedule.database, await claimed(schedule, once), once)
    await asyncio.sleep(once.lease_seconds)
    schedule.clock.jump(seconds=60)
    seen = await schedule.scheduler(every(60), timing=once, lock=2).round()
    assert [wakeup.kind for wakeup in seen.abandoned] == ["minutely"]
    assert len(seen.claimed) == 1
    assert [row["outcome"] for row in await schedule.rows()] == ["failed", None]


async def test_interrupted_work_lets_go_of_its_lease(schedule: Schedule) -> None:
    begun = asyncio.Event()

    async def endless(_: Tools, __: Lease) -> None:
        begun.set()
        await asyncio.sleep(60)

    work = asyncio.create_task(complete_run(Tools(schedule.database, QUICK), await claimed(schedule), endless))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    row = await the_run(schedule)
    assert (row["lease_token"], row["error_class"]) == (None, "CancelledError")
