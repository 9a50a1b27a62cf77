"""From the news that a log has grown to a message that hurries its deliveries. Losing either costs a second."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.outage import REDIS_OUTAGE
from eventstore.following.pause import set_within

log = structlog.get_logger(__name__)

TOGETHER_SECONDS = 0.02
"""Between two looks: what a tenant does meanwhile is one message."""
MOST = 10_000


class Hurrying:
    """``is_due`` asks whether a tenant has something to send, ``wake`` sends the message."""

    def __init__(self, is_due: Callable[[UUID], Awaitable[bool]], wake: Callable[[UUID], Awaitable[None]]) -> None:
        self._is_due = is_due
        self._wake = wake
        self._grown: set[UUID] = set()
        self._something = asyncio.Event()

    def heard(self, tenant_id: UUID) -> None:
        if len(self._grown) < MOST:
            self._grown.add(tenant_id)
            self._something.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await self._something.wait()
            except TimeoutError:
                continue
            self._something.clear()
            grown, self._grown = self._grown, set()
            for tenant_id in grown:
                await self._hurry(tenant_id)
            await set_within(stop, TOGETHER_SECONDS)

    async def _hurry(self, tenant_id: UUID) -> None:
        try:
            if await self._is_due(tenant_id):
                await self._wake(tenant_id)
        except (DatabaseUnavailable, *REDIS_OUTAGE) as error:
            log.debug("webhooks_not_hurried", error_class=type(error).__name__)
