"""``python -m workers`` as the supervisor and a container run it."""

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tests.support.database import TestDatabase
from tests.support.guarded import guarded
from tests.workers.processes import CHECKOUT, until


@contextmanager
def workers(environment: Mapping[str, str], *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    process = guarded(subprocess.Popen(
        [sys.executable, "-m", "workers", *arguments],
        env={**clean, "PYTHONPATH": str(CHECKOUT), **environment},
        cwd=CHECKOUT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ))  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def ended(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of one that ends by itself."""
    with workers(environment, *arguments) as process:
        output, errors = await asyncio.to_thread(process.communicate, None, 20)
        return process.returncode, output, errors


@pytest.fixture
def environment(database: TestDatabase, job_redis_url: str) -> dict[str, str]:
    return {"LOOPCTL_DATABASE_URL": database.worker_url, "LOOPCTL_REDIS_URL": job_redis_url}


async def healthy(environment: Mapping[str, str]) -> bool:
    return (await ended(environment, "health"))[:2] == (0, "ok\n")


async def test_the_probe_is_red_before_green_while_and_red_after(environment: dict[str, str]) -> None:
    assert (await ended(environment, "health"))[:2] == (1, "error\n")
    with workers(environment) as process:
        await until(lambda: healthy(environment))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
        assert not await healthy(environment)


async def test_its_metrics_are_on_loopback_when_asked_for(environment: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def done() -> bool:
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                text = (await client.get(f"http://127.0.0.1:{port}/metrics", timeout=2)).text
        except httpx2.TransportError:
            return False
        return all(line in text for line in wanted)

    wanted = (
        'loopctl_jobs_total{actor="purge_scheduled_runs",outcome="done"} 1.0',
        'loopctl_scheduler_ticks_total{job="purge_scheduled_runs"} 1.0',
        'loopctl_queue_depth{queue="default"} 0.0',
    )
    with workers(environment, "--metrics-port", str(port)):
        await until(done)
        assert await done()


async def test_its_metrics_are_in_the_shared_directory_when_there_is_one(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def done() -> bool:
        if not (tmp_path / "metrics").exists():
            return False
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(tmp_path / "metrics"))  # type: ignore[no-untyped-call]  # has no types
        try:
            found = generate_latest(registry)
        except struct.error:  # a file is read before its first bytes are written
            return False
        return b'loopctl_jobs_total{actor="purge_scheduled_runs",outcome="done"} 1.0' in found

    with workers({**environment, "LOOPCTL_METRICS_DIR": str(tmp_path / "metrics")}):
        await until(done)
        assert done()


async def test_without_addresses_it_says_which_it_needs(environment: dict[str, str]) -> None:
    code, _, errors = await ended({**environment, "LOOPCTL_REDIS_URL": ""})
    assert (code, errors) == (1, "loopctl: The worker needs LOOPCTL_DATABASE_URL and LOOPCTL_REDIS_URL.\n")


async def test_it_does_not_work_with_another_role(environment: dict[str, str], database: TestDatabase) -> None:
    code, _, errors = await ended({**environment, "LOOPCTL_DATABASE_URL": database.admin_url})
    assert code == 1
    assert errors.splitlines()[-1].startswith("loopctl: The database address logs in as postgres")


async def test_it_does_not_work_on_a_schema_that_is_not_there(
    environment: dict[str, str], empty_database: TestDatabase
) -> None:
    code, _, errors = await ended({**environment, "LOOPCTL_DATABASE_URL": empty_database.worker_url})
    assert code == 1
    assert errors.splitlines()[-1].startswith("loopctl: The database lacks migrations of this version: 0001_")


async def test_its_log_is_json_and_holds_no_password(environment: dict[str, str], database: TestDatabase) -> None:
    with workers(environment) as process:
        await until(lambda: healthy(environment))
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.to_thread(process.communicate, None, 10)
    assert {json.loads(line)["process"] for line in errors.splitlines()} == {"worker"}
    assert database.worker_url.split(":")[2].split("@")[0] not in errors
