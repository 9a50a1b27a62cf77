"""The probe of a container."""

import socket

from redis.asyncio import Redis

from config.refusal import StartRefused
from eventstore.following.liveness import jobs_health

TIMEOUT_SECONDS = 2.0


async def this_host_works(redis_url: str | None) -> bool:
    """A worker of this host, which for a container is this container, has lately given a sign of life."""
    if redis_url is None:
        raise StartRefused("The probe needs LOOPCTL_REDIS_URL.")
    client = Redis.from_url(redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
    async with client:
        return (await jobs_health(client, host=socket.gethostname())).ok
