"""The composition root of the API process: builds everything once, serves, takes it down in order."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import uvloop
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.app import create_app
from api.server import Server, server_config
from api.services import Services
from api.start import StartRefused, checked_database, checked_seal, listening_socket
from config.settings import Settings
from eventstore.liveness import jobs_health
from eventstore.seal import Seal
from eventstore.transaction import Database

REDIS_TIMEOUT_SECONDS = 1.0

log = structlog.get_logger("api")


class NoWorker(Exception):
    """No worker has lately shown a sign of life."""


def run(settings: Settings, version: str, warnings: tuple[str, ...]) -> None:
    """The whole life of the process. Raises StartRefused."""
    for warning in warnings:
        log.warning("setting_ignored", reason=warning)
    with listening_socket(settings) as listener:
        uvloop.run(_serve(settings, version, listener))


async def _serve(settings: Settings, version: str, listener: socket.socket) -> None:
    if not settings.redis_url:
        raise StartRefused("The API needs LOOPCTL_REDIS_URL; `loopctl up` starts a Redis of its own.")
    database = await checked_database(settings)
    try:
        seal = await checked_seal(settings, database)
        async with _connected(settings.redis_url) as redis:
            app = create_app(_services(settings, version, database, redis, seal))
            try:
                config = server_config(app, app.limits, settings.shutdown_seconds, app.refused)
                log.info("started", version=version, reason=seal.reason)
                await Server(config, app.limits).serve(sockets=[listener])
            finally:
                app.close()
    finally:
        await database.close()
    log.info("stopped")


def _services(settings: Settings, version: str, database: Database, redis: Redis, seal: Seal) -> Services:
    async def jobs() -> None:
        if not (await jobs_health(redis)).ok:
            raise NoWorker

    async def ping_redis() -> None:
        await redis.ping()

    return Services(
        settings=settings,
        version=version,
        database=database.ping,
        redis=ping_redis,
        jobs=jobs,
        seal=lambda: seal,
        log=sys.stderr.buffer,
    )


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Redis]:
    """No retries: a probe asks again by itself, and a request must not wait for a second try."""
    client = Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    async with client:
        yield client
