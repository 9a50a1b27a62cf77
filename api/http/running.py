"""How much at a time one key, one tenant and this process may hold, how many requests run, and for how long each may.

Of places, and of the bytes of bodies and answers, a tenant can never take all: what one hoards is for itself to miss.

One timer watches all deadlines: asyncio.timeout sets and cancels one of its own for each request, which costs as much
as reading its body, and a look every few hundredths of a second is as good for limits of seconds.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, NamedTuple, Self
from uuid import UUID

from api.http.limits import Limits, Share
from api.http.refusal import Refused
from domain.caller import NO_TENANT


class Holder(NamedTuple):
    """For whom something is held."""

    tenant: UUID
    key: UUID


NOBODY = Holder(NO_TENANT, UUID(int=1))
"""Everybody without a key together."""

Level = Literal["key", "tenant", "process"]


class Budget:
    """Whoever has taken gives back, whatever happens. Remembers only those who hold something."""

    __slots__ = ("_advice", "_retry_seconds", "held", "of", "share")

    def __init__(self, share: Share, advice: str, retry_seconds: int = 1) -> None:
        """``advice`` is what a client is told that has taken its share: what to do, after ``retry_seconds``."""
        self.share = share
        self.held = 0
        self.of: dict[UUID, int] = {}
        """By tenant and by key."""
        self._advice = advice
        self._retry_seconds = retry_seconds

    def lacks(self, holder: Holder, amount: int = 1) -> Level | None:
        """Whose share is too small for so much more; None when all are large enough."""
        if self.held + amount > self.share.process:
            return "process"
        if self.of.get(holder.tenant, 0) + amount > self.share.tenant:
            return "tenant"
        return "key" if self.of.get(holder.key, 0) + amount > self.share.key else None

    def take(self, holder: Holder, amount: int = 1) -> None:
        of = self.of
        self.held += amount
        of[holder.tenant] = of.get(holder.tenant, 0) + amount
        of[holder.key] = of.get(holder.key, 0) + amount

    def give_back(self, holder: Holder, amount: int = 1) -> None:
        self.held -= amount
        for each in holder:
            left = self.of[each] - amount
            if left:
                self.of[each] = left
            else:
                del self.of[each]

    def refusal(self, level: Level) -> Refused:
        headers = {"Retry-After": str(self._retry_seconds)}
        if level == "process":
            return Refused("overloaded", headers=headers)
        message = f"Too much at once of this {level}. {self._advice}"
        return Refused("too_many_at_once", message, headers=headers, retry_after_seconds=self._retry_seconds)


class Held:
    """What one holder has of a budget, for the length of a block."""

    __slots__ = ("_amount", "_budget", "_holder")

    def __init__(self, budget: Budget, holder: Holder) -> None:
        self._budget = budget
        self._holder = holder
        self._amount = 0

    def grow_to(self, amount: int) -> None:
        """Raises Refused. Of more than a key may ever have, it is as much as that."""
        more = min(amount, self._budget.share.key) - self._amount
        if more <= 0:
            return
        level = self._budget.lacks(self._holder, more)
        if level is not None:
            raise self._budget.refusal(level)
        self._budget.take(self._holder, more)
        self._amount += more

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._amount:
            self._budget.give_back(self._holder, self._amount)


LATELY_SECONDS = 1.0
"""For so long after another tenant's request a tenant has no more places than it has beside others."""


