"""Hurries those who follow the log, through Redis, after the COMMIT. Losing a wake-up costs one poll and no more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from redis.asyncio import Redis

from eventstore.following.outage import REDIS_OUTAGE, Outage
from eventstore.following.pause import set_within

CHANNEL = "loopctl:news"
"""Of tenant ids, 16 bytes each, one after the other."""

TOGETHER_SECONDS = 0.01
"""Between two messages: whatever commits meanwhile goes with the second. A lone commit is announced at once."""

OUTAGE_PAUSE_SECONDS = 1.0

LONGEST_LIST = 10_000
"""Tenants that wait to be announced while Redis is away; who comes later is found by polling."""

LISTEN_SECONDS = 0.5
"""Longest wait for a message before another look at whether to stop."""


class Announcer:
    """Says which logs have grown. ``committed`` never waits and never fails."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._grown: set[UUID] = set()
        self._something = asyncio.Event()
        self._closing = asyncio.Event()
        self._outage = Outage("redis")

    def committed(self, tenant_id: UUID, _: int) -> None:
        if len(self._grown) < LONGEST_LIST:
            self._grown.add(tenant_id)
            self._something.set()

    def close(self) -> None:
        """What was said before is still sent, once."""
        self._closing.set()
        self._something.set()

    async def run(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            sent = await self._publish()
            if self._closing.is_set():
                return
            if not sent:
                self._something.set()
            await set_within(self._closing, TOGETHER_SECONDS if sent else OUTAGE_PAUSE_SECONDS)

    async def _publish(self) -> bool:
        grown, self._grown = self._grown, set()
        try:
            if grown:
                await self._redis.publish(CHANNEL, b"".join(tenant_id.bytes for tenant_id in grown))
        except REDIS_OUTAGE as error:
            self._grown |= grown
            self._outage.failed("announcer", error)
            return False
        self._outage.succeeded("announcer")
        return True


@asynccontextmanager
async def announcing(redis: "Redis") -> AsyncIterator[Announcer]:
    """An announcer that works until the block ends."""
    announcer = Announcer(redis)
    async with asyncio.TaskGroup() as group:
        group.create_task(announcer.run())
        try:
            yield announcer
        finally:
            announcer.close()


async def listen(
    redis: "Redis", stop: asyncio.Event, *, woken: Callable[[UUID], None], turned: Callable[[], None]
) -> None:
    """Calls ``woken`` for each tenant that is announced, until ``stop``, and ``turned`` again and again while Redis
    answers. Raises RedisError, OSError.
    """
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(CHANNEL)
        while not stop.is_set():
            message = await channel.get_message(timeout=LISTEN_SECONDS)
            turned()
            if message is not None:
                data: bytes = message["data"]
                for start in range(0, len(data) - len(data) % 16, 16):
                    woken(UUID(bytes=data[start : start + 16]))
