"""The limiter of one process, for when the shared one is out of reach: strict, never open, never shut."""

import time
from collections.abc import Callable
from uuid import UUID

from api.http.rate_limits.verdict import RateCheck, Verdict
from api.http.rate_limits.window import Windows


class LocalLimiter:
    """Counts every request that this process lets through, whoever judged it.

    Every process gets its part of a limit, so that all of them together let no more through than the limit says. What
    passed before the shared limiter was lost counts as well: where one process has had more than its part, the sum is
    at most twice the limit, once.
    """

    def __init__(
        self,
        processes: int,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``clock`` in seconds that never go back, ``wall`` in Unix seconds, for telling clients."""
        self._processes = processes
        self._clock = clock
        self._wall = wall
        self._windows = Windows[tuple[str, UUID]]()

    def check(self, asked: RateCheck) -> Verdict:
        now = self._clock()
        counted = [
            (self._windows.of(("key", asked.key)), max(1, asked.limit // self._processes)),
            (self._windows.of(("tenant", asked.tenant)), max(1, asked.tenant_limit // self._processes)),
        ]
        wait = max((window.wait(now, limit) for window, limit in counted if window.at(now) >= limit), default=0.0)
        if wait == 0:
            for window, _ in counted:
                window.add(now, 1)
        left = [max(limit - window.at(now), 0) for window, limit in counted]
        fewest = min(left)
        reset = wait or max(
            window.wait(now, limit) for (window, limit), rest in zip(counted, left, strict=True) if rest == fewest
        )
        return Verdict(counted[0][1], wait, fewest, self._wall() + reset, local=True)

    def note(self, key: UUID, tenant: UUID, count: int) -> None:
        """So many have passed until now that were not judged here."""
        now = self._clock()
        self._windows.of(("key", key)).add(now, count)
        self._windows.of(("tenant", tenant)).add(now, count)
