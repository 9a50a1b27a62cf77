"""The most that this PostgreSQL does on this machine now, to which figures are ratios (spec 07, section 2)."""

import asyncio
import secrets
import subprocess
import tempfile
import time

import asyncpg

from supervisor.postgres import binaries

ROW_BYTES = 450
TABLE = "CREATE TABLE IF NOT EXISTS public.limit_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea)"
ROW = f"INSERT INTO public.limit_row (body) VALUES (decode(repeat('ab', {ROW_BYTES}), 'hex'));\n"  # noqa: S608  # a number
ONE = "INSERT INTO public.limit_row (body) VALUES ($1)"
ROWS = "INSERT INTO public.limit_row (body) SELECT body FROM unnest($1::bytea[]) AS given (body)"


async def pgbench_rows(admin_url: str, seconds: int = 3) -> float:
    """L1: durable single-row inserts a second over 32 connections."""
    await _make_table(admin_url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(ROW)
        script.flush()
        command = [
            str(binaries() / "pgbench"), "--no-vacuum", "--client=32", "--jobs=2", f"--time={seconds}",
            f"--file={script.name}", admin_url,
        ]  # fmt: skip
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])


async def unnest_rows(admin_url: str, transactions: int = 200) -> float:
    """A: rows of the same bytes a second, 100 in a transaction, over one connection."""
    await _make_table(admin_url)
    rows = [secrets.token_bytes(ROW_BYTES) for _ in range(100)]
    connection = await asyncpg.connect(admin_url)
    began = time.perf_counter()
    for _ in range(transactions):
        await connection.execute(ROWS, rows)
    seconds = time.perf_counter() - began
    await connection.close()
    return 100 * transactions / seconds


async def single_row_seconds(admin_url: str, count: int = 500) -> float:
    """Median of one durable insert of one row over one connection."""
    await _make_table(admin_url)
    row = secrets.token_bytes(ROW_BYTES)
    connection = await asyncpg.connect(admin_url)
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        await connection.execute(ONE, row)
        seconds.append(time.perf_counter() - began)
    await connection.close()
    return sorted(seconds)[count // 2]


async def _make_table(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    await connection.execute(TABLE)
    await connection.close()
