"""A PostgreSQL of one's own, for what must not be done to the one that all tests share."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres, binaries
from tests.support.guarded import guarded


@contextmanager
def own_postgres(folder: Path, *options: str, checksums: bool = True) -> Iterator[str]:
    """Administrator's address of a server with other ``options`` (name=value); it is gone after the block."""
    data = DataDirectory(folder)
    with data.taken():
        postgres = EmbeddedPostgres(data)
        postgres.prepare()
        if not checksums:
            _run([*postgres.account.prefix, str(binaries() / "pg_checksums"), "--disable", "-D", str(postgres.cluster)])
        command = [*postgres.command, *(part for option in options for part in ("-c", option))]
        process = guarded(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"))
        try:
            asyncio.run(postgres.wait_until_ready())
            yield postgres.admin_url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=180, cwd="/")
