"""A worker gives a sign of life only while all of it moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from dramatiq import Worker
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from eventstore.following.liveness import Beat, forget_beat, jobs_health, record_beat
from eventstore.following.outage import Outage
from tests.workers.processes import PrivateRedis, until
from tests.workers.schedules import Schedule, every
from workers.actors import Timing
from workers.broker import POLL_MS, JobBroker
from workers.follower_metrics import FollowerMetrics
from workers.following import Following, FollowingPace
from workers.heartbeat import BeatPace, Heartbeat, Vitals, WorkerStalled
from workers.metrics import JobMetrics

BEAT = Beat("here:1:abc", "here", leader=True, database=True)
QUICK = BeatPace(beat=0.1, expiry=2, still=2.0)


class Alive:
    """A worker of this process whose parts a test can make hang."""

    def __init__(self, schedule: Schedule, broker: JobBroker, redis: Redis, pace: BeatPace) -> None:
        self.wakes_go_out = asyncio.Event()
        self.wakes_go_out.set()
        broker.declare("minutely", "default", print)
        self.worker = Worker(broker, worker_timeout=POLL_MS, worker_threads=1)
        self.scheduler = schedule.scheduler(every(60), timing=Timing(poll_seconds=0.05), wake=self._wake)
        metrics = FollowerMetrics(CollectorRegistry())
        self.following = Following(schedule.database, [], metrics, FollowingPace(poll=0.05))
        vitals = Vitals(self.scheduler, self.following, broker, self.worker, pace.still)
        self.heartbeat = Heartbeat(redis, lambda: BEAT, vitals, JobMetrics(CollectorRegistry()), pace)

    async def _wake(self, _: str, __: UUID) -> None:
        await self.wakes_go_out.wait()

    @asynccontextmanager
    async def living(self, *, followers: bool = True) -> AsyncIterator[None]:
        self.worker.start()
        try:
            async with asyncio.TaskGroup() as group:
                stop = asyncio.Event()
                group.create_task(self.scheduler.run(stop))
                if followers:
                    group.create_task(self.following.run(stop, Outage("redis"), stop.wait))
                group.create_task(self.heartbeat.run(stop, Outage("redis")))
                yield
                stop.set()
        finally:
            await asyncio.to_thread(self.worker.stop, 2000)


async def shown(redis: Redis) -> bool:
    return (await jobs_health(redis)).ok


async def vanished(redis: Redis) -> bool:
    return not await shown(redis)


async def test_while_all_parts_move_the_sign_stays(schedule: Schedule, broker: JobBroker, redis: Redis) -> None:
    async with Alive(schedule, broker, redis, QUICK).living():
        await until(lambda: shown(redis))
        with pytest.raises(TimeoutError):
            await until(lambda: vanished(redis), within_seconds=3.5)


async def test_while_nobody_looks_for_news_there_is_no_sign(
    schedule: Schedule, broker: JobBroker, redis: Redis
) -> None:
    patient = BeatPace(beat=0.1, expiry=2, still=2.0, hopeless=3600)  # on a machine that stands still meanwhile
    async with Alive(schedule, broker, redis, patient).living(followers=False):
        with pytest.raises(TimeoutError):
            await until(lambda: shown(redis), within_seconds=1.5)


async def test_when_the_scheduler_hangs_the_sign_goes(schedule: Schedule, broker: JobBroker, redis: Redis) -> None:
    alive = Alive(schedule, broker, redis, QUICK)
    async with alive.living():
        await until(lambda: shown(redis))
        alive.wakes_go_out.clear()
        await schedule.finish_all()
        schedule.clock.jump(seconds=60)
        await until(lambda: vanished(redis), within_seconds=20)
        alive.wakes_go_out.set()
        await until(lambda: shown(redis))
        assert await shown(redis)


async def test_when_a_consumer_thread_ends_the_sign_goes(schedule: Schedule, broker: JobBroker, redis: Redis) -> None:
    alive = Alive(schedule, broker, redis, QUICK)
    async with alive.living():
        await until(lambda: shown(redis))
        alive.worker.consumers["default"].stop()
        await until(lambda: vanished(redis), within_seconds=20)
        assert await vanished(redis)


async def test_a_worker_whose_part_does_not_come_back_gives_up(
    schedule: Schedule, broker: JobBroker, redis: Redis
) -> None:
    alive = Alive(schedule, broker, redis, BeatPace(beat=0.1, expiry=1, still=0.3, hopeless=0.6))

    async def live_on_with_a_dead_thread() -> None:
        async with alive.living():
            await until(lambda: shown(redis))
            alive.worker.workers[0].stop()
            await asyncio.sleep(5)

    with pytest.raises(ExceptionGroup) as caught:
        await live_on_with_a_dead_thread()
    assert caught.group_contains(WorkerStalled, match="worker thread")


async def test_a_clean_stop_takes_the_sign_back_at_once(schedule: Schedule, broker: JobBroker, redis: Redis) -> None:
    async with Alive(schedule, broker, redis, BeatPace(beat=0.1, expiry=60)).living():
        await until(lambda: shown(redis))
    assert await vanished(redis)


async def test_health_names_the_living_workers_of_a_host(redis: Redis) -> None:
    elsewhere = Beat("elsewhere:1:def", "elsewhere", leader=False, database=True)
    await record_beat(redis, BEAT)
    await record_beat(redis, elsewhere)
    assert {beat.worker_id for beat in (await jobs_health(redis)).workers} == {BEAT.worker_id, elsewhere.worker_id}
    assert (await jobs_health(redis, host="elsewhere")).workers == (elsewhere,)
    await forget_beat(redis, elsewhere.worker_id)
    assert not (await jobs_health(redis, host="elsewhere")).ok


async def test_health_without_redis_is_an_answer_and_no_error(private_redis: PrivateRedis) -> None:
    async with Redis.from_url(private_redis.url, socket_timeout=1) as client:
        await record_beat(client, BEAT)
        assert (await jobs_health(client)).ok
        private_redis.kill()
        assert not (await jobs_health(client)).ok
