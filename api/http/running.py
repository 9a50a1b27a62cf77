"""How many requests run at a time, and for how long each may.

One timer watches all deadlines: asyncio.timeout sets and cancels one of its own for each request, which costs as much
as reading its body, and a look every few hundredths of a second is as good for limits of seconds.
"""

import asyncio
from collections import deque

from api.http.refusal import Refused


class Admission:
    """A counter with a queue, first come first served. Whoever got in calls ``leave``, whatever happens."""

    def __init__(self, most: int, wait_seconds: float) -> None:
        self.running = 0
        self._most = most
        self._wait_seconds = wait_seconds
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter_now(self) -> bool:
        """Takes a place if one is free."""
        free = self.running < self._most
        self.running += free
        return free

    async def enter(self) -> None:
        """Waits for a place. Raises Refused when none becomes free in time."""
        if self.enter_now():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            self._give_up(turn)
            if isinstance(error, TimeoutError):
                raise Refused("overloaded", headers={"Retry-After": "1"}) from None
            raise

    def leave(self) -> None:
        """The place goes to the longest waiting, if anybody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """A place given in the same moment as the wait ended is passed on."""
        if turn.done() and not turn.cancelled():
            self.leave()
        elif turn in self._waiting:
            self._waiting.remove(turn)


class Deadline:
    """Of one request. ``expired`` tells the cancellation that we sent from everybody else's."""

    __slots__ = ("at", "expired", "task")

    def __init__(self, task: "asyncio.Task[object]", at: float) -> None:
        self.task = task
        self.at = at
        self.expired = False

    def passed(self) -> bool:
        """In ``except CancelledError``: true when it was this deadline, which is then dealt with."""
        return self.expired and self.task.uncancel() == 0


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
