"""The followers of all logs: hurried by Redis, safe without it, each event once whoever is killed."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from domain.event import Recorded
from eventstore.database.transaction import Database, TenantTx
from eventstore.following.follow import Follower
from eventstore.following.outage import Outage
from eventstore.following.wake_up import announcing, listen
from tests.eventstore.writing import CODEC
from tests.support.database import TestDatabase, connected, session
from tests.workers.collecting_worker import CARELESS, MAKE_TABLE
from tests.workers.logs import announced_by, opened_log, write
from tests.workers.processes import PrivateRedis, WorkerSettings, until, worker_process
from workers.follower_metrics import FollowerMetrics
from workers.following import Consumer, FollowerConsumer, Following, FollowingPace

NEVER = FollowingPace(poll=600)
OFTEN = FollowingPace(poll=0.1)


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.app_url, role="loopctl_app", max_size=6)
    yield opened
    await opened.close()


class Collector:
    """Remembers what it was given."""

    def __init__(self, database: Database) -> None:
        self.seen: dict[UUID, list[int]] = {}
        self.reader = FollowerConsumer(database, CODEC, Follower("collector", self.apply))

    async def apply(self, tx: TenantTx, recorded: Sequence[Recorded]) -> None:
        self.seen.setdefault(tx.tenant_id, []).extend(each.position for each in recorded)

    def has(self, tenant: UUID, count: int) -> bool:
        return self.seen.get(tenant) == list(range(count))


@asynccontextmanager
async def running(
    database: Database, *consumers: Consumer, pace: FollowingPace, redis: Redis | None = None
) -> AsyncIterator[CollectorRegistry]:
    """Followers at work, deaf without a Redis. Yields their metrics once they have looked at everything."""
    registry = CollectorRegistry()
    following = Following(database, consumers, FollowerMetrics(registry), pace)
    stop, hearing = asyncio.Event(), asyncio.Event()

    async def hear() -> None:
        if redis is None:
            hearing.set()
            await stop.wait()
        else:
            await listen(redis, stop, woken=following.wake, turned=hearing.set)

    async with asyncio.TaskGroup() as group:
        group.create_task(following.run(stop, Outage("redis"), hear))
        await until(lambda: following.turned_at is not None and hearing.is_set())
        try:
            yield registry
        finally:
            stop.set()


async def test_a_commit_wakes_the_followers(app: Database, worker_database: Database, redis: Redis) -> None:
    collector, tenant = Collector(worker_database), await opened_log(app)
    async with (
        announcing(redis) as announcer,
        running(worker_database, collector.reader, pace=NEVER, redis=redis) as registry,
    ):
        await write(announced_by(app, announcer.committed), tenant, 3)
        await until(lambda: collector.has(tenant, 3), within_seconds=20)
    assert registry.get_sample_value("loopctl_follower_wakeups_total") == 1


async def test_without_a_wake_up_and_without_polling_nothing_would_happen(
    app: Database, worker_database: Database, redis: Redis
) -> None:
    collector, tenant = Collector(worker_database), await opened_log(app)
    async with running(worker_database, collector.reader, pace=NEVER, redis=redis):
        await write(announced_by(app), tenant, 3)
        await asyncio.sleep(1)
        assert not collector.has(tenant, 3)


async def test_a_lost_wake_up_is_made_up_for_by_polling(app: Database, worker_database: Database) -> None:
    collector, tenants = Collector(worker_database), [await opened_log(app) for _ in range(3)]
    async with running(worker_database, collector.reader, pace=OFTEN):
        for tenant in tenants:
            await write(announced_by(app), tenant, 3)
        await until(lambda: all(collector.has(tenant, 3) for tenant in tenants))
    assert all(collector.has(tenant, 3) for tenant in tenants)


async def test_a_commit_is_answered_at_once_while_redis_is_gone_and_announced_when_it_is_back(
    app: Database, worker_database: Database, private_redis: PrivateRedis
) -> None:
    collector, tenant = Collector(worker_database), await opened_log(app)
    # Far apart, so that a busy machine is not taken for a commit that waits for Redis.
    async with Redis.from_url(private_redis.url, socket_timeout=90) as redis, announcing(redis) as announcer:
        private_redis.suspend()
        async with asyncio.timeout(30):
            await write(announced_by(app, announcer.committed), tenant, 600)
        private_redis.kill()
        await private_redis.start()
        async with (
            Redis.from_url(private_redis.url) as listening,
            running(worker_database, collector.reader, pace=NEVER, redis=listening),
        ):
            await until(lambda: collector.has(tenant, 600))
    assert collector.has(tenant, 600)


async def test_commits_of_one_tenant_are_announced_together(app: Database, redis: Redis) -> None:
    tenant, stop, woken = await opened_log(app), asyncio.Event(), list[UUID]()
    hearing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(listen(redis, stop, woken=woken.append, turned=hearing.set))
        await hearing.wait()
        async with announcing(redis) as announcer:
            for size in range(1000):
                announcer.committed(tenant, size)
        await until(lambda: bool(woken))
        stop.set()
    assert woken == [tenant]


async def test_a_follower_that_fails_on_one_log_is_put_off_and_goes_on_with_the_others(
    app: Database, worker_database: Database
) -> None:
    good, bad = await opened_log(app), await opened_log(app)
    collector = Collector(worker_database)
    failures = 0

    async def picky(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
        nonlocal failures
        if tx.tenant_id == bad:
            failures += 1
            raise ZeroDivisionError
        await collector.apply(tx, recorded)

    reader = FollowerConsumer(worker_database, CODEC, Follower("picky", picky))
    pace = FollowingPace(poll=0.05, first_retry=0.4)
    await write(announced_by(app), bad, 2)
    async with running(worker_database, reader, pace=pace) as registry:
        await write(announced_by(app), good, 2)
        await until(lambda: collector.has(good, 2))
        await until(lambda: failures == 2)
        labels = {"follower": "picky"}
        await until(lambda: registry.get_sample_value("loopctl_follower_lag_logs", labels) == 1)
        assert registry.get_sample_value("loopctl_follower_lag_events", labels) == 2
        assert (registry.get_sample_value("loopctl_follower_lag_seconds", labels) or 0) > 0.3
    assert failures <= 3


async def test_a_long_log_does_not_hold_up_the_others(app: Database, worker_database: Database) -> None:
    order: list[UUID] = []

    async def note(tx: TenantTx, _: Sequence[Recorded]) -> None:
        order.append(tx.tenant_id)
        await asyncio.sleep(0.05)

    long = [await opened_log(app) for _ in range(4)]
    short = await opened_log(app)
    for tenant in long:
        await write(announced_by(app), tenant, 2500)
    await write(announced_by(app), short)
    reader = FollowerConsumer(worker_database, CODEC, Follower("noting", note))
    async with running(worker_database, reader, pace=OFTEN):
        await until(lambda: len(order) == 4 * 5 + 1)
    assert order.index(short) < 9


@pytest.mark.parametrize("careless", [False, True], ids=["one transaction", "two transactions"])
async def test_killed_in_the_middle_while_others_write_every_event_is_taken_in_once(
    database: TestDatabase, app: Database, worker_settings: WorkerSettings, redis: Redis,
    monkeypatch: pytest.MonkeyPatch, careless: bool,
) -> None:  # fmt: skip
    """The control commits its effects and its place apart, and has some effects twice."""
    if careless:
        monkeypatch.setenv(CARELESS, "1")
    async with session(database.admin_url) as connection, connection.transaction():
        await connection.execute(MAKE_TABLE)
    tenants = [await opened_log(app) for _ in range(3)]
    done = asyncio.Event()

    async def writing(number: int) -> int:
        rounds = 0
        async with announcing(redis) as announcer:
            while not done.is_set():
                await write(announced_by(app, announcer.committed), tenants[(number + rounds) % 3], 5)
                rounds += 1
                await asyncio.sleep(0.01)
        return rounds * 5

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(writing(number)) for number in range(2)]
        for _ in range(4):
            before = await taken(database)
            with worker_process(worker_settings, program="tests.workers.collecting_worker") as worker:
                await until(lambda before=before: more(database, before), within_seconds=20)
                await asyncio.sleep(random.random() / 5)
                worker.kill()
        done.set()
    written = sum(task.result() for task in writers)
    with worker_process(worker_settings, program="tests.workers.collecting_worker"):
        await until(lambda: all_taken(database, written), within_seconds=20)
    rows = await taken(database)
    assert len(set(rows)) == written
    assert (len(rows) > written) is careless


async def taken(database: TestDatabase) -> list[tuple[UUID, int]]:
    async with session(database.admin_url) as connection:
        return [tuple(row) for row in await connection.fetch("SELECT tenant_id, position FROM app.taken_in")]


async def more(database: TestDatabase, before: list[tuple[UUID, int]]) -> bool:
    return len(await taken(database)) > len(before)


async def all_taken(database: TestDatabase, count: int) -> bool:
    return len(set(await taken(database))) >= count
