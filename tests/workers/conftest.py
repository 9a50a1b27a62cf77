"""Workers and schedulers against the real servers, sped up by their own settings, never by a patched clock."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from eventstore.database.transaction import Database
from eventstore.following.outage import Outage
from migrations.roles import grant_database_rights
from tests.support.database import TestDatabase, connected, created_database, session
from tests.workers.processes import PostgresDoor, PrivateRedis, WorkerSettings
from tests.workers.schedules import Schedule
from workers.broker import JobBroker, connect_broker


@pytest.fixture(scope="session")
async def lasting_database(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """For the many tests that start no process: a database each would take longer than the tests."""
    async with created_database(postgres_admin_url, database_template) as made:
        async with session(made.admin_url) as connection:
            await grant_database_rights(connection)
        yield made


@pytest.fixture
async def worker_database(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.worker_url, role="loopctl_worker", max_size=12)
    yield opened
    await opened.close()


@pytest.fixture
async def job_redis_url(redis_url: str) -> str:
    """An empty database of the shared Redis, ours alone."""
    url = f"{redis_url}?db=9"
    async with Redis.from_url(url) as redis:
        await redis.flushdb()
    return url


@pytest.fixture
async def redis(job_redis_url: str) -> AsyncIterator["Redis"]:
    async with Redis.from_url(job_redis_url, socket_timeout=5) as client:
        yield client


@pytest.fixture
def broker(job_redis_url: str) -> JobBroker:
    return connect_broker(job_redis_url, Outage("redis"))


@pytest.fixture
async def private_redis(tmp_path: Path) -> AsyncIterator[PrivateRedis]:
    """A Redis that may be killed."""
    server = PrivateRedis(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.fixture
def worker_settings(database: TestDatabase, job_redis_url: str, tmp_path: Path) -> WorkerSettings:
    return WorkerSettings(database.worker_url, job_redis_url, tmp_path / "marks")


@pytest.fixture
async def schedule(worker_database: Database, database: TestDatabase) -> AsyncIterator[Schedule]:
    made = Schedule(worker_database, database)
    await made.administer("DELETE FROM app.scheduled_run")
    yield made
    await made.close()


@pytest.fixture
async def door(database: TestDatabase) -> AsyncIterator[PostgresDoor]:
    """The worker's way to PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="door-") as folder:
        made = PostgresDoor(database.worker_url, Path(folder))
        await made.open()
        yield made
        await made.shut()
