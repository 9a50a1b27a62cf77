"""Servers of the user's own, asked before anything is built on them."""

from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.refusal import StartRefused
from migrations.connection import connected

SECONDS = 5.0
ROLE = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'loopctl_app')"


async def check_redis(url: str) -> None:
    """Raises StartRefused when nothing answers there as Redis does."""
    try:
        client = Redis.from_url(
            url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 0)
        )
        async with client:
            await client.ping()
    except (RedisError, OSError, ValueError) as error:
        # Not the error's own text: it can quote the address, password and all.
        raise StartRefused(f"The Redis of --redis-url does not answer ({type(error).__name__}).") from error


async def roles_exist(database_url: str) -> bool:
    """Whether this cluster has been set up for a loopctl. Raises MigrationError when it cannot be asked."""
    async with connected(database_url) as connection:
        found: bool = await connection.fetchval(ROLE)
    return found
