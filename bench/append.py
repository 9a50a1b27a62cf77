"""Appending to the log, against the limits of the same run (spec 07, section 2).

L1: pgbench, durable single-row inserts of an event-like row over 32 connections. A: asyncpg, `unnest` inserts of rows
of the same bytes, 100 per transaction, one connection. Ours: whole commands (decide, chain, tree, read model, row
security, idempotency) through one process's writer.
"""

import asyncio
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import uvloop

from eventstore.transaction import Database
from eventstore.writer import Writer
from migrations.roles import RolePasswords, bootstrap, with_role
from migrations.runner import migrate
from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres, binaries
from tests.eventstore.writing import new_project, store

REPETITIONS = 3
ROW_BYTES = 450
PASSWORDS = RolePasswords(*(secrets.token_urlsafe(12) for _ in range(5)))

LIMIT_TABLE = "CREATE TABLE public.limit_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)"
LIMIT_ROW = f"INSERT INTO public.limit_row (body) VALUES (decode(repeat('ab', {ROW_BYTES}), 'hex'));\n"  # noqa: S608  # a number
LIMIT_ROWS = "INSERT INTO public.limit_row (body) SELECT body FROM unnest($1::bytea[]) AS given (body)"


class Rate(NamedTuple):
    """Commands a second, with the latency in milliseconds."""

    rate: float
    p50: float
    p99: float


class Bench:
    def __init__(self, postgres: EmbeddedPostgres, database: Database) -> None:
        self._postgres = postgres
        self.database = database

    async def limit_pgbench(self, seconds: int = 4) -> float:
        """L1, rows a second."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(LIMIT_ROW)
            script.flush()
            command = [
                str(binaries() / "pgbench"), "--no-vacuum", "--client=32", "--jobs=2", f"--time={seconds}",
                f"--file={script.name}", self._postgres.admin_url,
            ]  # fmt: skip
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
        return float(line.split()[2])

    async def limit_unnest(self, transactions: int = 200) -> float:
        """A, rows a second."""
        rows = [secrets.token_bytes(ROW_BYTES) for _ in range(100)]
        connection = await asyncpg.connect(self._postgres.admin_url)
        began = time.perf_counter()
        for _ in range(transactions):
            await connection.execute(LIMIT_ROWS, rows)
        seconds = time.perf_counter() - began
        await connection.close()
        return 100 * transactions / seconds

    async def writers(self, callers: int, tenants: int, commands: int) -> Rate:
        logs = [await self._new_log() for _ in range(tenants)]
        writer = Writer(store(self.database))
        latencies: list[float] = []

        async def call(caller: int) -> None:
            for number in range(commands // callers):
                command = new_project(f"p-{caller}-{number}", f"key-{caller}-{number}")
                began = time.perf_counter()
                await writer.submit(logs[caller % tenants], command)
                latencies.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(call(caller) for caller in range(callers)))
        seconds = time.perf_counter() - began
        latencies.sort()
        places = [latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99)]
        return Rate(len(latencies) / seconds, *places)

    async def bytes_per_entry(self) -> tuple[float, float]:
        """Stored bytes of an entry with all indexes, and of its bytes alone."""
        connection = await asyncpg.connect(self._postgres.admin_url)
        row = await connection.fetchrow(
            "SELECT pg_total_relation_size('app.log_entry')::float8 / count(*) AS stored,"
            " avg(length(entry))::float8 AS own FROM app.log_entry"
        )
        await connection.close()
        assert row is not None
        return row["stored"], row["own"]

    async def _new_log(self) -> UUID:
        tenant = uuid4()
        async with self.database.tenant_transaction(tenant) as tx:
            await tx.execute("SELECT app.open_log($1)", tenant)
        return tenant


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """On an embedded PostgreSQL of its own, with the settings of production."""
    with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder:
        data = DataDirectory(Path(folder) / "data")
        with data.taken():
            postgres = EmbeddedPostgres(data)
            await asyncio.to_thread(postgres.prepare)
            server = await asyncio.create_subprocess_exec(*postgres.command, stderr=subprocess.DEVNULL, cwd="/")
            try:
                await postgres.wait_until_ready()
                await bootstrap(postgres.admin_url, PASSWORDS)
                await migrate(with_role(postgres.admin_url, "loopctl_migrator", PASSWORDS.migrator))
                await _execute(postgres.admin_url, LIMIT_TABLE)
                url = with_role(postgres.admin_url, "loopctl_app", PASSWORDS.app)
                database = await Database.connect(url, role="loopctl_app", max_size=16)
                yield Bench(postgres, database)
                await database.close()
            finally:
                server.send_signal(SIGINT)
                await server.wait()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def measure() -> None:
    shapes = [(1, 1, 1000), (16, 1, 8000), (64, 1, 16000), (256, 1, 16000), (64, 16, 16000)]
    async with bench() as on:
        limits: list[tuple[float, float]] = []
        rates: dict[tuple[int, int, int], list[Rate]] = {shape: [] for shape in shapes}
        for _ in range(REPETITIONS):
            limits.append((await on.limit_pgbench(), await on.limit_unnest()))
            for shape in shapes:
                rates[shape].append(await on.writers(*shape))
        one, many = (statistics.median(column) for column in zip(*limits, strict=True))
        print(f"L1 pgbench 32 connections {one:,.0f} rows/s; A unnest 100 a transaction {many:,.0f} rows/s")
        for (callers, tenants, _), found in rates.items():
            rate, p50, p99 = (statistics.median(column) for column in zip(*found, strict=True))
            print(
                f"{callers:>4} callers, {tenants:>2} tenants: {rate:>8,.0f} commands/s = {rate / one:.2f} x L1 = "
                f"{rate / many:.3f} x A; p50 {p50:.2f} ms, p99 {p99:.2f} ms"
            )
        stored, own = await on.bytes_per_entry()
        print(f"stored bytes of an entry with all indexes: {stored:.0f} = {stored / own:.2f} x its own {own:.0f}")


def main(_: list[str]) -> int:
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
