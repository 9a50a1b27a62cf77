"""Appending to the log, against the limits of the same run (spec 07, section 2).

L1: pgbench, durable single-row inserts of an event-like row over 32 connections. A: asyncpg, `unnest` inserts of rows
of the same bytes, 100 per transaction, one connection. Ours goes through one process's writer, with everything on:
chain, tree, checks, row security, idempotency rows, read models.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import uvloop
from msgspec import Struct

from bench.limits import pgbench_rows, single_row_seconds, unnest_rows
from bench.notes import entity, make_tables, note, store
from bench.servers import BenchServer, bench_server
from bench.table import at_least, at_most, median, percentile, tell_machine, told
from eventstore.database.transaction import Database
from eventstore.log.lane import Writer

REPETITIONS = 3
KEYS = itertools.count()
TENANT_TABLES = """
    SELECT c.oid::regclass::text
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = 'app' AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid)
"""
STORED = """
    SELECT pg_total_relation_size('app.log_entry')::float8 / count(*) AS stored,
           avg(length(entry))::float8 AS own
      FROM app.log_entry
"""


class Rate(NamedTuple):
    """Commands a second, with the latency in milliseconds."""

    rate: float
    p50: float
    p99: float


class Shape(Struct, frozen=True):
    callers: int
    tenants: int
    commands: int
    read_models: int = 1
    reads: bool = False
    """Whether decisions need to know something; kept between commands, as for the stories of a loop."""


APPEND = Shape(64, 1, 16_000)
SHAPES = {
    "append, 1 tenant, 64 callers": APPEND,
    "append, 1 tenant, 256 callers": Shape(256, 1, 16_000),
    "append, 16 tenants, 64 callers": Shape(64, 16, 12_000),
    "whole command, 1 tenant, 64 callers": Shape(64, 1, 12_000, 3, reads=True),
    "whole command, 16 tenants, 64 callers": Shape(64, 16, 8_000, 3, reads=True),
    "lone command": Shape(1, 1, 500, 3, reads=True),
}


class Bench(Struct, frozen=True):
    server: BenchServer
    database: Database

    async def rate(self, shape: Shape, logs: list[UUID] | None = None) -> Rate:
        logs = logs or [await self.new_log() for _ in range(shape.tenants)]
        writer = Writer(store(self.database, shape.read_models))
        latencies: list[float] = []

        async def call(caller: int) -> None:
            mine = entity()
            for _ in range(shape.commands // shape.callers):
                command = note(mine, f"key-{next(KEYS)}", reads=shape.reads)
                began = time.perf_counter()
                await writer.submit(logs[caller % len(logs)], command)
                latencies.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(call(caller) for caller in range(shape.callers)))
        seconds = time.perf_counter() - began
        latencies.sort()
        return Rate(len(latencies) / seconds, *(percentile(latencies, share) * 1000 for share in (0.5, 0.99)))

    async def new_log(self) -> UUID:
        tenant = uuid4()
        async with self.database.tenant_transaction(tenant) as tx:
            await tx.execute("SELECT app.open_log($1)", tenant)
        return tenant

    async def row_security(self, on: bool) -> None:
        connection = await asyncpg.connect(self.server.admin_url)
        for row in await connection.fetch(TENANT_TABLES):
            await connection.execute(f"ALTER TABLE {row[0]} {'ENABLE' if on else 'DISABLE'} ROW LEVEL SECURITY")
        await connection.close()

    async def bytes_per_entry(self) -> tuple[float, float]:
        """Stored bytes of an entry with all indexes, and of its bytes alone."""
        connection = await asyncpg.connect(self.server.admin_url)
        row = await connection.fetchrow(STORED)
        await connection.close()
        assert row is not None
        return row["stored"], row["own"]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    async with bench_server() as server:
        await make_tables(server.migrator_url)
        database = await Database.connect(server.app_url, role="loopctl_app", max_size=16)
        yield Bench(server, database)
        await database.close()


async def measure() -> None:
    async with bench() as on:
        await tell_machine(on.server.admin_url)
        url = on.server.admin_url
        limits: list[tuple[float, float, float]] = []
        found: dict[str, list[Rate]] = {name: [] for name in SHAPES}
        for _ in range(REPETITIONS):
            limits.append((await pgbench_rows(url), await unnest_rows(url), await single_row_seconds(url)))
            for name, shape in SHAPES.items():
                found[name].append(await on.rate(shape))
        one, many, single = (median(column) for column in zip(*limits, strict=True))
        rates = {name: Rate(*map(median, zip(*each, strict=True))) for name, each in found.items()}
        told("limits", f"L1 {one:,.0f} rows/s, A {many:,.0f} rows/s, one durable row {single * 1000:.2f} ms")
        _tell(rates, one, many, single)
        at_least("row security on / off (append, 1 tenant)", await _row_security_ratio(on), 0.9)
        stored, own = await on.bytes_per_entry()
        at_most("stored bytes of an entry, all indexes / its own", stored / own, 3, f"{stored:.0f} / {own:.0f}")


def _tell(rates: dict[str, Rate], one: float, many: float, single: float) -> None:
    append, both = rates["append, 1 tenant, 64 callers"], rates["append, 16 tenants, 64 callers"]
    beside = f"{append.rate:,.0f}/s, p50 {append.p50:.1f} ms"
    at_least("append, 1 tenant, 64 callers / L1", append.rate / one, 1.3, beside)
    at_least("append, 1 tenant, 64 callers / A", append.rate / many, 0.20)
    at_most("  its p99, ms", append.p99, 5)
    at_most("  its p99 / p50", append.p99 / append.p50, 4)
    at_least("append, 16 tenants, 64 callers / A", both.rate / many, 0.12, f"{both.rate:,.0f}/s, p99 {both.p99:.1f} ms")
    for name in ("whole command, 1 tenant, 64 callers", "whole command, 16 tenants, 64 callers"):
        rate = rates[name]
        at_least(f"{name} / L1", rate.rate / one, 0.6, f"{rate.rate:,.0f}/s, p99 {rate.p99:.1f} ms")
    lone = rates["lone command"]
    at_most("lone command, p50 / one durable row", lone.p50 / 1000 / single, 3, f"{lone.p50:.2f} ms")
    more = rates["append, 1 tenant, 256 callers"]
    told("append, 1 tenant, 256 callers", f"{more.rate:,.0f}/s = {more.rate / one:.2f} x L1, p99 {more.p99:.1f} ms")


async def _row_security_ratio(on: Bench) -> float:
    with_it, without = [], []
    for _ in range(REPETITIONS):
        with_it.append((await on.rate(APPEND)).rate)
        await on.row_security(False)
        without.append((await on.rate(APPEND)).rate)
        await on.row_security(True)
    return median(with_it) / median(without)


def main(_: list[str]) -> int:
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
