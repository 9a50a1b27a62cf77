"""Who runs the schedule, and who does when that one is gone."""

import asyncio

import pytest
from redis.asyncio import Redis

from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.liveness import jobs_health
from tests.support.database import TestDatabase
from tests.workers.processes import WorkerProcess, WorkerSettings, until, worker_process
from workers.leadership import Leadership


async def lead(database: TestDatabase, silence_seconds: float = 15.0) -> Leadership:
    leadership = Leadership(database.worker_url, silence_seconds=silence_seconds)
    assert await leadership.held()
    return leadership


async def test_a_leader_that_lets_go_is_followed_at_once(database: TestDatabase) -> None:
    first, second = await lead(database), Leadership(database.worker_url)
    assert not await second.held()
    await first.release()
    assert await second.held()
    await second.release()


async def takes_over(database: TestDatabase, silence_seconds: float, within_seconds: float) -> bool:
    """Whether a follower gets the lead from one that hangs: is connected, and asks for nothing."""
    hanging, follower = await lead(database, silence_seconds), Leadership(database.worker_url)
    try:
        await until(follower.held, within_seconds=within_seconds)
    except TimeoutError:
        return False
    finally:
        for leadership in (hanging, follower):
            await leadership.release()
    return True


async def test_a_leader_that_hangs_loses_the_lead(database: TestDatabase) -> None:
    assert await takes_over(database, silence_seconds=0.5, within_seconds=20)


async def test_without_the_limit_on_its_silence_a_leader_that_hangs_would_keep_it(database: TestDatabase) -> None:
    assert not await takes_over(database, silence_seconds=0, within_seconds=1.5)


async def test_a_leader_whose_session_was_ended_says_so_and_tries_again(database: TestDatabase) -> None:
    leadership = await lead(database, silence_seconds=0.1)
    await asyncio.sleep(0.3)
    with pytest.raises(DatabaseUnavailable):
        await leadership.held()
    assert await leadership.held()
    await leadership.release()


async def test_when_the_leading_worker_is_killed_the_other_takes_over_and_the_ticks_go_on(
    worker_settings: WorkerSettings, redis: Redis
) -> None:
    async def leads(worker: WorkerProcess) -> bool:
        beats = (await jobs_health(redis)).workers
        return any(beat.leader and f":{worker.pid}:" in beat.worker_id for beat in beats)

    with worker_process(worker_settings, every_seconds=1) as first:
        await until(lambda: leads(first))
        with worker_process(worker_settings, every_seconds=1) as second:
            await until(lambda: "worker_started" in second.log)
            assert not await leads(second)
            first.kill()
            await until(lambda: second.marks("finished") >= 3)
            await until(lambda: leads(second))
