"""What a process holds of one key's permits, and how many more it would soon use."""

import asyncio
from collections import deque
from uuid import UUID

from api.http.rate_limits.script import EXACT_UP_TO, GOOD_SECONDS, Granted, Request, names
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, RateCheck, Verdict

FEWEST_WANTED = 4
"""A key that asks more slowly than so often in ``GOOD_SECONDS`` is counted one by one."""
MOST_WANTED = 512
MOST_PAUSES = 2


class Held:
    """Of one key in one tenant. Times are the limiter's clock, but for ``reset``, which is in Unix seconds."""

    def __init__(self, asked: RateCheck) -> None:
        self.key: UUID = asked.key
        self.tenant: UUID = asked.tenant
        self.names = names(asked.key, asked.tenant)
        self.limit = asked.limit
        self.mark = asked.mark
        self.waiting: deque[asyncio.Future[Verdict]] = deque()
        self.paused = False
        """Until the waiting are to ask again, which is soon."""
        self.pauses = 0
        self.unused = 0
        self.good_until = 0.0
        """For the permits, and for a refusal."""
        self.uncounted = 0
        """Passed while Redis was away."""
        self._permits = 0
        self._block = 0
        self._left = 0
        self._reset = 0.0
        self._free_at: float | None = None
        """When the next request passes, of one that was refused."""
        self._uncounted_at = 0.0
        self._since = 0.0
        self._lately = 0
        self._pace = 0.0

    def fits(self, asked: RateCheck) -> bool:
        """What is held answers this one too."""
        return self.limit == asked.limit and self.tenant == asked.tenant and self.mark == asked.mark

    def turn_to(self, asked: RateCheck) -> None:
        """What is held was good under another limit, or for another view of the tenant."""
        if not self.fits(asked):
            self.limit, self.mark = asked.limit, asked.mark
            self.good_until, self._free_at = 0.0, None

    def settle(self) -> tuple[int, int]:
        """Ends the permits: how many were used, and how many were not."""
        used, back = self._permits - self.unused, self.unused
        self._permits = self.unused = 0
        self._lately += used
        return used, back

    def request(self, now: float, back: int) -> Request:
        """For all that wait, and what will soon be wanted. ``back`` were not used."""
        needed, uncounted = len(self.waiting), self.uncounted
        self.uncounted = 0
        if now - self._uncounted_at > LONGEST_WAIT_SECONDS:
            uncounted = 0
        wanted = self._expected(now) + needed if needed and self.limit > EXACT_UP_TO else 0
        wanted = min(wanted, MOST_WANTED) if wanted >= FEWEST_WANTED else 0
        return Request(self.names, self.limit, needed, wanted, self.mark, self._block, back, uncounted)

    def passed_uncounted(self, now: float, count: int = 1) -> None:
        if count:
            self.uncounted += count
            self._uncounted_at = now

    def grant(self, granted: Granted, sent: float, unix: float) -> None:
        """Takes what was asked for at ``sent`` and answered at ``unix``, in Unix seconds."""
        self._permits = self.unused = granted.permits
        self._block, self._left = granted.block, granted.left
        self.good_until = sent + GOOD_SECONDS
        self._reset, self._free_at = unix + granted.free, None
        while self.waiting and self.unused:
            waiting = self.waiting.popleft()
            if not waiting.done():  # the request may be gone
                waiting.set_result(self.use())

    def use(self) -> Verdict:
        self.unused -= 1
        return Verdict(self.limit, 0.0, self._left + self.unused, self._reset)

    def refused(self, now: float) -> Verdict | None:
        """Of a request that comes now, when that is known without asking."""
        if self._free_at is None or now >= self.good_until or now >= self._free_at:
            return None
        return Verdict(self.limit, self._free_at - now, 0, self._reset)

    def refuse(self, count: int, granted: Granted, now: float) -> None:
        """The ``count`` that have waited longest, and who comes in the next moment."""
        self._free_at = now + granted.free
        self.tell(Verdict(self.limit, granted.free, 0, self._reset), count)

    def tell(self, verdict: Verdict, count: int) -> None:
        for _ in range(min(count, len(self.waiting))):
            waiting = self.waiting.popleft()
            if not waiting.done():
                waiting.set_result(verdict)

    def _expected(self, now: float) -> int:
        """How many permits are used in ``GOOD_SECONDS``: as measured last, or as many as there were since."""
        passed = now - self._since
        if passed >= GOOD_SECONDS:
            self._pace = self._lately * GOOD_SECONDS / passed
            self._since, self._lately = now, 0
        return max(int(self._pace), self._lately)