class Admission:
    """Places, with a queue: the next is of the tenant that holds fewest, and of one key whoever came first.
    Whoever got in calls ``leave``, whatever happens."""

    def __init__(
        self, places: Budget, wait_seconds: float, beside_others: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """A tenant has its whole share while nobody else asks, and ``beside_others`` of it while somebody does."""
        self.places = places
        self._wait_seconds = wait_seconds
        self._beside_others = beside_others
        self._clock = clock
        self._last: UUID | None = None
        self._shared_until = 0.0
        self._waiting: dict[Holder, deque[asyncio.Future[None]]] = {}

    def enter_now(self, holder: Holder) -> bool:
        """Takes a place if there is one for this holder."""
        if holder.tenant not in (self._last, NO_TENANT):
            if self._last is not None:
                self._shared_until = self._clock() + LATELY_SECONDS
            self._last = holder.tenant
        free = self._lacks(holder) is None
        if free:
            self.places.take(holder)
        return free

    async def enter(self, holder: Holder) -> None:
        """Waits for a place. Raises Refused when none becomes free in time."""
        if self.enter_now(holder):
            return
        if not self._wait_seconds:
            raise self.places.refusal(self._lacks(holder) or "process")
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            self._give_up(holder, turn)
            if not isinstance(error, TimeoutError):
                raise
            level = self._lacks(holder)
            if level is not None:
                raise self.places.refusal(level) from None
            self.places.take(holder)  # became free in the moment in which the wait ended

    def leave(self, holder: Holder) -> None:
        self.places.give_back(holder)
        if self._waiting:
            self._serve()

    def _lacks(self, holder: Holder) -> Level | None:
        places = self.places
        level = places.lacks(holder)
        if level is None and places.of.get(holder.tenant, 0) >= self._beside_others:
            return "tenant" if self._clock() < self._shared_until else None
        return level

    def _serve(self) -> None:
        """Gives what is free to whom it is due."""
        while may := [holder for holder in self._waiting if self._lacks(holder) is None]:
            held = self.places.of
            chosen = min(may, key=lambda holder: (held.get(holder.tenant, 0), held.get(holder.key, 0)))
            turn = self._waiting[chosen].popleft()
            if not self._waiting[chosen]:
                del self._waiting[chosen]
            if not turn.done():
                self.places.take(chosen)
                turn.set_result(None)

    def _give_up(self, holder: Holder, turn: asyncio.Future[None]) -> None:
        """A place given in the same moment as the wait ended is passed on."""
        if turn.done() and not turn.cancelled():
            self.leave(holder)
        elif (queue := self._waiting.get(holder)) and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[holder]


def admissions(limits: Limits) -> Mapping[str, Admission]:
    """By what a route's requests take a place of (api.http.policy.PLACES)."""

    def of(share: Share, advice: str, retry_seconds: int, wait_seconds: float = 0.0) -> Admission:
        return Admission(Budget(share, advice, retry_seconds), wait_seconds, share.tenant)

    running = Budget(limits.running, "Wait for the answers that are under way.")
    return {
        "running": Admission(running, limits.admission_seconds, limits.running_beside_others),
        "imports": of(limits.imports, "Send one import after the other.", 5, limits.import_wait_seconds),
        "exports": of(limits.exports, "Read the export that is under way to its end, or close its connection.", 5),
        "streams": of(limits.streams, "Close one of its streams first.", 5),
        "tools": of(limits.tools, "Wait for the tools that it has called.", 1, limits.tool_wait_seconds),
    }


class Deadline:
    """Of one request. ``expired`` tells the cancellation that we sent from everybody else's."""

    __slots__ = ("at", "expired", "task")

    def __init__(self, task: "asyncio.Task[object]", at: float) -> None:
        self.task = task
        self.at = at
        self.expired = False

    def start_again(self, seconds: float) -> None:
        self.at = self.task.get_loop().time() + seconds

    def passed(self) -> bool:
        """In ``except CancelledError``: true when it was this deadline, which is then dealt with."""
        return self.expired and self.task.uncancel() == 0


class Pace:
    """Moves a deadline ahead while bytes flow, so that whoever is slow has time and whoever stands still has none."""

    __slots__ = ("_clock", "_deadline", "_last", "_limits", "_since")

    def __init__(self, deadline: Deadline, limits: Limits, last: float = math.inf) -> None:
        """Of the deadline's own time nothing is left; ``last`` is the moment that it is never moved behind."""
        self._deadline = deadline
        self._limits = limits
        self._last = last
        self._clock = deadline.task.get_loop().time
        self._since = limits.pace_bytes
        self.passed(0)

    def passed(self, count: int) -> None:
        """So many bytes more have come, or have gone."""
        self._since += count
        if self._since >= self._limits.pace_bytes:
            self._since = 0
            self._deadline.at = min(self._clock() + self._limits.pace_seconds, self._last)


class Deadlines:
    """Cancels each task whose time is over. Call ``begin`` in the task itself, and ``end`` whatever happens."""

    def __init__(self, tick_seconds: float) -> None:
        self._tick_seconds = tick_seconds
        self._running: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> Deadline:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        loop = task.get_loop()
        deadline = Deadline(task, loop.time() + seconds)
        self._running.add(deadline)
        if self._timer is None:
            self._timer = loop.call_later(self._tick_seconds, self._look)
        return deadline

    def end(self, deadline: Deadline) -> None:
        self._running.discard(deadline)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for deadline in [each for each in self._running if each.at <= now]:
            self._running.discard(deadline)
            deadline.expired = True
            deadline.task.cancel()
        self._timer = loop.call_later(self._tick_seconds, self._look) if self._running else None
