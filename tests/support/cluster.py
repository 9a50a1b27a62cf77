"""A PostgreSQL of one's own, for what must not be done to the one that all tests share, and a standby of it."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
from msgspec import Struct

from supervisor.data_directory import DataDirectory
from supervisor.postgres import DATABASE, EmbeddedPostgres, binaries
from tests.support.guarded import guarded

STANDBY = "standby"
"""What a standby calls itself, for `synchronous_standby_names`."""


class OwnServer(Struct, frozen=True):
    """``admin_url`` is its administrator's address of the database DATABASE."""

    data: DataDirectory
    admin_url: str
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """All of it at once, as a power cut would."""
        for each in self._suspended():
            each.kill()
        self.process.wait(timeout=60)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """For the block it does nothing, and its connections stay."""
        family = self._suspended()
        try:
            yield
        finally:
            for each in family:
                each.resume()

    def _suspended(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        first.suspend()
        family = [first, *first.children(recursive=True)]
        for each in family:
            each.suspend()
        return family


@contextmanager
def own_postgres(folder: Path, *options: str, checksums: bool = True) -> Iterator[str]:
    """Administrator's address of a server with other ``options`` (name=value); it is gone after the block."""
    with own_server(folder, *options, checksums=checksums) as server:
        yield server.admin_url


@contextmanager
def own_server(folder: Path, *options: str, checksums: bool = True) -> Iterator[OwnServer]:
    """The same with its process."""
    data = DataDirectory(folder)
    with data.taken():
        postgres = EmbeddedPostgres(data)
        postgres.prepare()
        if not checksums:
            _run([*postgres.account.prefix, str(binaries() / "pg_checksums"), "--disable", "-D", str(postgres.cluster)])
        with _running(postgres, data, options) as server:
            yield server


@contextmanager
def standby_of(primary: OwnServer, folder: Path) -> Iterator[OwnServer]:
    """A copy of ``primary`` by pg_basebackup, which follows it under the name STANDBY."""
    data = DataDirectory(folder)
    with data.taken():
        postgres = EmbeddedPostgres(data)
        postgres.account.own(postgres.cluster)
        postgres.account.own(postgres.socket_directory)
        _run([
            *postgres.account.prefix, str(binaries() / "pg_basebackup"), "--write-recovery-conf", "--checkpoint=fast",
            "--pgdata", str(postgres.cluster), "--dbname", f"{primary.admin_url}&application_name={STANDBY}",
        ])  # fmt: skip
        data.keys.mkdir(exist_ok=True)
        shutil.copy(primary.data.keys / "postgres-superuser", data.keys)
        postgres.prepare()
        with _running(postgres, data, ()) as server:
            yield server


@contextmanager
def _running(postgres: EmbeddedPostgres, data: DataDirectory, options: Sequence[str]) -> Iterator[OwnServer]:
    command = [*postgres.command, *(part for option in options for part in ("-c", option))]
    process = guarded(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"))
    try:
        # In a thread: a test has a loop of its own.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(asyncio.run, postgres.wait_until_ready()).result()
        yield OwnServer(data, postgres.url(DATABASE), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=180, cwd="/")
