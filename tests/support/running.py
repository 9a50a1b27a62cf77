"""`loopctl up` as a person runs it: a process of its own, spoken to through its terminal, its signals and HTTP."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psutil

from tests.support.guarded import guarded

CHECKOUT = Path(__file__).resolve().parents[2]
HEALTHY = re.compile(r"Healthy at (http://\S+)")


class Run:
    """One `up`. ``said`` is what it printed so far."""

    def __init__(self, process: subprocess.Popen[str], data: Path, output: Path) -> None:
        self.process = process
        self.data = data
        self._output = output
        self.address = ""

    @property
    def said(self) -> str:
        return self._output.read_text()

    def wait_until_said(self, pattern: str, timeout_seconds: float = 60.0) -> re.Match[str]:
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.said)
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"never said {pattern!r}, exit {self.process.poll()}:\n{self.said}")

    def wait_until_healthy(self) -> str:
        self.address = self.wait_until_said(HEALTHY.pattern)[1]
        return self.address

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(self.address + path, timeout=60, trust_env=False)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=180)

    def family(self) -> list[psutil.Process]:
        """The run and all that it started."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def child(self, *words: str) -> psutil.Process:
        """The direct child whose command line ends with these words or has them in it."""
        for process in psutil.Process(self.process.pid).children():
            line = " ".join(process.cmdline())
            if all(word in line for word in words):
                return process
        raise AssertionError(f"no child like {words}")

    def kill_everything(self) -> list[psutil.Process]:
        """SIGKILL to all at once, as a power cut would: nobody gets to clean up."""
        family = self.family()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(timeout=180)
        psutil.wait_procs(family, timeout=180)
        return family


@contextmanager
def up(
    data: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    output: str = "up.out",
) -> Iterator[Run]:
    """Starts `up` on a free port and ends whatever of it is left afterwards. ``output`` is a file beside the data."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    command = [*prefix, sys.executable, "-m", "supervisor", "--data-dir", str(data), *arguments]
    if "--port" not in arguments:
        command += ["--port", "0"]
    with (data.parent / output).open("w") as said:
        process = guarded(subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT,
            env={**clean, "PYTHONPATH": str(CHECKOUT), **(environment or {})}, start_new_session=True,
        ))  # fmt: skip
    run = Run(process, data, data.parent / output)
    try:
        yield run
    finally:
        if process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                run.stop()
        if process.poll() is None:
            run.kill_everything()
