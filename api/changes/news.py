"""Wakes the change streams of this process: commits of its own at once, those of others through Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from redis.asyncio import Redis

from eventstore.following.outage import REDIS_OUTAGE, Outage
from eventstore.following.pause import set_within
from eventstore.following.wake_up import listen

OUTAGE_PAUSE_SECONDS = 1.0


class News:
    """A wake-up says that there may be something, and losing one costs a poll."""

    def __init__(self) -> None:
        self.stopping = False
        self._waiting: dict[UUID, set[asyncio.Event]] = {}

    def woken(self, tenant_id: UUID) -> None:
        for event in self._waiting.get(tenant_id, ()):
            event.set()

    def stop(self) -> None:
        """Everybody who waits is to end."""
        self.stopping = True
        for tenant_id in self._waiting:
            self.woken(tenant_id)

    def waiting(self, tenant_id: UUID | None = None) -> int:
        """How many wait, in all or for one tenant."""
        if tenant_id is None:
            return sum(map(len, self._waiting.values()))
        return len(self._waiting.get(tenant_id, ()))

    @contextmanager
    def subscribed(self, tenant_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set from now on whenever the tenant's log may have grown; who waits for it clears it."""
        event = asyncio.Event()
        self._waiting.setdefault(tenant_id, set()).add(event)
        try:
            yield event
        finally:
            others = self._waiting[tenant_id]
            others.discard(event)
            if not others:
                del self._waiting[tenant_id]


@asynccontextmanager
async def hearing(redis: "Redis", news: News) -> AsyncIterator[None]:
    """Until the block ends, what other processes announce is passed on. Without Redis the streams poll."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_hear(redis, stop, news))
        try:
            yield
        finally:
            stop.set()


async def _hear(redis: "Redis", stop: asyncio.Event, news: News) -> None:
    outage = Outage("redis")
    while not stop.is_set():
        try:
            await listen(redis, stop, woken=news.woken, turned=lambda: outage.succeeded("streams"))
        except REDIS_OUTAGE as error:
            outage.failed("streams", error)
            await set_within(stop, OUTAGE_PAUSE_SECONDS)
