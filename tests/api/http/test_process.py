"""``python -m api`` as the supervisor runs it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from config.keys import generate_key
from tests.support.database import TestDatabase
from tests.support.guarded import guarded

CHECKOUT = Path(__file__).parents[3]


class Process:
    """One API process. ``said`` is all of its output so far."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def said(self) -> str:
        return self._output.read_text()

    def ended(self) -> int:
        return self.process.wait(timeout=180)

    def refusal(self) -> str:
        """Its one sentence, when it refused to start."""
        assert self.ended() == 1
        lines = [line for line in self.said.splitlines() if not line.startswith("{")]
        assert lines[0].startswith("loopctl: "), self.said
        return "\n".join(lines).removeprefix("loopctl: ")


def keys() -> dict[str, str]:
    return {"LOOPCTL_KEKS": generate_key(), "LOOPCTL_PEPPERS": generate_key()}


@contextmanager
def api(folder: Path, environment: Mapping[str, str], listener: socket.socket | None = None) -> Iterator[Process]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LOOPCTL_", "PROMETHEUS_"))}
    inherit = (listener.fileno(),) if listener else ()
    more = {"LOOPCTL_LISTEN_FD": str(listener.fileno())} if listener else {}
    output = folder / f"api-{time.monotonic_ns()}.log"
    with output.open("wb") as log:
        process = guarded(
            subprocess.Popen(
                [sys.executable, "-m", "api"],
                stdout=log,
                stderr=log,
                cwd=CHECKOUT,
                env={**clean, "PYTHONPATH": str(CHECKOUT), "LOOPCTL_PORT": "0", **environment, **more},
                pass_fds=inherit,
            )
        )
    try:
        yield Process(process, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def get(listener: socket.socket, path: str) -> httpx2.Response:
    """Waits in the socket's queue until a process takes it."""
    return httpx2.get(address(listener) + path, timeout=20, trust_env=False)


def test_it_serves_on_the_inherited_socket_and_ends_cleanly_when_asked(
    database: TestDatabase, redis_url: str, listener: socket.socket, tmp_path: Path
) -> None:
    environment = {"LOOPCTL_DATABASE_URL": database.app_url, "LOOPCTL_REDIS_URL": redis_url, **keys()}
    with api(tmp_path, environment, listener) as process:
        assert get(listener, "/readyz").status_code == 200
        health = get(listener, "/health").json()
        assert health["checks"]["database"] == health["checks"]["redis"] == "ok"
        assert health["status"] == ("ok" if health["checks"]["jobs"] == "ok" else "degraded")
        process.process.send_signal(signal.SIGTERM)
        assert process.ended() == 0
    assert '"event": "stopped"' in process.said


def test_while_one_process_replaces_another_nobody_is_refused_or_fails_twice(
    database: TestDatabase, redis_url: str, listener: socket.socket, tmp_path: Path
) -> None:
    environment = {"LOOPCTL_DATABASE_URL": database.app_url, "LOOPCTL_REDIS_URL": redis_url, **keys()}
    failures: list[Exception] = []
    statuses: list[int] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            for last in (False, True):
                try:
                    statuses.append(get(listener, "/livez").status_code)
                    break
                except httpx2.HTTPError as error:
                    if last or isinstance(error, httpx2.ConnectError):
                        failures.append(error)

    with api(tmp_path, environment, listener) as first:
        get(listener, "/livez")
        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            time.sleep(0.3)
            first.process.send_signal(signal.SIGTERM)
            assert first.ended() == 0
            with api(tmp_path, environment, listener):
                before = len(statuses)
                get(listener, "/livez")
                time.sleep(0.3)
                stop.set()
                asking.join(20)
                assert len(statuses) > before
        finally:
            stop.set()
            asking.join(30)
    assert failures == []
    assert set(statuses) <= {200, 503}
    assert statuses.count(503) <= 1


def test_without_keys_it_serves_sealed(
    database: TestDatabase, redis_url: str, listener: socket.socket, tmp_path: Path
) -> None:
    environment = {"LOOPCTL_DATABASE_URL": database.app_url, "LOOPCTL_REDIS_URL": redis_url}
    with api(tmp_path, {**environment, "LOOPCTL_KEKS": generate_key()}, listener):
        assert get(listener, "/readyz").status_code == 503
        assert "LOOPCTL_PEPPERS" in get(listener, "/health").text
    with api(tmp_path, environment, listener):
        assert "LOOPCTL_KEKS" in get(listener, "/health").text
        assert get(listener, "/livez").status_code == 200


def test_several_processes_share_their_figures(
    database: TestDatabase, redis_url: str, listener: socket.socket, tmp_path: Path
) -> None:
    environment = {
        "LOOPCTL_DATABASE_URL": database.app_url,
        "LOOPCTL_REDIS_URL": redis_url,
        "LOOPCTL_METRICS_DIR": str(tmp_path / "metrics"),
        **keys(),
    }
    for expected in ("1.0", "2.0"):
        with api(tmp_path, environment, listener):
            get(listener, "/livez")
            count = 'loopctl_http_request_seconds_count{method="GET",route="/livez",status="200"} '
            assert count + expected in get(listener, "/metrics").text


# Refusals


def test_it_needs_to_know_its_database_and_its_redis(tmp_path: Path) -> None:
    with api(tmp_path, {"LOOPCTL_REDIS_URL": "redis://127.0.0.1:1"}) as process:
        assert "LOOPCTL_DATABASE_URL" in process.refusal()
    with api(tmp_path, {"LOOPCTL_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}) as process:
        assert "LOOPCTL_REDIS_URL" in process.refusal()


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    environment = {
        "LOOPCTL_DATABASE_URL": "postgresql://x:hunter2@127.0.0.1:1/x",
        "LOOPCTL_REDIS_URL": "redis://127.0.0.1:1",
    }
    with api(tmp_path, environment) as process:
        said = process.refusal()
    assert said.startswith("Cannot start without the database.")
    assert "hunter2" not in process.said
    assert "Traceback" not in process.said


def test_a_setting_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    with api(tmp_path, {"LOOPCTL_PORT": "many"}) as process:
        assert "port cannot be 'many'" in process.refusal()


def test_a_busy_port_and_a_bad_descriptor_are_one_sentence(listener: socket.socket, tmp_path: Path) -> None:
    with api(tmp_path, {"LOOPCTL_PORT": str(listener.getsockname()[1])}) as process:
        assert process.refusal().startswith("Cannot listen on 127.0.0.1 port")
    for bad in ("77", "x", "1"):
        with api(tmp_path, {"LOOPCTL_LISTEN_FD": bad}) as process:
            assert process.refusal().startswith(f"Cannot listen on the inherited socket {bad}")


def test_another_role_than_its_own_is_refused(database: TestDatabase, redis_url: str, tmp_path: Path) -> None:
    environment = {"LOOPCTL_DATABASE_URL": database.worker_url, "LOOPCTL_REDIS_URL": redis_url, **keys()}
    with api(tmp_path, environment) as process:
        assert "loopctl_worker" in process.refusal()


def test_a_schema_that_is_not_there_is_refused(empty_database: TestDatabase, redis_url: str, tmp_path: Path) -> None:
    environment = {"LOOPCTL_DATABASE_URL": empty_database.app_url, "LOOPCTL_REDIS_URL": redis_url, **keys()}
    with api(tmp_path, environment) as process:
        assert "lacks migrations" in process.refusal()


async def test_a_database_that_breaks_its_own_rules_is_refused(
    database: TestDatabase, redis_url: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database.admin_url, timeout=5)
    try:
        await connection.execute("CREATE TABLE app.unguarded (tenant_id uuid PRIMARY KEY)")
    finally:
        await connection.close(timeout=5)
    environment = {"LOOPCTL_DATABASE_URL": database.app_url, "LOOPCTL_REDIS_URL": redis_url, **keys()}
    with api(tmp_path, environment) as process:
        assert "app.unguarded" in process.refusal()


async def test_a_database_that_may_lose_what_it_has_acknowledged_is_refused(
    database: TestDatabase, redis_url: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database.admin_url, timeout=5)
    try:
        await connection.execute(f'ALTER DATABASE "{database.name}" SET synchronous_commit = off')
    finally:
        await connection.close(timeout=5)
    environment = {"LOOPCTL_DATABASE_URL": database.app_url, "LOOPCTL_REDIS_URL": redis_url, **keys()}
    with api(tmp_path, environment) as process:
        assert "may lose what it has acknowledged" in process.refusal()
