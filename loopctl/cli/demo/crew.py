"""The processes of the demo: started, listened to, one of them killed, ended."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from msgspec import Struct
from msgspec.json import decode, encode

from loopctl.cli.demo.duty import Duty, Told

END_SECONDS = 5.0


ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until a process that was started is known to whoever will end it. What is started in here begins
    with the same signals held back, so that none of them meets an interpreter that is not ready for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Member(Struct, frozen=True):
    process: subprocess.Popen[bytes]
    listener: threading.Thread

    def left(self) -> None:
        """After it was told to end: nothing of it stays open."""
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.listener.join(END_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Crew:
    """What the processes tell comes out of ``told``, in the order in which it came."""

    def __init__(self) -> None:
        self._told: SimpleQueue[Told] = SimpleQueue()
        self._members: dict[str, _Member] = {}

    def start(self, *duties: Duty) -> None:
        for duty in duties:
            with undisturbed():
                self._members[duty.name] = self._started(duty)

    def told(self, within_seconds: float) -> Told | None:
        try:
            return self._told.get(timeout=within_seconds)
        except Empty:
            return None

    def kill(self, name: str) -> int:
        """As the machine does when it runs out of memory: no goodbye. Its process id."""
        member = self._members.pop(name)
        member.process.kill()
        member.left()
        return member.process.pid

    def ended(self) -> str | None:
        """A process that ended by itself, which none should."""
        return next((name for name, member in self._members.items() if member.process.poll() is not None), None)

    def end(self) -> None:
        for member in self._members.values():
            member.process.terminate()
        for member in self._members.values():
            member.left()

    def _started(self, duty: Duty) -> _Member:
        command = [sys.executable, "-m", "loopctl.cli.demo.worker"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own module
        if process.stdin is None:
            raise AssertionError("it is a pipe")
        process.stdin.write(encode(duty) + b"\n")
        process.stdin.close()
        listener = threading.Thread(target=self._listen, args=(process,), daemon=True)
        listener.start()
        return _Member(process, listener)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            if line.endswith(b"\n"):  # the last one of who was killed may not
                self._told.put(decode(line, type=Told))


@contextmanager
def crew() -> Iterator[Crew]:
    """Whoever was started is ended with the block."""
    made = Crew()
    try:
        yield made
    finally:
        made.end()
