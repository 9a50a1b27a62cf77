"""Keys that are none, counted by where they come from: whoever tries keys is told to come back later.

A good key passes from any address. Counting is this process's own; where nobody tries too many, nobody is looked at.
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address

from api.http.rate_limits.verdict import PERIOD_SECONDS, too_many
from api.http.rate_limits.window import Windows
from domain.api_key import is_well_formed

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
