"""What to look at next, and when: each log and follower once, however often it is asked for."""

import asyncio
import heapq
import time
from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

LONGEST = 10_000
"""Looks in the queue. What does not fit is found again by polling."""


class Look(Struct, frozen=True, order=True):
    """One follower on one log."""

    tenant_id: UUID
    follower: str


class Agenda:
    """Nothing is looked at twice at once, and nothing that comes in during a look is lost."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, longest: int = LONGEST) -> None:
        self._clock = clock
        self._longest = longest
        self._heap: list[tuple[float, Look]] = []
        self._scheduled: set[Look] = set()
        self._looking: set[Look] = set()
        self._asked_again: set[Look] = set()
        self._changed = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return len(self._heap) >= self._longest

    def add(self, key: Look) -> None:
        """As soon as possible, but not before a later time that it was put off to."""
        if key in self._looking:
            self._asked_again.add(key)
        elif key not in self._scheduled and not self.is_full:
            self._put(key, self._clock())

    async def take(self, stop: asyncio.Event) -> Look | None:
        """The next one that is due, which must be given back with ``done``; None after ``stop`` and ``wake``."""
        while not stop.is_set():
            self._changed.clear()
            wait = self._heap[0][0] - self._clock() if self._heap else None
            if wait is not None and wait <= 0:
                _, key = heapq.heappop(self._heap)
                self._scheduled.discard(key)
                self._looking.add(key)
                return key
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return None

    def done(self, key: Look, again_in: float | None) -> None:
        """``again_in`` seconds at the earliest; None when only news is a reason."""
        asked = key in self._asked_again
        self._looking.discard(key)
        self._asked_again.discard(key)
        if again_in is not None or asked:
            self._put(key, self._clock() + (again_in or 0.0))

    def wake(self) -> None:
        """Makes ``take`` look at its ``stop``."""
        self._changed.set()

    def _put(self, key: Look, at: float) -> None:
        self._scheduled.add(key)
        heapq.heappush(self._heap, (at, key))
        self._changed.set()
