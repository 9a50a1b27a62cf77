"""Worker processes and servers that a test may kill, and what such a worker does."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit
from uuid import UUID

from msgspec import Struct
from redis.asyncio import Redis

from config.keys import generate_key
from supervisor.data_directory import DataDirectory
from supervisor.redis import EmbeddedRedis
from tests.support.guarded import guarded
from workers.actors import Actor, Job, Outcome, Timing, Tools
from workers.leased_rows import Lease
from workers.main import WorkerProgram
from workers.scheduled_run import complete_run

CHECKOUT = Path(__file__).resolve().parents[2]

KEKS = generate_key()
MARKS = "TEST_MARKS"
JOB_SECONDS = "TEST_JOB_SECONDS"
EVERY_SECONDS = "TEST_EVERY_SECONDS"
LEASE_SECONDS = "TEST_LEASE_SECONDS"

SOCKET_NAME = ".s.PGSQL.5432"

ONCE = 10**9
"""Seconds between two ticks, the last of which was in 2001: a job that runs once per database."""


class WorkerSettings(Struct, frozen=True):
    database_url: str
    redis_url: str
    marks: Path
    keks: str = KEKS


class WorkerProcess:
    """A worker of its own process, with a job that writes marks: ``started <pid>`` and ``finished <pid>``."""

    def __init__(self, process: "subprocess.Popen[bytes]", marks: Path, log: Path) -> None:
        self.process = process
        self._marks = marks
        self._log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def stopped(self, timeout_seconds: float = 20.0) -> int:
        return await asyncio.to_thread(self.process.wait, timeout_seconds)

    def marks(self, word: str) -> int:
        return read_marks(self._marks).count(f"{word} {self.pid}")


def read_marks(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def worker_process(
    settings: WorkerSettings,
    *,
    job_seconds: float = 0.0,
    every_seconds: int = ONCE,
    lease_seconds: float = 9.0,
    shutdown_seconds: int = 10,
    program: str = "tests.workers.marking_worker",
) -> Iterator[WorkerProcess]:
    log = settings.marks.with_name(f"worker-{time.monotonic_ns()}.log")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")},
        "PYTHONPATH": str(CHECKOUT),
        "LOOPCTL_DATABASE_URL": settings.database_url,
        "LOOPCTL_REDIS_URL": settings.redis_url,
        "LOOPCTL_KEKS": settings.keks,
        "LOOPCTL_DATA_DIR": str(settings.marks.with_name("data")),
        "LOOPCTL_SHUTDOWN_SECONDS": str(shutdown_seconds),
        MARKS: str(settings.marks),
        JOB_SECONDS: str(job_seconds),
        EVERY_SECONDS: str(every_seconds),
        LEASE_SECONDS: str(lease_seconds),
    }
    with log.open("wb") as output:
        process = guarded(subprocess.Popen(
            [sys.executable, "-m", program],
            env=environment, cwd=CHECKOUT, stdout=output, stderr=output, start_new_session=True,
        ))  # fmt: skip
    try:
        yield WorkerProcess(process, settings.marks, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def marking_program() -> WorkerProgram:
    """What the worker process of the tests does: one job under a lease, one actor without a row."""
    marks, seconds = Path(os.environ[MARKS]), float(os.environ[JOB_SECONDS])

    def mark(word: str) -> None:
        with marks.open("a") as file:
            file.write(f"{word} {os.getpid()}\n")

    async def work(_: Tools, __: Lease) -> None:
        mark("started")
        await asyncio.sleep(seconds)
        mark("finished")

    async def marked_job(tools: Tools, run_id: UUID) -> Outcome:
        return await complete_run(tools, run_id, work)

    async def plain_message(_: Tools, __: UUID) -> Outcome:
        mark("received")
        await asyncio.sleep(seconds)
        return "done"

    actors = Actor("marked_job", marked_job, time_limit_seconds=600), Actor("plain_message", plain_message, 600)
    job = Job("marked_job", int(os.environ[EVERY_SECONDS]), actors[0])
    timing = Timing(poll_seconds=0.2, resend_seconds=1, lease_seconds=float(os.environ[LEASE_SECONDS]))
    return WorkerProgram(actors=actors, jobs=(job,), timing=timing)


async def until(
    seen: Callable[[], bool] | Callable[[], Awaitable[bool]],
    *,
    within_seconds: float = 10.0,
    every_seconds: float = 0.02,
) -> float:
    """Seconds that it took. Raises TimeoutError."""
    began = time.monotonic()
    async with asyncio.timeout(within_seconds):
        while True:
            answer = seen()
            if answer if isinstance(answer, bool) else await answer:
                return time.monotonic() - began
            await asyncio.sleep(every_seconds)


class PrivateRedis:
    """Started, killed, suspended and resumed by a test."""

    def __init__(self, folder: Path) -> None:
        self._data = DataDirectory(folder / "data")
        self._server = EmbeddedRedis(self._data)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    async def start(self) -> None:
        self._server.prepare()
        self._spawn()
        await self._server.wait_until_ready()

    def _spawn(self) -> None:
        output = subprocess.DEVNULL
        self._process = guarded(
            subprocess.Popen(self._server.command, stdout=output, stderr=output, cwd="/", start_new_session=True)
        )

    async def written(self) -> None:
        """Until all so far outlives a kill: while a disk is busy, Redis answers up to two seconds ahead of its file.

        WAITAOF minds only what its own connection wrote, so that something has to be written here.
        """
        async with Redis.from_url(self.url, socket_timeout=60, single_connection_client=True) as client:
            await client.set("written", 1)
            assert (await client.waitaof(1, 0, 50_000))[0] == 1

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def suspend(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("the server does not run")
        os.killpg(self._process.pid, number)


class PostgresDoor:
    """A socket in front of PostgreSQL's, which a test may shut: nobody gets in and everybody inside is cut off."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        (host,) = parse_qs(parts.query)["host"]
        self.url = urlunsplit(parts._replace(query=f"host={quote(str(folder))}"))
        self._inside = Path(host) / SOCKET_NAME
        self._door = folder / SOCKET_NAME
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._admit, self._door)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._door.unlink(missing_ok=True)
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        await until(lambda: not self._writers)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside_reader, inside_writer = await asyncio.open_unix_connection(self._inside)
        self._writers |= {writer, inside_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, inside_writer))
                group.create_task(_pass_on(inside_reader, writer))
        finally:
            for end in (writer, inside_writer):
                end.transport.abort()
            self._writers -= {writer, inside_writer}


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
