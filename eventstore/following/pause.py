"""Waiting that ends early.

Loops here end by an event and not by cancellation. On Python 3.11 asyncio.wait_for, which the Redis client uses for
every write, swallows a cancellation that meets its result, and the loop would go on for ever.
"""

import asyncio


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether ``event`` is set, at the latest after ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
