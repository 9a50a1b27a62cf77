"""The real PostgreSQL and Redis, started once for the whole run, with the settings of production."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres
from supervisor.redis import EmbeddedRedis
from supervisor.starter import end_with_starter
from tests.support import browser, nginx, pgbouncer
from tests.support.guarded import guarded
from tests.support.memory import keep_temporary_files_in_memory

pytest_plugins = ["tests.support.database"]


def pytest_configure() -> None:
    """Told to end, or left alone by `make`, pytest finishes as after Ctrl-C: fixtures stop their servers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell's background job has it ignored, and so would all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_with_starter()
    keep_temporary_files_in_memory()
    # The pictures of all local variables that it draws of an error otherwise take seconds each.
    structlog.configure(
        [*structlog.get_config()["processors"][:-1], ConsoleRenderer(exception_formatter=plain_traceback)]
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, visibly, what needs a browser, nginx, pgbouncer or npm where there is none; a browser never in CI.

    Set-up has tried to install the first three (tests/support/{browser,packages}.py).
    """
    needed: dict[str, Callable[[], object]] = {"nginx": nginx.find, "pgbouncer": pgbouncer.find}
    needed["node"] = partial(shutil.which, "npm")
    if not os.environ.get("CI"):
        needed["browser"] = browser.find
    missing = [marker for marker, find in needed.items() if not find()]
    left_out = [item for item in items if any(map(item.get_closest_marker, missing))]
    # Files with slow tests begin first, so that none of them is what everybody waits for at the end.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items[:] = sorted((item for item in items if item not in left_out), key=lambda item: item.path not in slow)
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def server_data() -> Iterator[DataDirectory]:
    """A data directory of its own for the servers that the tests share."""
    folder = Path(tempfile.mkdtemp(prefix="loopctl-tests-"))
    data = DataDirectory(folder)
    with data.taken():
        yield data
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_admin_url(server_data: DataDirectory) -> Iterator[str]:
    """Superuser's address of a running PostgreSQL; make a database of your own in it."""
    postgres = EmbeddedPostgres(server_data)
    postgres.prepare()
    with _running(postgres.command, signal.SIGINT):
        asyncio.run(postgres.wait_until_ready())
        yield postgres.admin_url


@pytest.fixture(scope="session")
def redis_url(server_data: DataDirectory) -> Iterator[str]:
    """Address of a running Redis; several tests share it, so use keys of your own or a database number."""
    redis = EmbeddedRedis(server_data)
    redis.prepare()
    with _running(redis.command, signal.SIGTERM):
        asyncio.run(redis.wait_until_ready())
        yield redis.url


@contextmanager
def _running(command: list[str], stop: signal.Signals) -> Iterator[None]:
    process = guarded(
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", start_new_session=True)
    )
    try:
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
