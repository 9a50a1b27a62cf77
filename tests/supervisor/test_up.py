"""`loopctl up` seen from outside."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from config.keys import generate_key
from supervisor.account import WALK_THROUGH
from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres
from tests.support.database import PASSWORDS
from tests.support.guarded import guarded
from tests.support.running import Run, up

pytestmark = pytest.mark.slow

ROLES = {f"LOOPCTL_{role.upper()}_PASSWORD": getattr(PASSWORDS, role) for role in PASSWORDS.__struct_fields__}
"""Those of the shared cluster, whose roles other tests log in as: `up` must not give them new ones."""


@pytest.fixture
def data() -> Iterator[Path]:
    """A place for a data directory, reachable by any account."""
    parent = Path(tempfile.mkdtemp(prefix="loopctl-up-"))
    parent.chmod(0o711)
    yield parent / "data"
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Run]:
    """One service that several tests look at, or hit without ending it."""
    parent = Path(tempfile.mkdtemp(prefix="loopctl-up-"))
    with up(parent / "data") as run:
        run.wait_until_healthy()
        yield run
    shutil.rmtree(parent, ignore_errors=True)


def test_an_empty_directory_becomes_a_healthy_service_and_stops_without_a_trace(data: Path) -> None:
    with up(data) as run:
        run.wait_until_healthy()
        health = run.get("/health").json()
        assert health["status"] == "ok"
        assert set(health["checks"].values()) == {"ok"}
        family = run.family()
        assert run.stop() == 0
    assert not [process for process in family if process.is_running()]
    assert "Stopped" in run.said


def test_it_listens_on_loopback_only_unless_told_otherwise(running: Run) -> None:
    listening = {
        connection.laddr.ip
        for process in running.family()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_stop_it_as_cleanly_as_sigterm(data: Path, how: signal.Signals) -> None:
    with up(data) as run:
        run.wait_until_healthy()
        family = run.family()
        assert run.stop(how) == 0
    assert not [process for process in family if process.is_running()]
    assert "SIGKILL" not in run.said
    assert "was killed" not in run.said


def test_a_second_up_on_the_same_directory_says_who_has_it_and_leaves_the_first_alone(running: Run) -> None:
    with up(running.data, output="second.out") as second:
        assert second.process.wait(timeout=180) == 1
    assert f"Another loopctl (process {running.process.pid}) is running on {running.data}" in second.said
    assert second.said.count("\n") == 1
    assert running.get("/health").status_code == 200


def test_a_busy_port_is_one_sentence_and_nothing_is_started(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up(data, "--port", str(port)) as run:
            assert run.process.wait(timeout=180) == 1
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use." in run.said
    assert run.said.count("\n") == 1
    assert not (data / "postgres").exists()


def test_an_unwritable_directory_is_one_sentence(data: Path) -> None:
    prefix = _as_nobody()
    data.mkdir()
    data.chmod(0o555)
    with up(data, prefix=prefix) as run:
        assert run.process.wait(timeout=180) == 1
    assert f"Cannot write to the data directory {data}: Permission denied." in run.said
    assert run.said.count("\n") == 1


def test_a_newer_schema_is_refused_and_what_was_started_is_stopped(data: Path) -> None:
    with up(data) as run:
        run.wait_until_healthy()
        run.stop()
    _execute(
        data,
        "INSERT INTO app.schema_migration (number, name, phase, checksum, applied_at, duration_ms)"
        " VALUES (9999, 'of_tomorrow', 'pre', repeat('0', 64), now(), 1)",
    )
    with up(data) as run:
        family = run.family()
        assert run.process.wait(timeout=180) == 1
    assert "newer" in run.said.splitlines()[-1]
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("words", [("-m", "api"), ("-m", "workers"), ("postgres", "-D"), ("redis.sock",)])
def test_a_crashed_child_is_restarted_and_said_so(running: Run, words: tuple[str, ...]) -> None:
    running.child(*words).kill()
    name = {"api": "api", "workers": "worker", "-D": "postgres"}.get(words[-1], "redis")
    running.wait_until_said(rf"{name} was ended by SIGKILL; starting it again")
    running.wait_until_said(rf"{name} is back")
    assert running.get("/health").json()["status"] == "ok"


def test_one_of_several_api_processes_is_back_when_it_serves_itself(data: Path) -> None:
    """/health is answered by the other one all the while."""
    with up(data, "--workers", "2") as run:
        run.wait_until_healthy()
        numbered(run, "api-2").kill()
        run.wait_until_said("api-2 was ended by SIGKILL; starting it again")
        deadline = time.monotonic() + 20
        while (started := numbered(run, "api-2")) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        started.suspend()
        time.sleep(2)
        assert run.get("/health").json()["status"] == "ok"
        assert "api-2 is back" not in run.said
        started.resume()
        run.wait_until_said("api-2 is back")


def numbered(run: Run, name: str) -> Any:
    """The living child of that name; None while there is none."""
    for child in psutil.Process(run.process.pid).children():
        with suppress(psutil.Error):
            is_it = child.environ().get("LOOPCTL_READY_FILE", "").endswith(f"{name}.ready")
            if is_it and child.status() != psutil.STATUS_ZOMBIE:
                return child
    return None


def test_connections_wait_while_the_api_restarts_instead_of_being_refused(running: Run) -> None:
    running.child("-m", "api").kill()
    assert running.get("/livez").status_code == 200


def test_after_kill_9_of_everything_the_next_up_recovers(data: Path) -> None:
    with up(data) as run:
        run.wait_until_healthy()
        run.kill_everything()
    assert (data / "postgres" / "postmaster.pid").exists()
    with up(data) as run:
        run.wait_until_healthy()
        assert run.get("/health").json()["status"] == "ok"


def test_after_kill_9_of_up_alone_the_next_one_on_the_same_port_ends_what_was_left(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with up(data, "--port", port) as run:
        run.wait_until_healthy()
        orphans = run.family()[1:]
        run.child("supervisor.guard").kill()
        run.process.kill()
        run.process.wait()
        with up(data, "--port", port, output="following.out") as following:
            following.wait_until_healthy()
            assert "that an earlier run had left behind" in following.said
            assert psutil.wait_procs(orphans, timeout=180)[1] == []  # ended ones stay listed until init has looked


def test_after_kill_9_of_up_alone_the_rest_ends_by_itself(data: Path) -> None:
    """The control is above: without the guard it waits for the next `up`."""
    with up(data) as run:
        run.wait_until_healthy()
        orphans = run.family()[1:]
        run.process.kill()
        run.process.wait()
        _, alive = psutil.wait_procs(orphans, timeout=180)
    assert alive == []


def test_a_stale_lock_of_another_process_with_the_same_pid_does_not_stop_it(data: Path) -> None:
    with up(data) as run:
        run.wait_until_healthy()
        run.kill_everything()
    lock = data / "postgres" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with up(data) as run:
        assert run.wait_until_healthy()


def test_a_crash_while_the_cluster_was_being_made_is_recovered_from(data: Path) -> None:
    (data / "postgres.new" / "base").mkdir(parents=True)
    (data / "up.lock").touch()
    with up(data) as run:
        run.wait_until_healthy()
    assert not (data / "postgres.new").exists()


def test_a_stop_while_the_cluster_is_being_made_lets_the_directory_go_only_afterwards(data: Path) -> None:
    with up(data) as run:
        deadline = time.monotonic() + 30
        while not (data / "postgres.new" / "base").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert run.stop() == 0
        with up(data, output="following.out") as following:
            following.wait_until_healthy()


def test_a_folder_with_other_things_in_it_is_left_alone(data: Path) -> None:
    data.mkdir(mode=0o755)
    (data / "letter.txt").write_text("dear")
    with up(data) as run:
        assert run.process.wait(timeout=180) == 1
    assert "is not empty and is no data directory of loopctl" in run.said
    assert [path.name for path in data.iterdir()] == ["letter.txt"]
    assert data.stat().st_mode & 0o777 == 0o755


def test_logs_and_metrics_are_the_owners_alone(running: Run) -> None:
    private = [running.data / "logs", running.data / "keys", running.data / "run" / "metrics"]
    inside = [path for folder in private for path in folder.iterdir()]
    assert [path for path in (*private, *inside) if path.stat().st_mode & 0o077] == []


def test_root_does_not_take_over_the_directory_of_somebody_else(data: Path) -> None:
    if os.geteuid() != 0:
        return  # nobody else can try
    data.mkdir()
    os.chown(data, 12345, 12345)
    with up(data) as run:
        assert run.process.wait(timeout=180) == 1
    assert f"The data directory {data} belongs to uid 12345: run this as that user." in run.said
    assert list(data.iterdir()) == []


def test_a_redis_that_does_not_answer_is_one_sentence_at_once(data: Path, postgres_admin_url: str) -> None:
    url = _new_database(postgres_admin_url, "outside_redis")
    address = "redis://:hunter2@127.0.0.1:1/0"
    with up(data, "--database-url", url, "--redis-url", address, environment=ROLES) as run:
        assert run.process.wait(timeout=20) == 1
    assert "The Redis of --redis-url does not answer" in run.said
    assert "hunter2" not in run.said


def test_the_roles_of_another_loopctl_are_not_given_new_passwords(
    data: Path, postgres_admin_url: str, redis_url: str
) -> None:
    url = _new_database(postgres_admin_url, "outside_roles")
    with up(data, "--database-url", url, "--redis-url", redis_url, environment=ROLES) as run:
        run.wait_until_healthy()
    shutil.rmtree(data)
    with up(data, "--database-url", url, "--redis-url", redis_url) as run:
        assert run.process.wait(timeout=180) == 1
    assert "This PostgreSQL has the roles of another loopctl" in run.said


def test_a_lost_password_of_the_cluster_is_one_sentence(data: Path) -> None:
    with up(data) as run:
        run.wait_until_healthy()
    (data / "keys" / "postgres-superuser").unlink()
    with up(data) as run:
        assert run.process.wait(timeout=180) == 1
    assert "is gone: restore" in run.said
    assert "Traceback" not in run.said


def test_an_ordinary_user_can_run_it(data: Path) -> None:
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
    with up(data, prefix=_as_nobody()) as run:
        run.wait_until_healthy()
        owners = {process.uids().effective for process in run.family()}
        assert run.get("/health").json()["status"] == "ok"
    assert 0 not in owners


def test_a_database_of_ones_own_is_used_and_without_keys_the_service_is_sealed(
    data: Path, postgres_admin_url: str, redis_url: str
) -> None:
    url = _new_database(postgres_admin_url, "outside_sealed")
    with up(data, "--database-url", url, "--redis-url", redis_url, environment=ROLES) as run:
        run.wait_until_healthy()
        answer = run.get("/health")
        run.wait_until_said("SEALED")
    assert (answer.status_code, answer.json()["status"]) == (503, "sealed")
    assert not (data / "postgres").exists()
    assert not (data / "keys" / "keks").exists()


def test_with_keys_given_the_same_database_is_open_and_another_key_seals_it_again(
    data: Path, postgres_admin_url: str, redis_url: str
) -> None:
    url = _new_database(postgres_admin_url, "outside_open")
    keys = {**ROLES, "LOOPCTL_KEKS": generate_key(), "LOOPCTL_PEPPERS": generate_key()}
    with up(data, "--database-url", url, "--redis-url", redis_url, environment=keys) as run:
        run.wait_until_healthy()
        assert run.get("/health").json()["status"] == "ok"
    other = {**keys, "LOOPCTL_KEKS": generate_key()}
    with up(data, "--database-url", url, "--redis-url", redis_url, environment=other) as run:
        run.wait_until_healthy()
        assert run.get("/health").json()["status"] == "sealed"


def test_no_service_is_given_the_password_of_the_administrator_or_the_migrator(running: Run) -> None:
    environments = [running.child("-m", module).environ() for module in ("api", "workers")]
    secrets = {(running.data / "keys" / name).read_text().strip() for name in ("postgres-superuser", "role-migrator")}
    for environment in environments:
        assert not [name for name, value in environment.items() if any(secret in value for secret in secrets)]


def test_the_keys_are_readable_by_their_owner_alone_and_outlive_a_restart(data: Path) -> None:
    with up(data) as run:
        run.wait_until_healthy()
    keys = {path.name: path.read_bytes() for path in (data / "keys").iterdir()}
    assert {path.stat().st_mode & 0o777 for path in (data / "keys").iterdir()} == {0o600}
    with up(data) as run:
        run.wait_until_healthy()
        assert run.get("/health").json()["status"] == "ok"
    assert {path.name: path.read_bytes() for path in (data / "keys").iterdir()} == keys


def test_a_wrong_setting_is_one_sentence(data: Path) -> None:
    with up(data, "--port", "70000") as run:
        assert run.process.wait(timeout=180) == 1
    assert run.said == "loopctl: port cannot be '70000' (flag --port): Expected `int` <= 65535.\n"


def test_a_database_that_does_not_answer_is_one_sentence(data: Path, redis_url: str) -> None:
    with up(data, "--database-url", "postgresql://a:hunter2@127.0.0.1:1/x", "--redis-url", redis_url) as run:
        assert run.process.wait(timeout=180) == 1
    assert "Traceback" not in run.said
    assert "hunter2" not in run.said
    assert run.said.splitlines()[-2].startswith("loopctl: ") or run.said.splitlines()[-1].startswith("loopctl: ")


def _as_nobody() -> tuple[str, ...]:
    """Runs what follows as an ordinary user that can still read this checkout, wherever it is."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *WALK_THROUGH)


def _execute(data: Path, statement: str) -> None:
    """One statement as the superuser on the stopped service's own cluster."""
    directory = DataDirectory(data)
    with directory.taken():
        postgres = EmbeddedPostgres(directory)
        postgres.prepare()
        server = guarded(subprocess.Popen(postgres.command, stderr=subprocess.DEVNULL, cwd="/"))
        try:
            asyncio.run(_run_once(postgres, statement))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=180)


async def _run_once(postgres: EmbeddedPostgres, statement: str) -> None:
    await postgres.wait_until_ready()
    connection = await asyncpg.connect(postgres.admin_url)
    await connection.execute(statement)
    await connection.close()


def _new_database(admin_url: str, name: str) -> str:
    async def create() -> None:
        connection = await asyncpg.connect(admin_url)
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return admin_url.replace("/loopctl?", f"/{name}?")
