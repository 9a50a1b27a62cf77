"""The limiter as the API has it, on a Redis of the tests."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.http.rate_limits.counts import RedisCounts
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.shared import SharedLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def client(url: str, seconds: float = 5) -> AsyncIterator[Redis]:
    pool = BlockingConnectionPool.from_url(
        url, max_connections=4, timeout=5, socket_timeout=seconds, socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip
    async with Redis.from_pool(pool) as opened:
        yield opened


@asynccontextmanager
async def limiter(
    url: str, local: LocalLimiter | None = None, clock: Callable[[], float] | None = None
) -> AsyncIterator[SharedLimiter]:
    clock = clock or time.monotonic
    async with RedisCounts(url) as counts:
        yield SharedLimiter(counts, local or LocalLimiter(1, clock), clock)
