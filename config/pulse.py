"""A process shows whoever started it that its event loop turns: a byte each half second through an inherited pipe.

Not a file, which a slow disk would make late, and not a request, which on a shared socket another process answers.
"""

import asyncio
import faulthandler
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

PULSE_FD = "LOOPCTL_PULSE_FD"
"""Number of the inherited end that is written to; it must not block."""

PULSE_SECONDS = 0.5

TELL = signal.SIGUSR1
"""Asks a watched process to write to its log where each of its threads is, which it does even when none of them can be
interrupted. Only places in the code, no values."""


@asynccontextmanager
async def pulsing(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """While the body runs; nothing happens in a process that nobody watches."""
    given = environment.get(PULSE_FD, "")
    if not given.isdecimal():
        yield
        return
    faulthandler.register(TELL)
    task = asyncio.create_task(_pulse(int(given)))
    try:
        yield
    finally:
        task.cancel()


async def _pulse(pipe: int) -> None:
    while True:
        with suppress(OSError):  # full because nobody looks, or closed because nobody is there any more
            os.write(pipe, b".")
        await asyncio.sleep(PULSE_SECONDS)
