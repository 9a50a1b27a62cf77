"""From a worker thread's message to a coroutine on the event loop, with a time limit, a count and a log line."""

import asyncio
import concurrent.futures
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal
from uuid import UUID

import structlog

from eventstore.database.unavailable import DatabaseUnavailable
from workers.actors import Actor, Outcome, Tools
from workers.lease import cause
from workers.metrics import JobMetrics

log = structlog.get_logger(__name__)

Ending = Literal[Outcome, "failed", "timed_out", "interrupted"]

CLEAN_UP_SECONDS = 2.0


class Runner:
    """All jobs share the event loop of the process: one that computes for long belongs into ``asyncio.to_thread``."""

    def __init__(self, tools: Tools, metrics: JobMetrics) -> None:
        self._loop = asyncio.get_running_loop()
        self._tools = tools
        self._metrics = metrics
        self._running: set[asyncio.Task[None]] = set()

    def entry(self, actor: Actor) -> Callable[[str], None]:
        """What Dramatiq calls in one of its threads; it waits there, so that threads bound how many jobs run."""

        def start(row_id: str) -> None:
            future = asyncio.run_coroutine_threadsafe(self._perform(actor, row_id), self._loop)
            with suppress(concurrent.futures.CancelledError):
                future.result()

        return start

    @property
    def busy(self) -> bool:
        return bool(self._running)

    async def interrupt(self) -> None:
        """Ends what still runs; each job has CLEAN_UP_SECONDS to let go of its lease."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=CLEAN_UP_SECONDS)

    async def _perform(self, actor: Actor, row_id: str) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a job runs in a task")
        self._running.add(task)
        began = time.monotonic()
        ending: Ending = "interrupted"
        try:
            ending = await self._limited(actor, row_id)
        finally:
            self._running.discard(task)
            self._metrics.job_ended(actor.name, ending, time.monotonic() - began)

    async def _limited(self, actor: Actor, row_id: str) -> Ending:
        try:
            async with asyncio.timeout(actor.time_limit_seconds) as limit:
                return await actor.run(self._tools, UUID(row_id))
        except Exception as error:  # noqa: BLE001  # whatever a job raises is its own failure, never the worker's
            _explain(actor, cause(error), timed_out=limit.expired())
            return "timed_out" if limit.expired() else "failed"


def _explain(actor: Actor, error: BaseException, *, timed_out: bool) -> None:
    name = type(error).__name__
    if isinstance(error, DatabaseUnavailable):
        log.info("job_failed", actor=actor.name, error_class=name)  # the outage itself has been complained about
    else:
        log.warning("job_failed", actor=actor.name, error_class=name, exc_info=None if timed_out else error)
