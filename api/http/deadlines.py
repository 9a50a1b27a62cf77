"""How long a request may take, watched by one timer for all requests.

asyncio.timeout sets and cancels a timer of its own for each request, which costs as much as reading its body. A look
every few hundredths of a second is as good for limits of seconds.
"""

import asyncio


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
