"""How long `up` takes to be healthy: on an empty directory, and on one that exists."""

import statistics
import tempfile
import time
from pathlib import Path

from bench.table import at_most, told
from tests.support.running import up

REPETITIONS = 5


def main(_: list[str]) -> None:
    first: list[float] = []
    second: list[float] = []
    for _repetition in range(REPETITIONS):
        with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as parent:
            data = Path(parent) / "data"
            first.append(seconds_to_healthy(data))
            second.append(seconds_to_healthy(data))
    told("first start", f"median {statistics.median(first):.2f} s, max {max(first):.2f} s of {REPETITIONS}")
    at_most("start on an existing directory, s", statistics.median(second), 4, f"max {max(second):.2f} s")


def seconds_to_healthy(data: Path) -> float:
    """From starting the process to its word that it is healthy; stopped again before returning."""
    began = time.monotonic()
    with up(data) as run:
        run.wait_until_healthy()
        return time.monotonic() - began
