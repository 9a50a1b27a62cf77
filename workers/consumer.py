"""A queue's reader that outlives Redis.

Dramatiq's own reader gives up on a lost connection: it logs every three seconds, forgets what it had promised to
acknowledge, and its thread ends for good when the requeue that follows fails too. This one waits and goes on.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable

from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import BrokerConnectionError

from eventstore.following.outage import REDIS_OUTAGE, Outage

LONGEST_PAUSE_SECONDS = 2.0
"""Also how long a stop may have to wait for a reader while Redis is away."""

LOST = (*REDIS_OUTAGE, BrokerConnectionError)


class SteadyConsumer(Consumer):
    """Wraps the broker's reader of one queue. ``polled`` is called on every turn: the proof that the thread lives."""

    def __init__(self, inner: Consumer, queue_name: str, outage: Outage, polled: Callable[[], None]) -> None:
        self._inner = inner
        self._source = f"consumer of {queue_name}"
        self._outage = outage
        self._polled = polled
        self._pause = 0.0
        self._owed: deque[Callable[[], None]] = deque()

    def __next__(self) -> MessageProxy | None:
        self._polled()
        try:
            self._settle()
            message = next(self._inner)
        except LOST as error:
            self._outage.failed(self._source, error)
            self._pause = min(max(self._pause * 2, 0.125), LONGEST_PAUSE_SECONDS)
            time.sleep(self._pause)
            return None
        self._pause = 0.0
        self._outage.succeeded(self._source)
        return message

    def ack(self, message: MessageProxy) -> None:
        self._now_or_later(lambda: self._inner.ack(message))

    def nack(self, message: MessageProxy) -> None:
        self._now_or_later(lambda: self._inner.nack(message))

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """What cannot be put back now comes back by itself once this worker's heartbeat is too old."""
        try:
            self._inner.requeue(messages)
        except LOST as error:
            self._outage.failed(self._source, error)

    def close(self) -> None:
        self._inner.close()

    def _now_or_later(self, settle: Callable[[], None]) -> None:
        """Called by the worker threads, which must not wait for Redis: the next good turn of the reader settles it.

        A crash before that leaves the message unacknowledged. It is delivered again, finds its row finished, and ends.
        """
        try:
            settle()
        except LOST as error:
            self._outage.failed(self._source, error)
            self._owed.append(settle)

    def _settle(self) -> None:
        while self._owed:
            self._owed[0]()
            self._owed.popleft()
