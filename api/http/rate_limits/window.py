"""How many requests there were in the last minute, as one process counts them."""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from api.http.rate_limits.verdict import PERIOD_SECONDS

STEP_SECONDS = 0.25
"""Of what came within so long after another, all counts from the last on."""
MOST_WINDOWS = 20_000
NO_TIME = 1e-6
"""Two times that differ by less are the same one, added up in another order."""


class Window:
    """Times are seconds of a clock that never goes back; one that does is taken to stand still."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: deque[tuple[float, float, int]] = deque()
        """The first and the last time, and how many."""
        self.total = 0

    def at(self, now: float) -> int:
        """How many count at this time."""
        counts, gone = self._counts, now - PERIOD_SECONDS + NO_TIME
        while counts and counts[0][1] <= gone:
            self.total -= counts.popleft()[2]
        return self.total

    def add(self, now: float, count: int) -> None:
        if self._counts and now < self._counts[-1][0] + STEP_SECONDS:
            first, last, before = self._counts.pop()
            self._counts.append((first, max(last, now), before + count))
        else:
            self._counts.append((now, now, count))
        self.total += count

    def wait(self, now: float, limit: int) -> float:
        """Seconds until fewer than ``limit`` count, or until the first of fewer counts no more."""
        above = max(self.at(now) - limit + 1, 1)
        for _, last, count in self._counts:
            above -= count
            if above <= 0:
                return last + PERIOD_SECONDS - now
        return 0.0


Key = TypeVar("Key", bound=Hashable)


class Windows(Generic[Key]):
    """Those that were asked for last."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Key, Window] = OrderedDict()

    def found(self, key: Key) -> Window | None:
        return self._windows.get(key)

    def of(self, key: Key) -> Window:
        found = self._windows.setdefault(key, Window())
        self._windows.move_to_end(key)
        if len(self._windows) > MOST_WINDOWS:
            self._windows.popitem(last=False)
        return found
