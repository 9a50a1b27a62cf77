"""The limiter of one process, for when the shared one is out of reach: strict, never open, never shut."""

import time
from collections import OrderedDict
from collections.abc import Callable

from api.http.rate_limits.verdict import PERIOD_SECONDS, RateCheck, Verdict

MOST_COUNTED = 20_000


class LocalLimiter:
    """Generic cell rate algorithm: each counter is the moment at which it is empty again.

    Every process gets its part of a limit, so that all of them together let no more through than the limit says.
    """

    def __init__(self, processes: int, clock: Callable[[], float] = time.time) -> None:
        """``clock`` in Unix seconds."""
        self._processes = processes
        self._clock = clock
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def check(self, asked: RateCheck) -> Verdict:
        now = self._clock()
        share = max(1, asked.limit // self._processes)
        tenant_share = max(1, asked.tenant_limit // self._processes)
        key_end, key_wait = self._after(f"k:{asked.key}", share, now)
        tenant_end, tenant_wait = self._after(f"t:{asked.tenant}", tenant_share, now)
        wait = max(key_wait, tenant_wait)
        if wait <= 0:
            self._keep(f"k:{asked.key}", key_end)
            self._keep(f"t:{asked.tenant}", tenant_end)
        end = key_end if wait <= 0 else max(now, self._empty_at.get(f"k:{asked.key}", now))
        remaining = 0 if wait > 0 else int((PERIOD_SECONDS - (end - now)) * share / PERIOD_SECONDS + 1e-9)
        return Verdict(share, max(wait, 0.0), remaining, end, local=True)

    def _after(self, name: str, limit: int, now: float) -> tuple[float, float]:
        """When the counter would be empty with this request in it; how long it has to wait, 0 or less for not."""
        end = max(now, self._empty_at.get(name, now)) + PERIOD_SECONDS / limit
        return end, end - now - PERIOD_SECONDS - 1e-6

    def _keep(self, name: str, end: float) -> None:
        self._empty_at[name] = end
        self._empty_at.move_to_end(name)
        while len(self._empty_at) > MOST_COUNTED:
            self._empty_at.popitem(last=False)
