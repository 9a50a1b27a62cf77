"""PostgreSQL and Redis go and come back; the worker stays, says so once, and goes on."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from eventstore.following.liveness import jobs_health
from eventstore.following.outage import Outage
from tests.workers.processes import (
    ONCE,
    PostgresDoor,
    PrivateRedis,
    WorkerProcess,
    WorkerSettings,
    until,
    worker_process,
)
from tests.workers.schedules import Schedule, every
from workers.actors import Timing
from workers.broker import NAMESPACE, connect_broker


def said(worker: WorkerProcess, event: str) -> int:
    return [json.loads(line)["event"] for line in worker.log.splitlines()].count(event)


def complaints(worker: WorkerProcess) -> list[tuple[str, str]]:
    """Event and name of what was said at the level of a warning or above."""
    lines = [json.loads(line) for line in worker.log.splitlines()]
    return [(line["event"], line.get("name", "")) for line in lines if line["level"] not in {"debug", "info"}]


async def ticks_on(worker: WorkerProcess, within_seconds: float = 10) -> None:
    before = worker.marks("finished")
    await until(lambda: worker.marks("finished") >= before + 2, within_seconds=within_seconds)


async def killed(server: PrivateRedis) -> None:
    server.kill()
    await asyncio.sleep(1)
    await server.start()


async def hung(server: PrivateRedis) -> None:
    server.suspend()
    await asyncio.sleep(2.5)
    server.resume()


@pytest.mark.parametrize("outage", [killed, hung])
async def test_a_worker_outlives_redis_says_so_once_and_goes_on_by_itself(
    outage: Callable[[PrivateRedis], Awaitable[None]], private_redis: PrivateRedis, worker_settings: WorkerSettings
) -> None:
    settings = WorkerSettings(worker_settings.database_url, private_redis.url, worker_settings.marks)
    with worker_process(settings, every_seconds=1) as worker:
        await ticks_on(worker)
        await outage(private_redis)
        await ticks_on(worker)
        await until(lambda: said(worker, "server_back") == 1)
        assert complaints(worker) == [("server_lost", "redis")]
        assert worker.process.poll() is None


async def test_a_worker_outlives_postgresql_says_so_once_and_goes_on_by_itself(
    door: PostgresDoor, worker_settings: WorkerSettings, redis: Redis
) -> None:
    async def misses_the_database() -> bool:
        return [beat.database for beat in (await jobs_health(redis)).workers] == [False]

    settings = WorkerSettings(door.url, worker_settings.redis_url, worker_settings.marks)
    with worker_process(settings, every_seconds=1) as worker:
        await ticks_on(worker)
        await door.shut()
        await until(misses_the_database)
        await door.open()
        await ticks_on(worker)
        assert complaints(worker) == [("server_lost", "postgres")]
        assert worker.process.poll() is None


async def test_a_worker_that_starts_before_postgresql_waits_for_it(
    door: PostgresDoor, worker_settings: WorkerSettings
) -> None:
    await door.shut()
    settings = WorkerSettings(door.url, worker_settings.redis_url, worker_settings.marks)
    with worker_process(settings, every_seconds=1) as worker:
        await until(lambda: said(worker, "server_lost") == 1)
        await door.open()
        await ticks_on(worker)
        assert worker.process.poll() is None


async def done_after_flush(
    schedule: Schedule, server: PrivateRedis, marks: Path, timing: Timing, within_seconds: float
) -> bool:
    """A run is claimed and woken, Redis loses everything, a worker comes: is the run done in time?"""
    broker = connect_broker(server.url, Outage("redis"))
    broker.declare("marked_job", "default", print)

    async def wake(actor: str, run_id: UUID) -> None:
        await asyncio.to_thread(broker.wake, actor, run_id)

    schedule.clock.now = datetime.now(UTC)
    claimer = schedule.scheduler(every(ONCE, "marked_job"), timing=timing, wake=wake)
    assert (await claimer.round()).unsent == 0
    await asyncio.to_thread(broker.client.flushall)
    broker.client.close()
    await schedule.close()
    with worker_process(WorkerSettings(schedule.addresses.worker_url, server.url, marks)) as worker:
        await until(lambda: "worker_started" in worker.log)
        try:
            await until(lambda: worker.marks("finished") == 1, within_seconds=within_seconds)
        except TimeoutError:
            return False
    return True


async def test_flushall_loses_no_run(schedule: Schedule, private_redis: PrivateRedis, tmp_path: Path) -> None:
    assert await done_after_flush(schedule, private_redis, tmp_path / "marks", Timing(resend_seconds=0.5), 30)


async def test_with_messages_alone_flushall_would_have_lost_it(
    schedule: Schedule, private_redis: PrivateRedis, tmp_path: Path
) -> None:
    assert not await done_after_flush(schedule, private_redis, tmp_path / "marks", Timing(resend_seconds=600), 2)


async def test_what_was_done_while_redis_was_away_is_acknowledged_when_it_is_back(private_redis: PrivateRedis) -> None:
    broker = connect_broker(private_redis.url, Outage("redis"))
    broker.declare("plain_message", "default", print)
    broker.wake("plain_message", uuid4())
    consumer = broker.consume("default")
    message = await asyncio.to_thread(next, consumer)
    assert message is not None
    await private_redis.written()
    private_redis.kill()
    await asyncio.to_thread(consumer.ack, message)
    assert await asyncio.to_thread(next, consumer) is None
    await private_redis.start()
    await asyncio.to_thread(next, consumer)
    assert not broker.client.keys(f"{NAMESPACE}:__acks__*")
    assert not broker.client.exists(f"{NAMESPACE}:default.msgs")
    broker.client.close()
