"""The writer's process, seen from outside: made by a fork server, so that 10,000 of them can die."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from bench.append_writer import Job, Outcome, Setting, run

ANSWER_SECONDS = 30.0


class WriterGone(Exception):
    """The process was killed before it could answer."""


class WriterProcess:
    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["bench.append_writer"])
        self._process: ForkServerProcess | None = None
        self._pipe: Connection | None = None

    async def ready(self) -> None:
        """There is a process, and it has its connection."""
        if self._process is not None and self._process.is_alive():
            return
        await self.end()
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=run, args=(self._setting, theirs))
        self._process.start()
        theirs.close()
        await self._answer()

    async def do(self, job: Job) -> Outcome:
        """Raises WriterGone."""
        assert self._pipe is not None
        self._pipe.send(job)
        outcome = await self._answer()
        assert isinstance(outcome, Outcome)
        return outcome

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    async def end(self) -> None:
        self.kill()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    async def _answer(self) -> object:
        assert self._pipe is not None
        try:
            if not await asyncio.to_thread(self._pipe.poll, ANSWER_SECONDS):
                raise TimeoutError("the writer does not answer")
            return self._pipe.recv()
        except (EOFError, ConnectionError):
            raise WriterGone from None
