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
from api.http.rate_limits.held import MOST_PAUSES, Held
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.script import GOOD_SECONDS, MARK, Answer, Request, answer, arguments, keys
from api.http.rate_limits.trust import Trust
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, RateCheck, Verdict

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
        self._held: OrderedDict[UUID, Held] = OrderedDict()
        self._asking: dict[Held, None] = {}
        self._running: asyncio.Task[None] | None = None
        self._due: deque[tuple[float, Held]] = deque()
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

    def _holding(self, asked: RateCheck) -> Held:
        held = self._held.get(asked.key)
        if held is None or held.tenant != asked.tenant:  # a superadmin's key is in one tenant after the other
            held = self._held[asked.key] = Held(asked)
        self._held.move_to_end(asked.key)
        if len(self._held) > MOST_KEYS:
            self._held.popitem(last=False)
        return held

    def _ask(self, held: Held) -> None:
        held.paused = False
        self._asking[held] = None
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="rate limits")

    async def _run(self) -> None:
        batch: Sequence[Held] = ()
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

    async def _judge(self, batch: Sequence[Held]) -> None:
        sent = self._clock()
        if sent < self._closed_until:
            for held in batch:
                self._answer_locally(held)
            return
        requests = [held.request(sent, self._note(held)) for held in batch]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reply = await self._counts.run(keys(requests), arguments(requests, secrets.randbits(48) + 1))
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

    def _granted(self, batch: Sequence[Held], requests: Sequence[Request], found: Answer, sent: float) -> None:
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

    def _watch(self, held: Held) -> None:
        if not self._due:
            self._later(held.good_until - self._clock(), self.sweep)
        self._due.append((held.good_until, held))

    def _note(self, held: Held) -> int:
        """Ends what is held. How many were not used."""
        used, back = held.settle()
        if used:
            self._local.note(held.key, held.tenant, used)
        return back

    def _locally(self, held: Held, now: float) -> Verdict:
        self._note(held)
        verdict = self._local.check(RateCheck(held.key, held.tenant, held.limit))
        if verdict.wait == 0:
            held.passed_uncounted(now)
        return verdict

    def _answer_locally(self, held: Held) -> None:
        now = self._clock()
        while held.waiting:
            waiting = held.waiting.popleft()
            if not waiting.done():
                waiting.set_result(self._locally(held, now))

    def _failed_batch(self, batch: Sequence[Held], requests: Sequence[Request]) -> None:
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
