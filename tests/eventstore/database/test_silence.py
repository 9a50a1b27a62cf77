"""PostgreSQL is stopped, as a machine that hangs: nobody waits for it for long, and all is well when it goes on."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from api.health.check import HealthCheck, Probes
from eventstore.database.silence import Patience, watching
from eventstore.database.transaction import DatabaseUnavailable
from migrations.roles import bootstrap
from migrations.runner import migrate
from tests.api.asgi import Answer, ask, made
from tests.api.logs import Service, call, service, tenant_with_key
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, TestDatabase, connected, created_database
from tests.support.services import SealIs, answers

BOUND_SECONDS = 6.0
QUERY = "SELECT 1 FROM pg_sleep($1::float8)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("silent")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with own_postgres(folder) as url:
        yield url


@pytest.fixture
async def database(server: str) -> AsyncIterator[TestDatabase]:
    async with created_database(server) as made_one:
        await bootstrap(made_one.admin_url, PASSWORDS)
        await migrate(made_one.migrator_url)
        yield made_one


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """Every process of the server."""
    (pid_file,) = folder.glob("**/postmaster.pid")
    postmaster = psutil.Process(int(pid_file.read_text("utf-8").splitlines()[0]))
    processes = [postmaster, *postmaster.children(recursive=True)]
    try:
        for process in processes:
            os.kill(process.pid, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            if process.is_running():
                os.kill(process.pid, signal.SIGCONT)


async def timed(work: Any) -> tuple[float, Any]:
    began = time.monotonic()
    try:
        found = await work
    except DatabaseUnavailable as error:
        found = error.reason
    return time.monotonic() - began, found


def asked(running: Service, raw: str, project: str) -> list[asyncio.Task[Answer]]:
    """Reads and writes at once, more than there are connections; and at last a health check, as a process makes it."""
    body = {"number": 1, "title": "t"}
    paths = ("/api/v1/projects", "/api/v1/agents", "/api/v1/changes?after=-1")
    reads = [call(running.app, raw, path) for path in paths * 6]
    writes = [call(running.app, raw, f"/api/v1/projects/{project}/epics", "POST", body) for _ in range(12)]
    probes = Probes(
        database=running.store.database.ping, redis=answers, jobs=answers, seal=SealIs, clock=time.monotonic
    )  # fmt: skip
    health = ask(made(health=HealthCheck("1", probes)), "/health")
    return [asyncio.create_task(each) for each in (*reads, *writes, health)]


async def late(requests: Sequence[asyncio.Task[Answer]]) -> list[asyncio.Task[Answer]]:
    """Those without an answer after the bound. Every answer is a 503."""
    answered, waiting = await asyncio.wait(requests, timeout=BOUND_SECONDS)
    assert {request.result().status for request in answered} <= {503}
    return [request for request in requests if request in waiting]


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "control"])
async def test_requests_are_answered_with_503_while_the_database_is_silent(
    database: TestDatabase, folder: Path, watched: bool
) -> None:
    """In flight when it stops, and after that. The control is the same without the watch: they wait on."""
    async with service(database, remember_seconds=60) as running, AsyncExitStack() as stack:
        if watched:
            await stack.enter_async_context(watching(running.store.database.pool))
        _, raw = await tenant_with_key(running.store)
        project = (
            await call(running.app, raw, "/api/v1/projects", "POST", {"name": "Silent", "slug": "silent"})
        ).json()
        await asyncio.gather(*asked(running, raw, project["project"]["id"]))
        with stopped(folder):
            first = asked(running, raw, project["project"]["id"])
            waiting = await late(first)
            assert first[-1] not in waiting
            waiting += await late(asked(running, raw, project["project"]["id"]))
        assert (not waiting) is watched
        await asyncio.gather(*waiting)
        began = time.monotonic()
        while (await call(running.app, raw, "/api/v1/projects")).status != 200:
            assert time.monotonic() - began < 10, "two seconds would do"
            await asyncio.sleep(0.05)
        assert running.store.database.connections[1] == 0


async def test_a_statement_that_is_slow_is_waited_for(database: TestDatabase) -> None:
    opened = await connected(database.app_url, role="loopctl_app")
    async with watching(opened.pool, Patience(0.05, 0.3)), opened.tenant_transaction(uuid4()) as tx:
        assert len(await tx.fetch(QUERY, 1.5)) == 1
    await opened.close()


async def test_a_process_that_stood_still_itself_does_not_take_that_for_silence(database: TestDatabase) -> None:
    opened = await connected(database.app_url, role="loopctl_app")
    async with watching(opened.pool, Patience(0.01, 0.4)):
        for _ in range(10):
            await asyncio.sleep(0.02)
            time.sleep(0.5)  # noqa: ASYNC251  # longer than an answer may take
            assert not opened.pool.suspended
    await opened.close()


async def test_a_watched_server_that_ends_is_not_silent_and_those_who_wait_for_a_connection_are_told(
    database: TestDatabase, folder: Path
) -> None:
    opened = await connected(database.app_url, role="loopctl_app", max_size=1)
    async with watching(opened.pool, Patience(0.05, 0.4)):
        with stopped(folder):
            outcomes = await asyncio.gather(*(timed(opened.ping(5)) for _ in range(8)))
            assert opened.pool.suspended
            assert (await timed(opened.ping(5)))[0] < 1, "at once"
        assert {found for _, found in outcomes} <= {"lost", "timeout", "busy"}
    await opened.close()
