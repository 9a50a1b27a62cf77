"""A PostgreSQL for benchmarks, with the settings of production and the schema as migrated."""

import asyncio
import secrets
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from signal import SIGINT

from msgspec import Struct

from migrations.roles import RolePasswords, bootstrap, with_role
from migrations.runner import migrate
from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres
from supervisor.redis import EmbeddedRedis
from tests.support.guarded import guarded

PASSWORDS = RolePasswords(*(secrets.token_urlsafe(12) for _ in range(5)))


class BenchServer(Struct, frozen=True):
    admin_url: str
    cluster: Path

    @property
    def app_url(self) -> str:
        return with_role(self.admin_url, "loopctl_app", PASSWORDS.app)

    @property
    def worker_url(self) -> str:
        return with_role(self.admin_url, "loopctl_worker", PASSWORDS.worker)

    @property
    def migrator_url(self) -> str:
        return with_role(self.admin_url, "loopctl_migrator", PASSWORDS.migrator)


@asynccontextmanager
async def bench_server() -> AsyncIterator[BenchServer]:
    with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder:
        data = DataDirectory(Path(folder) / "data")
        with data.taken():
            postgres = EmbeddedPostgres(data)
            await asyncio.to_thread(postgres.prepare)
            process = guarded(
                await asyncio.create_subprocess_exec(*postgres.command, stderr=subprocess.DEVNULL, cwd="/")
            )
            try:
                await postgres.wait_until_ready()
                server = BenchServer(postgres.admin_url, postgres.cluster)
                await bootstrap(server.admin_url, PASSWORDS)
                await migrate(server.migrator_url)
                yield server
            finally:
                process.send_signal(SIGINT)
                await process.wait()


@contextmanager
def bench_redis() -> Iterator[str]:
    """The address of a Redis as `loopctl up` runs it."""
    with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder:
        data = DataDirectory(Path(folder) / "data")
        with data.taken():
            redis = EmbeddedRedis(data)
            redis.prepare()
            process = guarded(
                subprocess.Popen(redis.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
            )
            try:
                asyncio.run(redis.wait_until_ready())
                yield redis.url
            finally:
                process.terminate()
                process.wait(timeout=20)
