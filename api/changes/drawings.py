"""What many have open is drawn once: whoever wants a picture shares it with those who want the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from msgspec import Struct

MOST_KEPT = 64
"""Pictures of which the newest is remembered."""
GOOD_SECONDS = 30.0
"""What only time changes, such as a lease that has run out, is seen after as long."""

Size = Callable[[], Awaitable[int]]
Draw = Callable[[], Awaitable[bytes]]


class Picture(Struct, frozen=True):
    """``content`` at a moment when the log had ``size`` entries or more."""

    size: int
    content: bytes
    drawn_at: float
    """By the clock of the event loop."""


class Drawings:
    """By key: what a picture is of, and for whose eyes. Whoever asks gets one that was begun after it asked, so that it
    has everything that was committed before; of those who wait meanwhile the next one is for all. While the log has not
    grown, the last picture is good."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[Picture]] = {}
        self._last: OrderedDict[Hashable, Picture] = OrderedDict()

    async def newest(self, key: Hashable, size: Size, draw: Draw) -> Picture:
        """Raises whatever ``size`` and ``draw`` raise."""
        running = self._running.get(key)
        if running is not None:
            await asyncio.wait([running])  # it may have looked before what is asked for was there
        mine = self._running.get(key)
        if mine is None or mine is running:
            mine = self._running[key] = asyncio.create_task(self._drawn(key, size, draw))
            mine.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(mine)

    async def _drawn(self, key: Hashable, size: Size, draw: Draw) -> Picture:
        before, now = await size(), asyncio.get_running_loop().time()
        last = self._last.get(key)
        if last is not None and last.size == before and now - last.drawn_at < GOOD_SECONDS:
            return last
        picture = Picture(before, await draw(), now)
        self._last[key] = picture
        self._last.move_to_end(key)
        while len(self._last) > MOST_KEPT:
            self._last.popitem(last=False)
        return picture

    def _end(self, key: Hashable, done: asyncio.Task[Picture]) -> None:
        if self._running.get(key) is done:
            del self._running[key]
        if not done.cancelled():
            done.exception()  # told to those who wait; nobody else asks
