"""What every process of the API looks after once a second, whatever happened the last time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

PAUSE_SECONDS = 1.0

log = structlog.get_logger("api")


async def in_rounds(sweep: Callable[[datetime], Awaitable[object]], now: Callable[[], datetime], failed: str) -> None:
    """Until it is cancelled. ``now`` gives the time in UTC; ``failed`` is what the log says of a round that failed."""
    while True:
        try:
            await sweep(now())
        except Exception as error:  # noqa: BLE001  # whatever it is, the next round may do better
            log.warning(failed, error_class=type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)
