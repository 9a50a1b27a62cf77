"""The processes of the demo: started, listened to, one of them killed, ended."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from msgspec.json import decode, encode

from loopctl.cli.demo.duty import Duty, Told

END_SECONDS = 5.0


class Processes:
    """What they tell comes out of ``told``, in the order in which it came."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._told: SimpleQueue[Told] = SimpleQueue()
        self._processes = {duty.name: self._start(duty) for duty in duties}

    def told(self, within_seconds: float) -> Told | None:
        try:
            return self._told.get(timeout=within_seconds)
        except Empty:
            return None

    def kill(self, name: str) -> int:
        """As the machine does when it runs out of memory: no goodbye. Its process id."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        return process.pid

    def ended(self) -> str | None:
        """A process that ended by itself, which none should."""
        return next((name for name, process in self._processes.items() if process.poll() is not None), None)

    def end(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(END_SECONDS)

    def _start(self, duty: Duty) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "loopctl.cli.demo.worker"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own module
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        process.stdin.write(encode(duty) + b"\n")
        process.stdin.close()
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            self._told.put(decode(line, type=Told))


@contextmanager
def processes(duties: Sequence[Duty]) -> Iterator[Processes]:
    started = Processes(duties)
    try:
        yield started
    finally:
        started.end()
