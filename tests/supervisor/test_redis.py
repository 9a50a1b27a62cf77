"""The embedded Redis by itself, and what it does with files that it did not write."""

import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from supervisor.data_directory import DataDirectory
from supervisor.redis import EmbeddedRedis
from tests.support.guarded import guarded


@contextmanager
def served(data: Path) -> Iterator[EmbeddedRedis]:
    directory = DataDirectory(data)
    with directory.taken():
        redis = EmbeddedRedis(directory)
        redis.prepare()
        output = subprocess.DEVNULL
        server = guarded(subprocess.Popen(redis.command, stdout=output, stderr=output, cwd="/"))
        try:
            yield redis
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=180)


@asynccontextmanager
async def client(data: Path) -> "AsyncIterator[Redis]":
    with served(data) as redis:
        await redis.wait_until_ready()
        async with Redis.from_url(redis.url) as connected:
            yield connected


async def test_it_keeps_what_it_has_over_a_restart(tmp_path: Path) -> None:
    async with client(tmp_path / "data") as redis:
        await redis.set("key", "kept")
    async with client(tmp_path / "data") as redis:
        assert await redis.get("key") == b"kept"


async def test_the_files_of_another_version_are_discarded(tmp_path: Path) -> None:
    async with client(tmp_path / "data") as redis:
        await redis.set("key", "gone")
    (tmp_path / "data" / "redis" / "written-by").write_text("Redis server v=99.0.0\n")
    async with client(tmp_path / "data") as redis:
        assert await redis.get("key") is None


async def test_files_of_an_unknown_server_that_it_could_not_read_do_not_stop_it(tmp_path: Path) -> None:
    """RDB version 12 is Redis 8's, which Valkey refuses to load."""
    folder = tmp_path / "data" / "redis" / "appendonlydir"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "up.lock").touch()
    (folder / "appendonly.aof.1.base.rdb").write_bytes(b"REDIS0012\xff")
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    (tmp_path / "data" / "redis" / "appendonly.aof").write_bytes(b"*2\r\n$6\r\nSELECT")
    async with client(tmp_path / "data") as redis:
        assert await redis.dbsize() == 0


async def test_such_files_would_stop_it(tmp_path: Path) -> None:
    """The control: the same file under the name of our own server."""
    async with client(tmp_path / "data"):
        pass
    (base,) = (tmp_path / "data" / "redis" / "appendonlydir").glob("*.base.*")
    base.write_bytes(b"REDIS0012\xff")
    with served(tmp_path / "data") as redis, pytest.raises(TimeoutError):
        await redis.wait_until_ready(timeout_seconds=2)
