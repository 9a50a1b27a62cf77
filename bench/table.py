"""One line for each figure: what was measured, what it must reach, and whether it does."""

import os
import platform
import statistics
from collections.abc import Sequence

import asyncpg


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


async def tell_machine(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    settings = [await connection.fetchval(f"SHOW {name}") for name in ("server_version", "fsync", "synchronous_commit")]
    await connection.close()
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(
        f"{cores} cores, load {load:.1f} before; Python {platform.python_version()}, PostgreSQL {settings[0]}, "
        f"fsync {settings[1]}, synchronous_commit {settings[2]}"
    )


def _line(what: str, value: str, bar: str, reached: bool, beside: str) -> None:
    print(f"  {'ok   ' if reached else 'SHORT'}   {what:<58} {value:>8}  {bar:<9} {beside}", flush=True)
