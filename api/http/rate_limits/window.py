"""How many requests there were in the last minute, counted by quarters of a second."""

from collections import deque

from api.http.rate_limits.verdict import PERIOD_SECONDS

QUARTERS = 4
"""A second."""
SPAN = PERIOD_SECONDS * QUARTERS + 1
"""Quarters for which one counts: its own too, because it may have come at the end of it."""


class Window:
    """Times are seconds of a clock that never goes back; one that does is taken to stand still."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque()
        self.total = 0

    def at(self, now: float) -> int:
        """How many count at this time."""
        counts, gone = self._counts, int(now * QUARTERS) - SPAN
        while counts and counts[0][0] <= gone:
            self.total -= counts.popleft()[1]
        return self.total

    def add(self, now: float, count: int) -> None:
        quarter = int(now * QUARTERS)
        if self._counts and self._counts[-1][0] >= quarter:
            quarter, before = self._counts.pop()
            self._counts.append((quarter, before + count))
        else:
            self._counts.append((quarter, count))
        self.total += count

    def wait(self, now: float, limit: int) -> float:
        """Seconds until fewer than ``limit`` count, or until the first of fewer counts no more."""
        above = max(self.at(now) - limit + 1, 1)
        for quarter, count in self._counts:
            above -= count
            if above <= 0:
                return (quarter + SPAN) / QUARTERS - now
        return 0.0
