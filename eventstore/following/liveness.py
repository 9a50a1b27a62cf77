"""Signs of life of the workers in Redis, written by them and read by the API's /health."""

import msgspec
from msgspec import Struct
from redis import RedisError
from redis.asyncio import Redis

BEAT_PREFIX = "loopctl:worker:"
ROSTER = "loopctl:workers"
"""Sorted set of the ids of the workers, scored by Redis's own seconds, so that nobody has to scan the key space."""

BEAT_EXPIRY_SECONDS = 10
ROSTER_EXPIRY_SECONDS = 3600


class Beat(Struct, frozen=True):
    """What a worker says with each sign of life."""

    worker_id: str
    host: str
    leader: bool
    """It runs the schedule; at most one does, for a few seconds none."""
    database: bool
    """Its last round of the schedule reached PostgreSQL."""


class JobsHealth(Struct, frozen=True):
    """``ok`` when at least one worker has shown within BEAT_EXPIRY_SECONDS that it really works."""

    ok: bool
    workers: tuple[Beat, ...] = ()


async def record_beat(redis: Redis, beat: Beat, *, expiry_seconds: int = BEAT_EXPIRY_SECONDS) -> None:
    """Raises RedisError."""
    seconds, _ = await redis.time()
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.set(BEAT_PREFIX + beat.worker_id, msgspec.json.encode(beat), ex=expiry_seconds)
        pipeline.zadd(ROSTER, {beat.worker_id: seconds})
        pipeline.zremrangebyscore(ROSTER, "-inf", seconds - ROSTER_EXPIRY_SECONDS)
        pipeline.expire(ROSTER, ROSTER_EXPIRY_SECONDS)
        await pipeline.execute()


async def forget_beat(redis: Redis, worker_id: str) -> None:
    """A clean stop is seen at once, not when the key expires. Raises RedisError."""
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(BEAT_PREFIX + worker_id)
        pipeline.zrem(ROSTER, worker_id)
        await pipeline.execute()


async def jobs_health(redis: Redis, *, host: str | None = None) -> JobsHealth:
    """How the workers are, those of one host when given. Redis out of reach is not ok either; never raises for it.

    The client's own timeout bounds the wait.
    """
    try:
        names = [_text(name) for name in await redis.zrange(ROSTER, 0, 999, desc=True)]
        found = await redis.mget([BEAT_PREFIX + name for name in names]) if names else []
    except (RedisError, OSError):
        return JobsHealth(ok=False)
    beats = (msgspec.json.decode(raw, type=Beat) for raw in found if raw is not None)
    workers = tuple(beat for beat in beats if host is None or beat.host == host)
    return JobsHealth(ok=bool(workers), workers=workers)


def _text(name: object) -> str:
    """The client answers bytes or text, as it was made."""
    return name.decode() if isinstance(name, bytes) else str(name)
