"""What a process holds of one key's permits, and how many more it would soon use."""

import asyncio
from collections import deque
from uuid import UUID

from api.http.rate_limits.script import GOOD_SECONDS, Granted, Request, names
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, RateCheck, Verdict

FEWEST_WANTED = 4
"""A key that asks more slowly than so often in ``GOOD_SECONDS`` is counted one by one."""
MOST_WANTED = 512
MOST_PAUSES = 4


class Held:
    """Of one key in one tenant. Times are the limiter's clock, but for ``reset``, which is in Unix seconds."""

    def __init__(self, key: UUID, tenant: UUID) -> None:
        self.key = key
        self.tenant = tenant
        self.names = names(key, tenant)
        self.limit = 0
        self.waiting: deque[asyncio.Future[Verdict]] = deque()
        self.paused = False
        """Until the waiting are to ask again, which is soon."""
        self.pauses = 0
        self.permits = 0
        self.unused = 0
        self.good_until = 0.0
        """For the permits, and for a refusal."""
        self.quarter = 0
        self.sure = 0
        self.mark = 0
        self.reset = 0.0
        self.free_at: float | None = None
        """When the next request passes, of one that was refused."""
        self.uncounted = 0
        """Passed while Redis was away."""
        self._uncounted_at = 0.0
        self._since = 0.0
        self._lately = 0
        self._pace = 0.0

    def settle(self) -> tuple[int, int]:
        """Ends the permits: how many were used, and how many were not."""
        used, back = self.permits - self.unused, self.unused
        self.permits = self.unused = 0
        self._lately += used
        return used, back

    def request(self, now: float, back: int) -> Request:
        """For all that wait, and what will soon be wanted. ``back`` were not used."""
        needed, uncounted = len(self.waiting), self.uncounted
        self.uncounted = 0
        if now - self._uncounted_at > LONGEST_WAIT_SECONDS:
            uncounted = 0
        expected = self._expected(now) + needed if needed else 0
        wanted = min(expected, MOST_WANTED) if expected >= FEWEST_WANTED else 0
        return Request(self.names, self.limit, needed, wanted, self.quarter, back, uncounted)

    def passed_uncounted(self, now: float, count: int = 1) -> None:
        if count:
            self.uncounted += count
            self._uncounted_at = now

    def grant(self, granted: Granted, quarter: int, sent: float, unix: float) -> None:
        """Takes what was asked for at ``sent`` and answered at ``unix``, in Unix seconds."""
        self.permits = self.unused = granted.permits
        self.good_until = sent + GOOD_SECONDS
        self.quarter, self.sure, self.mark = quarter, granted.sure, granted.mark
        self.reset, self.free_at = unix + granted.reset, None
        while self.waiting and self.unused:
            waiting = self.waiting.popleft()
            if not waiting.done():  # the request may be gone
                waiting.set_result(self.use())

    def use(self) -> Verdict:
        self.unused -= 1
        return Verdict(self.limit, 0.0, self.sure + self.unused, self.reset, False, self.mark)

    def refused(self, now: float) -> Verdict | None:
        """Of a request that comes now, when that is known without asking."""
        if self.free_at is None or now >= self.good_until or now >= self.free_at:
            return None
        return Verdict(self.limit, self.free_at - now, 0, self.reset, False, self.mark)

    def refuse(self, count: int, granted: Granted, now: float) -> None:
        """The ``count`` that have waited longest; when nothing is left, also who comes in the next moment."""
        self.free_at = None if granted.left else now + granted.wait
        verdict = Verdict(self.limit, granted.wait, 0, self.reset, False, self.mark)
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


def held_by(asked: RateCheck) -> Held:
    return Held(asked.key, asked.tenant)
