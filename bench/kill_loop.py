"""Kills every process of a running service with SIGKILL, again and again; each time the next start must be healthy.

Every second round the service is answering requests when it is hit. ``control`` damages the cluster the way a
recovery that does not work would: the loop must then report it.
"""

import random
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx2
from msgspec import Struct

from tests.support.running import Run, up


class Report(Struct, frozen=True):
    """``seconds`` to healthy after each kill; ``failures`` are rounds after which the service did not come back."""

    rounds: int
    failures: int
    seconds: tuple[float, ...]
    answered: int


def run(rounds: int, seed: int, *, control: bool = False) -> Report:
    """At most ``rounds`` starts; stops at the first failure, since nothing after it means anything."""
    chance = random.Random(seed)
    seconds: list[float] = []
    answered = 0
    with tempfile.TemporaryDirectory(prefix="loopctl-kill-", ignore_cleanup_errors=True) as parent:
        data = Path(parent) / "data"
        with up(data) as started:
            started.wait_until_healthy()
            answered += _answer_until_killed(started, chance, busy=False)
        for number in range(rounds):
            if control:
                (data / "postgres" / "global" / "pg_control").write_bytes(b"")
            began = time.monotonic()
            with up(data) as started:
                try:
                    started.wait_until_healthy()
                except AssertionError:
                    return Report(number + 1, 1, tuple(seconds), answered)
                seconds.append(time.monotonic() - began)
                answered += _answer_until_killed(started, chance, busy=number % 2 == 0)
    return Report(rounds, 0, tuple(seconds), answered)


def _answer_until_killed(started: Run, chance: random.Random, *, busy: bool) -> int:
    """Requests from four clients until the kill comes at a random moment. Returns how many were answered."""
    stop = threading.Event()
    counts = [0] * 4

    def ask(client: int) -> None:
        while not stop.is_set():
            with suppress(httpx2.HTTPError):
                started.get("/health")
                counts[client] += 1

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(4)] if busy else []
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0.05, 0.6))
    started.kill_everything()
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts)


def main(arguments: list[str]) -> int:
    rounds = int(arguments[0]) if arguments else 20
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    report = run(rounds, seed)
    figures = sorted(report.seconds)
    print(f"{report.rounds} x SIGKILL of all, seed {seed}: {report.failures} failures, {report.answered} answers")
    if figures:
        print(f"time to healthy: p50 {statistics.median(figures):.2f} s, max {figures[-1]:.2f} s")
    control = run(1, seed, control=True)
    print(
        f"control (damaged cluster): {'red, as it must be' if control.failures else 'GREEN: the loop proves nothing'}"
    )
    return 1 if report.failures or not control.failures else 0
