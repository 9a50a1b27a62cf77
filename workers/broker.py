"""Dramatiq on Redis, with no global broker and no middleware.

No middleware on purpose. Retries and their bound live in the row that a message names, because a retry that waits in a
worker's memory is lost with it; the time limit is an asyncio timeout, because an exception thrown into a thread can
land between any two instructions; the stop is Worker.stop; coroutines run on the process's one event loop.
"""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import dramatiq
from dramatiq import Message
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from eventstore.following.outage import Outage
from workers.consumer import SteadyConsumer

NAMESPACE = "loopctl:jobs"

HEARTBEAT_TIMEOUT_MS = 10_000
"""A worker that polled last this long ago is dead and its messages go back (default of Dramatiq: a minute)."""

MAINTENANCE_CHANCE = 1_000_000
"""Out of a million: every poll looks for dead workers. With the default, one poll in a thousand does: minutes."""

POLL_MS = 250
"""Longest pause between two polls of an idle queue: bounds the latency of a wake-up and the age of a heartbeat."""

REDIS_TIMEOUT_SECONDS = 2.0


def waiting_key(queue: str) -> str:
    """Redis list of the messages of a queue that nobody has fetched yet."""
    return f"{NAMESPACE}:{queue}"


class JobBroker(RedisBroker):
    """``polled_at`` maps each queue to the monotonic second of its reader's last turn."""

    def __init__(self, client: Redis, outage: Outage) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # Dramatiq has no types here
            client=client,
            middleware=[],
            namespace=NAMESPACE,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=MAINTENANCE_CHANCE,
        )
        self.polled_at: dict[str, float] = {}
        self._outage = outage

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = POLL_MS) -> Consumer:
        inner = super().consume(queue_name, prefetch, timeout)
        return SteadyConsumer(inner, queue_name, self._outage, lambda: self._polled(queue_name))

    def declare(self, name: str, queue: str, run: Callable[..., None]) -> None:
        """Makes ``run`` what a message to ``name`` starts."""
        dramatiq.actor(broker=self, actor_name=name, queue_name=queue)(run)

    def wake(self, actor: str, row_id: UUID) -> None:
        """Sends the one kind of message there is: an actor's name and an id. Blocks; raises RedisError."""
        queue: str = self.get_actor(actor).queue_name
        self.enqueue(Message[Any](queue_name=queue, actor_name=actor, args=(str(row_id),), kwargs={}, options={}))

    def readers(self) -> set[str]:
        """The queues that are read, those for delayed messages included: their readers keep the heartbeat going
        while the others are full and fetch nothing."""
        return self.get_declared_queues() | self.get_declared_delay_queues()

    def _polled(self, queue_name: str) -> None:
        self.polled_at[queue_name] = time.monotonic()


def connect_broker(redis_url: str, outage: Outage) -> JobBroker:
    """``redis://``, ``rediss://`` or ``unix://``. Does not talk to Redis yet."""
    # No retries inside the client: our own loops wait, and a fetch that timed out must not be sent twice.
    client = Redis.from_url(
        redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return JobBroker(client, outage)
