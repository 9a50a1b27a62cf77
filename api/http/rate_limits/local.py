"""What one process counts by itself: requests, for when the shared limiter is out of reach, and keys that are none.

Whoever tries keys is told to come back later. A good key passes from any address, and where nobody tries too many,
nobody is looked at.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar
from uuid import UUID

from api.http.rate_limits.verdict import PERIOD_SECONDS, RateCheck, Verdict, too_many
from domain.api_key import is_well_formed

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


MOST_FAILED = 300
"""A minute, from one address, in all processes together; from then on a wrong key is told to wait."""
FEWEST = 10
"""For one process, however many there are."""
LOOKED_UP = 10
"""So many times as many keys that could be keys are looked up, because one of them may be a good one."""
WHAT = "Too many requests from this address with keys that are not valid."
NETWORK_BITS = 64
"""Of an IPv6 address that are one client's: it chooses the others by itself."""


class FailedKeys:
    """``source`` says from where a request comes, ``check`` refuses, ``add`` counts a failure. False while ``check``
    would refuse nobody."""

    def __init__(self, most: int, proxies: int, was_good: Callable[[str], bool], clock: Callable[[], float]) -> None:
        """``proxies`` of our own stand before us, each of which adds the address it sees to X-Forwarded-For.
        ``clock`` in seconds that never go back."""
        self._most = max(most, FEWEST)
        self._proxies = proxies
        self._was_good = was_good
        self._clock = clock
        self._windows = Windows[str]()
        self._checked_until = 0.0

    def __bool__(self) -> bool:
        return self._clock() < self._checked_until

    def source(self, headers: Mapping[bytes, bytes], peer: tuple[str, int] | None) -> str:
        """The address that the outermost of our proxies saw, or of the connection; of IPv6 its network."""
        nearest = peer[0] if peer else ""
        if not self._proxies:
            return _network(nearest) or nearest
        hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").rsplit(",", self._proxies)
        return _network(hops[-self._proxies :][0].strip()) or _network(nearest) or nearest

    def check(self, source: str, raw_key: str) -> None:
        """Raises Refused."""
        window, now = self._windows.found(source), self._clock()
        if window is None or window.at(now) < self._most:
            return
        if is_well_formed(raw_key) and (window.total < self._most * LOOKED_UP or self._was_good(raw_key)):
            return
        raise too_many(window.wait(now, self._most), WHAT)

    def add(self, source: str) -> None:
        """Raises Refused when there were too many before."""
        window, now = self._windows.of(source), self._clock()
        wait = window.wait(now, self._most) if window.at(now) >= self._most else 0.0
        window.add(now, 1)
        if window.total >= self._most:
            self._checked_until = now + PERIOD_SECONDS
        if wait:
            raise too_many(wait, WHAT)


def _network(text: str) -> str | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> NETWORK_BITS << NETWORK_BITS))
