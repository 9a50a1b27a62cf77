"""The limiter that all processes share: a script in Redis hands out permits for keys and their tenants.

Requests that come while a round trip is under way share the next one, as commands share a commit: a lone request goes
at once, and under load the work is paid once for many. A permit of a block costs none.
"""

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

import structlog

from api.http.rate_limits.counts import RedisCounts
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.script import (
    EXACT_UP_TO,
    GOOD_SECONDS,
    MARK,
    Answer,
    Granted,
    Request,
    Trust,
    answer,
    asked,
    names,
)
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, RateCheck, Verdict

FEWEST_WANTED = 4
"""A key that asks more slowly than so often in ``GOOD_SECONDS`` is counted one by one."""
MOST_WANTED = 512
MOST_PAUSES = 2


class HeldPermits:
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


log = structlog.get_logger("api")

MARK_SECONDS = 60
LARGEST_BATCH = 128
MOST_KEYS = 20_000
TIMEOUT_SECONDS = 0.25
"""Not longer than a permit is good."""
FAILURES = 3
"""In a row, after which Redis is left alone for ``OPEN_SECONDS``."""
OPEN_SECONDS = 5.0
PAUSE_SECONDS = 0.02
"""After a block's end, until what was not used of it has surely come back."""


class SharedLimiter:
    """``check`` never raises: what Redis does not answer in time is judged here."""

    def __init__(
        self,
        counts: RedisCounts,
        local: LocalLimiter,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        """``clock`` in seconds that never go back, ``wall`` in Unix seconds, for telling clients. ``later`` calls
        something after so many seconds; default the loop's."""
        self._counts = counts
        self._local = local
        self._clock = clock
        self._wall = wall
        self._later = later or asyncio.get_running_loop().call_later
        self._held: OrderedDict[UUID, HeldPermits] = OrderedDict()
        self._asking: dict[HeldPermits, None] = {}
        self._running: asyncio.Task[None] | None = None
        self._due: deque[tuple[float, HeldPermits]] = deque()
        self._trust = Trust()
        self._failures = 0
        self._closed_until = 0.0

    @property
    def is_local(self) -> bool:
        """Redis is left alone, because it does not answer, or its counts cannot be trusted."""
        return self._clock() < self._closed_until

    async def check(self, asked: RateCheck) -> Verdict:
        held = self._held.get(asked.key)
        if held is not None and held.unused and held.fits(asked) and self._clock() < held.good_until:
            return held.use()
        return await self._asked(asked)

    async def mark_changed(self, tenant_id: UUID) -> None:
        """Tells all processes, with the next permits of any of its keys, that the tenant's keys or status changed.

        Another number each time, so that one that was forgotten cannot come back; gone after a while, because nobody
        remembers a caller for longer. Without Redis they notice when their second is over.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._counts.put(MARK + str(tenant_id), secrets.randbits(48) + 1, MARK_SECONDS)
        except Exception as error:  # noqa: BLE001  # whatever it is, the change itself is committed
            log.warning("change_of_keys_not_told", error_class=_class_of(error))

    def sweep(self) -> None:
        """Ends the permits that are good no more; what was not used goes back. Comes by itself."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            until, held = self._due.popleft()
            if held.good_until == until:
                if held.unused:
                    self._ask(held)
                else:
                    self._note(held)
        if self._due:
            self._later(self._due[0][0] - now, self.sweep)

    async def _asked(self, asked: RateCheck) -> Verdict:
        now, held = self._clock(), self._holding(asked)
        held.turn_to(asked)
        if now < self._closed_until:
            return self._locally(held, now)
        refused = held.refused(now)
        if refused is not None:
            return refused
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        held.waiting.append(verdict)
        if not held.paused:
            self._ask(held)
        return await verdict

    def _holding(self, asked: RateCheck) -> HeldPermits:
        held = self._held.get(asked.key)
        if held is None or held.tenant != asked.tenant:  # a superadmin's key is in one tenant after the other
            held = self._held[asked.key] = HeldPermits(asked)
        self._held.move_to_end(asked.key)
        if len(self._held) > MOST_KEYS:
            self._held.popitem(last=False)
        return held

    def _ask(self, held: HeldPermits) -> None:
        held.paused = False
        self._asking[held] = None
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="rate limits")

    async def _run(self) -> None:
        batch: Sequence[HeldPermits] = ()
        try:
            while self._asking:
                batch = list(self._asking)[:LARGEST_BATCH]
                for held in batch:
                    del self._asking[held]
                await self._judge(batch)
        except BaseException:  # the end of the process; nobody may wait for ever
            for held in (*batch, *self._asking):
                self._answer_locally(held)
            self._asking.clear()
            raise
        finally:
            self._running = None

    async def _judge(self, batch: Sequence[HeldPermits]) -> None:
        sent = self._clock()
        if sent < self._closed_until:
            for held in batch:
                self._answer_locally(held)
            return
        requests = [held.request(sent, self._note(held)) for held in batch]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reply = await self._counts.run(*asked(requests, secrets.randbits(48) + 1))
            found = answer(reply, requests)
        except Exception as error:  # noqa: BLE001  # whatever it is, the answer is given here
            self._failed(error)
            self._failed_batch(batch, requests)
            return
        received = self._clock()
        if received - sent >= GOOD_SECONDS:
            self._failed_batch(batch, requests)
        elif not self._trust.deserved(found, sent, received):
            self._closed_until = received + LONGEST_WAIT_SECONDS
            log.warning("limits_are_local", error_class="CountsLost", seconds=LONGEST_WAIT_SECONDS)
            self._failed_batch(batch, requests)
        else:
            self._failures = 0
            self._granted(batch, requests, found, sent)

    def _granted(self, batch: Sequence[HeldPermits], requests: Sequence[Request], found: Answer, sent: float) -> None:
        unix = self._wall()
        for held, request, granted in zip(batch, requests, found.granted, strict=True):
            if request.mark not in (None, granted.mark):
                held.tell(Verdict(request.limit, 0.0, 0, 0.0, newer=granted.mark), request.needed)
                continue
            held.grant(granted, sent, unix)
            if held.unused:
                self._watch(held)
            else:
                self._note(held)
            missing = request.needed - granted.permits
            if missing > 0 and granted.again and held.pauses < MOST_PAUSES:
                held.paused = True
                held.pauses += 1
                self._later(granted.again + PAUSE_SECONDS, partial(self._ask, held))
                continue
            held.pauses = 0
            if missing > 0:
                held.refuse(missing, granted, self._clock())

    def _watch(self, held: HeldPermits) -> None:
        if not self._due:
            self._later(held.good_until - self._clock(), self.sweep)
        self._due.append((held.good_until, held))

    def _note(self, held: HeldPermits) -> int:
        """Ends what is held. How many were not used."""
        used, back = held.settle()
        if used:
            self._local.note(held.key, held.tenant, used)
        return back

    def _locally(self, held: HeldPermits, now: float) -> Verdict:
        self._note(held)
        verdict = self._local.check(RateCheck(held.key, held.tenant, held.limit))
        if verdict.wait == 0:
            held.passed_uncounted(now)
        return verdict

    def _answer_locally(self, held: HeldPermits) -> None:
        now = self._clock()
        while held.waiting:
            waiting = held.waiting.popleft()
            if not waiting.done():
                waiting.set_result(self._locally(held, now))

    def _failed_batch(self, batch: Sequence[HeldPermits], requests: Sequence[Request]) -> None:
        """What had passed uncounted may still be: counting it twice is the safe side."""
        now = self._clock()
        for held, request in zip(batch, requests, strict=True):
            held.passed_uncounted(now, request.uncounted)
            self._answer_locally(held)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._failures = 0
            self._closed_until = self._clock() + OPEN_SECONDS
            log.warning("limits_are_local", error_class=_class_of(error), seconds=OPEN_SECONDS)


def _class_of(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__
