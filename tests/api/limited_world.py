"""Processes that limit together on the real script, in a time that passes only when the test says so."""

import asyncio
import heapq
import itertools
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

from redis.asyncio import Redis

from api.http.rate_limits.counts import RedisCounts, Unreachable
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.script import GOOD_SECONDS, MICROSECONDS, SCRIPT
from api.http.rate_limits.shared import SharedLimiter
from api.http.rate_limits.verdict import PERIOD_SECONDS, RateCheck, Verdict

TIME = "redis.call('TIME')"
CLOCK = "test:clock"
START = 1_800_000_000.0
PERIOD = PERIOD_SECONDS * MICROSECONDS


def with_test_clock(script: str) -> str:
    assert script.count(TIME) == 1
    return script.replace(TIME, f"redis.call('LRANGE', '{CLOCK}', 0, 1)")


class World:
    """``passed`` has the moment of each request that was let through, in microseconds, as somebody with a perfect clock
    saw it."""

    def __init__(self, redis: Redis, url: str, script: str = SCRIPT, seed: int = 0) -> None:
        """``redis`` is for the test itself."""
        self.redis = redis
        self.url = url
        self.script = with_test_clock(script)
        self.dice = random.Random(seed)
        self.now = START
        self.redis_ahead = 0.0
        self.delay = 0.0
        """The longest way to Redis, and the longest back."""
        self.lost = 0.0
        """The part of answers that do not arrive."""
        self.junk: Callable[[list[int]], object] | None = None
        self.opened: list[RedisCounts] = []
        self.trips = 0
        self.flying = 0
        self.passed: dict[tuple[str, UUID], list[int]] = defaultdict(list)
        self.verdicts: list[Verdict] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def process(self, processes: int = 2) -> SharedLimiter:
        booted = self.dice.random() * 1e6
        counts = Faulty(self)
        self.opened.append(counts)
        return SharedLimiter(
            counts, LocalLimiter(processes, lambda: self.now - booted, lambda: self.now),
            lambda: self.now - booted, lambda: self.now, self.later,
        )  # fmt: skip

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now + seconds, next(self._numbers), callback))

    async def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            await self._next_timer()
        self.now = end

    async def ask(self, limiter: SharedLimiter, asked: RateCheck, count: int = 1) -> list[Verdict]:
        """``count`` at once. Time passes only where somebody has to wait for it."""
        tasks = [asyncio.create_task(self._one(limiter, asked)) for _ in range(count)]
        for _ in range(10_000):
            await asyncio.wait(tasks, timeout=0.002)
            if all(task.done() for task in tasks):
                break
            if limiter._running is None and any(held.paused for held in limiter._held.values()):
                await self._next_timer()  # somebody is to ask again; a machine that is merely slow gets no time
        return [await task for task in tasks]

    @property
    def micro(self) -> int:
        return round(self.now * MICROSECONDS)

    def most_in_a_period(self, kind: str, of: UUID) -> int:
        """In any span of a minute that begins with a request, as Redis saw it: an answer is on its way for a while."""
        times, span = sorted(self.passed[kind, of]), PERIOD - round(2 * self.delay * MICROSECONDS)
        return max((bisect_left(times, each + span) - at for at, each in enumerate(times)), default=0)

    async def _one(self, limiter: SharedLimiter, asked: RateCheck) -> Verdict:
        verdict = await limiter.check(asked)
        self.verdicts.append(verdict)
        if verdict.wait == 0:
            self.passed["key", asked.key].append(self.micro)
            self.passed["tenant", asked.tenant].append(self.micro)
        return verdict

    async def _next_timer(self) -> None:
        at, _, callback = heapq.heappop(self._timers)
        self.now = max(self.now, at)
        callback()
        await asyncio.sleep(0.001)
        while self.flying:
            await asyncio.sleep(0.001)


class Faulty(RedisCounts):
    """The way to the real Redis, with delays, lost answers and junk."""

    def __init__(self, world: World) -> None:
        super().__init__(world.url, world.script)
        self._world = world

    async def run(self, keys: Sequence[str], arguments: Sequence[int]) -> object:
        self._world.trips += 1
        self._world.flying += 1
        try:
            return await self._run(keys, arguments)
        finally:
            self._world.flying -= 1

    async def _run(self, keys: Sequence[str], arguments: Sequence[int]) -> object:
        world, sent = self._world, self._world.now
        world.now += world.dice.random() * world.delay
        micro = world.micro + round(world.redis_ahead * MICROSECONDS)
        async with world.redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(CLOCK)
            pipeline.rpush(CLOCK, micro // 1_000_000, micro % 1_000_000)
            await pipeline.execute()
        reply = await super().run(keys, arguments)
        world.now += world.dice.random() * world.delay
        if world.now - sent >= GOOD_SECONDS or world.dice.random() < world.lost:
            raise Unreachable
        return world.junk(reply) if world.junk and isinstance(reply, list) else reply


async def random_course(world: World, limiters: Sequence[SharedLimiter], limit: int, steps: int) -> list[RateCheck]:
    """Keys of one tenant, asked in bursts and drops, for some minutes."""
    tenant = uuid4()
    keys = [RateCheck(uuid4(), tenant, limit) for _ in range(5)]
    for _ in range(steps):
        asked, limiter = world.dice.choice(keys[: 1 + world.dice.randrange(5)]), world.dice.choice(limiters)
        count = 1 + int(world.dice.random() ** 3 * limit * 1.2)
        for _ in range(world.dice.choice((1, 1, 4))):
            await world.ask(limiter, asked, count // 4 + 1)
            await world.pass_time(world.dice.random() ** 3)
        if world.dice.random() < 0.3:
            await world.ask(limiter, keys[0], limit + 1)
        await world.pass_time(world.dice.random() ** 4 * 40)
    await world.ask(limiters[0], keys[0], limit + 1)
    return keys


async def hurried_course(world: World, limiters: Sequence[SharedLimiter], limit: int, rounds: int) -> list[RateCheck]:
    """One process asks fast enough for blocks; others come in bursts while it has one."""
    asked = RateCheck(uuid4(), uuid4(), limit)
    for _ in range(rounds):
        for number in range(40):
            await world.ask(limiters[0], asked)
            await world.pass_time(0.004)
            if number % 10 == 9:
                await world.ask(world.dice.choice(limiters[1:]), asked, 1 + world.dice.randrange(limit // 3))
        await world.pass_time(world.dice.random() * 60)
    return [asked]
