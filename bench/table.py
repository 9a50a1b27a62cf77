"""One line for each figure: what was measured, what it must reach, and whether it does."""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence

import asyncpg

FIGURES: list[str] = []
"""Every line with a bar that this process has printed: several benchmarks end with all of them in one table."""


def at_least(what: str, value: float, bar: float, beside: str = "") -> None:
    _line(what, f"{value:.2f}", f">= {bar:g}", value >= bar, beside)


def at_most(what: str, value: float, bar: float, beside: str = "") -> None:
    _line(what, f"{value:.2f}", f"<= {bar:g}", value <= bar, beside)


def told(what: str, beside: str) -> None:
    """Without a bar."""
    print(f"          {what:<58} {beside}", flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(sorted_values: Sequence[float], share: float) -> float:
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def fdatasync_seconds(count: int = 200) -> float:
    """Median of writing 8 KiB and waiting until it is on the disk: what pg_test_fsync measures."""
    page, seconds = bytes(8192), []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(count):
            began = time.perf_counter()
            os.pwrite(file.fileno(), page, 0)
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return median(seconds)


async def tell_machine(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    settings = [await connection.fetchval(f"SHOW {name}") for name in ("server_version", "fsync", "synchronous_commit")]
    await connection.close()
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(
        f"{cores} cores, load {load:.1f} before; Python {platform.python_version()}, PostgreSQL {settings[0]}, "
        f"fsync {settings[1]}, synchronous_commit {settings[2]}, fdatasync of 8 KiB {fdatasync_seconds() * 1e6:.0f} us"
    )


def _line(what: str, value: str, bar: str, reached: bool, beside: str) -> None:
    line = f"  {'ok   ' if reached else 'SHORT'}   {what:<58} {value:>8}  {bar:<9} {beside}"
    FIGURES.append(line)
    print(line, flush=True)
