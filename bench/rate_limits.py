"""What the rate limiter costs: checks that share round trips, one at a time, and beside a bare PING."""

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.shared import SharedLimiter
from api.http.rate_limits.verdict import RateCheck
from supervisor.data_directory import DataDirectory
from supervisor.redis import EmbeddedRedis

CHECKS = 20_000
AT_ONCE = (1, 8, 32, 64)
REPETITIONS = 5


def main(_: Sequence[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="loopctl-bench-"))
    data = DataDirectory(folder)
    with data.taken():
        redis = EmbeddedRedis(data)
        redis.prepare()
        with subprocess.Popen(redis.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                asyncio.run(measure(redis.url))
            finally:
                process.terminate()
    shutil.rmtree(folder, ignore_errors=True)
    return 0


async def measure(url: str) -> None:
    pool = BlockingConnectionPool.from_url(url, max_connections=64, timeout=5)
    async with Redis.from_pool(pool) as client:
        await _answering(client)
        shared = SharedLimiter(client, LocalLimiter(1), time.monotonic)

        async def check(number: int) -> None:
            verdict = await shared.check(RateCheck(f"key-{number % 50}", f"tenant-{number % 10}", 100_000))
            assert not verdict.local

        async def ping(_: int) -> None:
            await client.ping()

        for name, one in (("check", check), ("PING", ping)):
            for at_once in AT_ONCE:
                micro = statistics.median([await _microseconds(one, at_once) for _ in range(REPETITIONS)])
                print(f"{name:6} {at_once:3} at once: {micro:7.1f} us each, {1e6 / micro:8.0f}/s")


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
