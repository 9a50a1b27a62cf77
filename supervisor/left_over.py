"""Processes that outlived whoever started them: told apart from later ones with the same pid, and ended."""

import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

GRACE_SECONDS = 10.0


def started_at(pid: int) -> float | None:
    """With the pid, which is used again, this is who a process is. None when it is gone."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).create_time()
    return None


def still_running(pid: int, started: float) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if abs(process.create_time() - started) < 1.0 and _lives(process):
            return process
    return None


def end_all(left: Sequence[psutil.Process], grace_seconds: float = GRACE_SECONDS) -> None:
    """Asks all at once, and kills who does not go. PostgreSQL waits for its clients on SIGTERM, so it gets SIGINT."""
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    for process in _wait(left, grace_seconds):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(left, grace_seconds)


def _wait(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that live on. Who is dead and not yet collected by its parent, as in a container without init, is gone."""
    deadline = time.monotonic() + seconds
    while (alive := list(filter(_lives, processes))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
