"""The limiter as the API has it, on a Redis of the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.shared import SharedLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    """As the API has it."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=4, timeout=5, socket_timeout=0.25, socket_connect_timeout=0.25,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip
    async with Redis.from_pool(pool) as opened:
        yield opened


@asynccontextmanager
async def limiter(
    url: str, local: LocalLimiter | None = None, clock: Clock | None = None
) -> AsyncIterator[SharedLimiter]:
    async with client(url) as opened:
        yield SharedLimiter(opened, local or LocalLimiter(1), clock or Clock())
