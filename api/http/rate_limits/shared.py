"""The limiter that all processes share: one script in Redis counts key and tenant of many requests in one round trip.

Requests that come while a round trip is under way share the next one, as commands share a commit: a lone request goes
at once, and under load the client's and the server's work is paid once for many.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.verdict import PERIOD_SECONDS, RateCheck, Verdict

log = structlog.get_logger("api")

# Generic cell rate algorithm in whole microseconds, which a double holds exactly. A counter is the moment at which it
# is empty again. A request that either counter refuses is counted in none. KEYS: key, tenant, mark, key…; ARGV: their
# limits. Answers four numbers for each request: wait, remaining, empty at, and the mark of the tenant's newest change
# of keys, which costs nothing to bring along.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local period = 60000000
local answer = {}
for i = 1, #KEYS, 3 do
    local ends, waits, steps = {}, {}, {}
    for j = 0, 1 do
        local limit = tonumber(ARGV[(i - 1) / 3 * 2 + 1 + j])
        local step = math.floor(period / limit)
        local empty = tonumber(redis.call('GET', KEYS[i + j]) or now)
        ends[j] = math.max(empty, now) + step
        waits[j] = ends[j] - now - step * limit
        steps[j] = step
    end
    local wait = math.max(waits[0], waits[1], 0)
    local empty = ends[0]
    local remaining = 0
    if wait == 0 then
        for j = 0, 1 do
            redis.call('SET', KEYS[i + j], string.format('%.0f', ends[j]),
                       'PX', math.ceil((ends[j] - now) / 1000) + 1)
        end
        remaining = math.floor(-waits[0] / steps[0])
    else
        empty = ends[0] - steps[0]
    end
    answer[#answer + 1] = wait
    answer[#answer + 1] = remaining
    answer[#answer + 1] = empty
    answer[#answer + 1] = tonumber(redis.call('GET', KEYS[i + 2]) or 0)
end
return answer
"""

PREFIX = "loopctl:limit:"
MARK = "loopctl:keys:"
MARK_SECONDS = 60
LARGEST_BATCH = 128
TIMEOUT_SECONDS = 0.25
FAILURES = 3
"""In a row, after which Redis is left alone for ``OPEN_SECONDS``."""
OPEN_SECONDS = 5.0

MICRO = 1_000_000


class SharedLimiter:
    """``check`` never raises: what Redis does not answer in time is judged here."""

    def __init__(self, redis: Redis, local: LocalLimiter, clock: Callable[[], float]) -> None:
        """``clock`` in seconds that never go back."""
        self._redis = redis
        self._script = redis.register_script(SCRIPT)
        self._local = local
        self._clock = clock
        self._waiting: list[tuple[RateCheck, asyncio.Future[Verdict]]] = []
        self._running: asyncio.Task[None] | None = None
        self._failures = 0
        self._closed_until = 0.0

    async def check(self, asked: RateCheck) -> Verdict:
        if self._clock() < self._closed_until:
            return self._local.check(asked)
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, verdict))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="rate limits")
        return await verdict

    async def mark_changed(self, tenant_id: UUID) -> None:
        """Tells all processes, with the next request of any of its keys, that the tenant's keys or status changed.

        Another number each time, so that one that was forgotten cannot come back; gone after a while, because nobody
        remembers a caller for longer. Without Redis they notice when their second is over.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._redis.set(MARK + str(tenant_id), secrets.randbits(48) + 1, ex=MARK_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("change_of_keys_not_told", error_class=type(error).__name__)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                verdicts = await self._judged([asked for asked, _ in batch])
                for (_, waiting), verdict in zip(batch, verdicts, strict=True):
                    if not waiting.done():  # the request may be gone
                        waiting.set_result(verdict)
        finally:
            self._running = None

    async def _judged(self, asked: Sequence[RateCheck]) -> Sequence[Verdict]:
        if self._clock() < self._closed_until:
            return [self._local.check(each) for each in asked]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                numbers = await self._script(
                    keys=[name for each in asked for name in _names(each)],
                    args=[limit for each in asked for limit in (each.limit, each.tenant_limit)],
                )
            self._failures = 0
            return _verdicts(asked, numbers)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return [self._local.check(each) for each in asked]

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._failures = 0
            self._closed_until = self._clock() + OPEN_SECONDS
            log.warning("limits_are_local", error_class=type(error).__name__, seconds=OPEN_SECONDS)


def _names(asked: RateCheck) -> tuple[str, str, str]:
    return PREFIX + asked.key, f"{PREFIX}t:{asked.tenant}", MARK + asked.tenant


def _verdicts(asked: Sequence[RateCheck], numbers: Sequence[Any]) -> Sequence[Verdict]:
    return [
        Verdict(each.limit, min(wait / MICRO, PERIOD_SECONDS), remaining, empty_at / MICRO, mark=mark)
        for each, wait, remaining, empty_at, mark in zip(
            asked, numbers[0::4], numbers[1::4], numbers[2::4], numbers[3::4], strict=True
        )
    ]
