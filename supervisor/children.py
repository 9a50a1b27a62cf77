"""Child processes that are started, watched, restarted with back-off, and stopped in order."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from config.pulse import TELL
from config.refusal import StartRefused
from supervisor.data_directory import DataDirectory

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 30.0
"""A child that lived this long starts its back-off afresh."""

LOOKS = 10
"""In a row that must all find a child still. A pause of ours, or of the whole machine, is one of them at most."""
LAST_WORDS_SECONDS = 0.5
"""To say where it is before it is killed."""


class Program(Struct, frozen=True, kw_only=True):
    """What to run. ``prepare`` goes before every start, ``ready`` returns when the child serves."""

    name: str
    command: Callable[[], Sequence[str]]
    ready: Callable[[], Awaitable[None]]
    prepare: Callable[[], object] = lambda: None
    environment: Mapping[str, str] | None = None
    inherit: tuple[int, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0
    moved: Callable[[], bool] | None = None
    """Whether the child has shown a sign of life since it was asked last; None when it shows none."""
    still_seconds: float = 30.0
    """After which a child without a sign of life is ended."""


class Child:
    """One supervised program. ``start`` raises StartRefused when it ends before it was ever ready."""

    def __init__(
        self,
        program: Program,
        data: DataDirectory,
        say: Callable[[str], None],
        watch: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``watch`` is told the pid of each start."""
        self.program = program
        self._watch = watch
        self._data = data
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._log: Path = data.log_file(program.name)
        self._stopping = False

    async def start(self) -> None:
        await self._spawn()
        ended = asyncio.create_task(self._wait())
        ready = asyncio.ensure_future(self.program.ready())
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise StartRefused(f"{self.program.name} did not start: {self._last_words()}")
            try:
                ready.result()
            except TimeoutError as error:
                why = str(error) or "no answer"
                raise StartRefused(
                    f"{self.program.name} did not become ready in time ({why}): see {self._log}."
                ) from None
        finally:
            for task in (ended, ready):
                task.cancel()

    async def keep_running(self) -> None:
        """Restarts the child each time it ends, until ``stop``. Never returns before that."""
        pause = FIRST_PAUSE_SECONDS
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            code = await self._watched()
            if self._stopping:
                return
            if clock() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._say(f"{self.program.name} {_how(code)}; starting it again in {pause:g} s (log: {self._log})")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            with suppress(StartRefused):
                await self.start()
                self._say(f"{self.program.name} is back")

    async def _watched(self) -> int:
        """Its exit code. A child that stands still is ended here."""
        looking = asyncio.create_task(self._look(self.program.moved)) if self.program.moved else None
        try:
            return await self._wait()
        finally:
            if looking is not None:
                looking.cancel()

    async def _look(self, moved: Callable[[], bool]) -> None:
        still = 0
        while still < LOOKS:
            await asyncio.sleep(self.program.still_seconds / LOOKS)
            still = 0 if moved() or self._stopping else still + 1
        self._say(
            f"{self.program.name} has not moved for {self.program.still_seconds:g} s and is ended: see {self._log}"
        )
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(TELL)
                await asyncio.sleep(LAST_WORDS_SECONDS)
                process.kill()

    async def stop(self) -> None:
        """Asks, waits, and after ``stop_seconds`` ends it."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.program.stop_seconds)
        except TimeoutError:
            self._say(f"{self.program.name} did not stop within {self.program.stop_seconds:g} s and was killed")
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _spawn(self) -> None:
        self.program.prepare()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.program.environment if self.program.environment is not None else os.environ),
                pass_fds=self.program.inherit,
                # Its own session: Ctrl-C reaches only us, and we stop the children in order.
                start_new_session=True,
            )
        self._watch(self._process.pid)
        self._data.remember_child(self._process.pid)

    async def _wait(self) -> int:
        if self._process is None:
            raise RuntimeError("the child was not started")
        return await self._process.wait()

    def _last_words(self) -> str:
        """The reason that a child of ours gave (`loopctl: …`), else its last line."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 16384))
            lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        spoken = [line.removeprefix("loopctl: ") for line in lines if line.startswith("loopctl: ")]
        last = (spoken or lines or ["it said nothing"])[-1]
        return f"{last} (log: {self._log})"


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
