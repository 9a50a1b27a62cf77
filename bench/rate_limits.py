"""What the rate limiter costs: checks that find a permit, checks that share round trips, and beside a bare PING.

All figures are this side's processor time for each, which is what a request pays on a busy core.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from api.http.rate_limits.counts import RedisCounts
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.shared import SharedLimiter
from api.http.rate_limits.verdict import RateCheck
from bench.servers import bench_redis
from bench.table import at_most, told

CHECKS = 20_000
AT_ONCE = (1, 8, 32, 64)
REPETITIONS = 5
MUCH = 100_000_000
"""Nobody is refused."""


def main(_: Sequence[str]) -> int:
    with bench_redis() as url:
        asyncio.run(measure(url))
    return 0


async def measure(url: str) -> None:
    pool = BlockingConnectionPool.from_url(url, max_connections=64, timeout=5)
    async with Redis.from_pool(pool) as client, RedisCounts(url) as counts:
        await _answering(client)
        limiter = SharedLimiter(counts, LocalLimiter(1))
        tenants = [uuid4() for _ in range(10)]
        busy = [RateCheck(uuid4(), tenants[number % 10], MUCH) for number in range(50)]
        fresh = [RateCheck(uuid4(), tenants[number % 10], MUCH) for number in range(CHECKS)]
        unused = itertools.cycle(fresh)
        aside = [0]

        async def check(number: int) -> None:
            verdict = await limiter.check(busy[number % len(busy)])
            assert verdict.wait == 0
            aside[0] += verdict.local

        async def first_check(_: int) -> None:
            """Of a key that has no permit at hand: a round trip."""
            aside[0] += (await limiter.check(next(unused))).local

        async def ping(_: int) -> None:
            await client.ping()

        costs = {
            name: [
                statistics.median([await _microseconds(one, at_once) for _ in range(REPETITIONS)])
                for at_once in AT_ONCE
            ]
            for name, one in (("50 busy keys", check), ("a key's first", first_check), ("PING of redis-py", ping))
        }
    if aside[0]:
        print(f"  {aside[0]} checks were judged without Redis: this machine is too busy for the figures to mean much")
    for name, micros in costs.items():
        for at_once, micro in zip(AT_ONCE, micros, strict=True):
            told(f"{name}, {at_once} at once", f"{micro:.1f} us each, {1e6 / micro:,.0f}/s")
    at_most("processor time of a check of a busy key, 64 at once", costs["50 busy keys"][-1], 3, "us")
    at_most(
        "a key's first check / PING of redis-py, one at a time",
        costs["a key's first"][0] / costs["PING of redis-py"][0],
        1.5,
    )


async def _microseconds(one: Callable[[int], Awaitable[None]], at_once: int) -> float:
    """Process time of this side for each, which is what a request pays on a busy core."""
    count = CHECKS // 10 if at_once == 1 else CHECKS

    async def worker(offset: int) -> None:
        for number in range(offset, count, at_once):
            await one(number)

    start = time.process_time()
    await asyncio.gather(*(worker(offset) for offset in range(at_once)))
    return (time.process_time() - start) / count * 1e6


async def _answering(client: Redis) -> None:
    for _ in range(200):
        try:
            await client.ping()
        except (OSError, RedisError):
            await asyncio.sleep(0.02)
        else:
            return
    raise SystemExit("Redis does not answer.")


if __name__ == "__main__":
    raise SystemExit(main([]))
