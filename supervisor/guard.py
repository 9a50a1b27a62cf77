"""Ends what a process has started as soon as that process is gone: one that is killed cannot do it any more."""

import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from supervisor.left_over import end_all, started_at, still_running

ROOT = Path(__file__).resolve().parents[1]

CLOSING_SECONDS = 60.0
"""More than the guard takes for those who have to be killed."""


class Guard:
    """A small process that reads a pipe of ours, which the kernel closes however we end.

    Not the parent-death signal: only Linux has it, it comes when a thread ends, and a change of account clears it.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.guard"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,  # Ctrl-C is for us
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, pid: int) -> None:
        """Should the guard itself be gone, everything goes on without it."""
        started = started_at(pid)
        if started is None or self._process.stdin is None:
            return
        with suppress(OSError):
            self._process.stdin.write(f"{pid} {started!r}\n".encode())
            self._process.stdin.flush()

    def close(self) -> None:
        """Returns when nothing of what was watched runs any more."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait(CLOSING_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def end_when_closed(lines: Iterable[str]) -> None:
    """Reads ``pid started`` to the end of the input, and ends those that still run."""
    watched = dict(line.split() for line in lines if line.endswith("\n"))
    end_all([process for pid, started in watched.items() if (process := still_running(int(pid), float(started)))])


if __name__ == "__main__":
    end_when_closed(sys.stdin)
