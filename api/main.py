"""The composition root of the API process: builds everything once, serves, takes it down in order."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
import uvloop
from msgspec import Struct, structs
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.app import create_app
from api.changes.drawings import Drawings
from api.changes.news import News, hearing
from api.changes.rendering import Renderer
from api.documentation.assets import Assets
from api.documentation.openapi import Documents
from api.event_metrics import EventMetrics
from api.found_by_jobs import FoundByJobs, taking_findings
from api.founding import Founder
from api.health.check import HealthCheck, Probes
from api.http.identifiers import new_id
from api.http.limits import Limits
from api.http.rate_limits.counts import RedisCounts
from api.http.rate_limits.local import MOST_FAILED, FailedKeys, LocalLimiter
from api.http.rate_limits.shared import SharedLimiter
from api.http.recording import Metrics
from api.http.refusal import Refused
from api.http.server import Server, server_config
from api.knowledge.learning import Learner, learning_from_reviews
from api.knowledge.reads import Reads
from api.knowledge.semantic import Semantic
from api.last_seen import LastSeen
from api.lease_sweeper import LeaseSweeper, sweeping
from api.log.reading import LogReader
from api.mcp.threads import ToolThreads
from api.services import Services, utc_now
from api.start import checked_database, checked_seal, listening_socket, say_ready
from api.state_digests import StateDigests, digesting
from api.stories.rendering import StoryRenderer
from api.webhooks.disabling import WebhookDisabler, disabling
from config.keys import parse_keys
from config.pulse import pulsing
from config.refusal import StartRefused
from config.settings import Settings
from domain.caller import Caller
from domain.events import EVENTS, UPCASTERS
from egress.client import Egress
from egress.destination import rules_of
from egress.embeddings import provider_of
from eventstore.callers.caller_cache import CallerCache
from eventstore.catalog.check import assert_replicated
from eventstore.database.silence import watching
from eventstore.database.transaction import Database
from eventstore.following.liveness import jobs_health
from eventstore.following.wake_up import Announcer, announcing
from eventstore.gc_pauses import collector_settled
from eventstore.heads.last_signed import FileLastSigned
from eventstore.keys.keyring import Keyring
from eventstore.keys.purpose_keys import PurposeKeys
from eventstore.keys.seal import Seal
from eventstore.log.codec import Codec
from eventstore.log.lane import Store, Writer
from projections.inline import INLINE, MODELS, TRANSITIONS
from projections.rows.webhook_secrets import WebhookSecrets

REDIS_TIMEOUT_SECONDS = 1.0

log = structlog.get_logger("api")


class NoWorker(Exception):
    """No worker has lately shown a sign of life."""


class LimitsAreLocal(Exception):
    """Redis answers, and still its counts are not good for rate limits."""


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
        callers = CallerCache(database, parse_keys(settings.peppers), time.monotonic)
        last_seen = LastSeen(database.tenant_transaction, time.monotonic, utc_now)
        async with (
            pulsing(),
            watching(database.pool),
            _connected(settings.redis_url) as redis,
            announcing(redis) as announcer,
            _flushing(last_seen),
            _limiter(settings) as limiter,
        ):
            news = News()
            digests = StateDigests(database)
            metrics = Metrics(settings.metrics_dir)
            store = _store(database, announcer, callers, news, digests)
            store = structs.replace(store, counted=EventMetrics(metrics.registry).committed)
            writer, founder = Writer(store), Founder(store, Keyring(parse_keys(settings.keks)), settings.base_url())
            learner = Learner(database, writer.submit)
            reads = Reads(database.tenant_transaction)
            outside = Outside(
                database, redis, writer, callers, last_seen, limiter, news, founder, learner, reads, metrics
            )
            app = create_app(_services(settings, version, outside, seal))
            try:
                config = server_config(app, app.limits, settings.shutdown_seconds, app.refused)
                collector_settled()
                log.info("started", version=version, reason=seal.reason)
                async with (
                    sweeping(LeaseSweeper(database, writer.submit), utc_now),
                    disabling(WebhookDisabler(database, writer.submit), utc_now),
                    taking_findings(FoundByJobs(database, writer.submit), utc_now),
                    digesting(digests, writer.submit, utc_now),
                    learning_from_reviews(learner, utc_now),
                    _flushing(reads),
                    hearing(redis, news),
                ):
                    await Server(config, app.limits, ready=say_ready, stopping=news.stop).serve(sockets=[listener])
            finally:
                await writer.finish()
                app.close()
    finally:
        await database.close()
    log.info("stopped")


class Outside(Struct, frozen=True):
    """What the process is connected to."""

    database: Database
    redis: Redis
    writer: Writer
    callers: CallerCache
    last_seen: LastSeen
    limiter: SharedLimiter
    news: News
    founder: Founder
    learner: Learner
    reads: Reads
    metrics: Metrics


def _store(database: Database, announcer: Announcer, callers: CallerCache, news: News, digests: StateDigests) -> Store:
    def committed(tenant_id: UUID, size: int) -> None:
        callers.committed(tenant_id)
        announcer.committed(tenant_id, size)
        news.woken(tenant_id)
        digests.grown(tenant_id, size)

    return Store(
        database=database,
        codec=Codec(EVENTS, UPCASTERS),
        models=MODELS,
        projections=(*INLINE, callers.note),
        now=utc_now,
        committed=committed,
        short=TRANSITIONS,
    )


def _probes(settings: Settings, outside: Outside, seal: Seal) -> Probes:
    async def jobs() -> None:
        if not (await jobs_health(outside.redis)).ok:
            raise NoWorker

    async def ping_redis() -> None:
        await outside.redis.ping()
        if outside.limiter.is_local:
            raise LimitsAreLocal

    async def commit_replicated() -> None:
        async with outside.database.system_transaction() as tx:
            await assert_replicated(tx)

    return Probes(
        database=outside.database.ping, redis=ping_redis, jobs=jobs, seal=lambda: seal, clock=time.monotonic,
        replication=commit_replicated if settings.synchronous_replication else None,
    )  # fmt: skip


def _services(settings: Settings, version: str, outside: Outside, seal: Seal) -> Services:
    async def caller_of(raw_key: str) -> Caller:
        if seal.sealed:
            raise Refused("sealed", seal.reason)
        return await outside.callers.find(raw_key, utc_now())

    egress = Egress(rules_of(settings))
    codec, keyring, limits = Codec(EVENTS, UPCASTERS), Keyring(parse_keys(settings.keks)), Limits()
    return Services(
        settings=settings,
        version=version,
        limits=limits,
        submit=outside.writer.submit,
        reading=outside.database.tenant_transaction,
        reading_once=outside.database.ask_tenant,
        reading_names=outside.database.system_transaction,
        log_reader=LogReader(
            outside.database, keyring, FileLastSigned(settings.heads_dir), replicated=settings.synchronous_replication
        ),
        codec=codec,
        renderer=Renderer(codec),
        stories=StoryRenderer(),
        news=outside.news,
        drawings=Drawings(),
        found=outside.founder.found,
        clock=time.monotonic,
        utc_now=utc_now,
        new_id=new_id,
        find_caller=caller_of,
        check_rate=outside.limiter.check,
        mark_of_callers=outside.callers.mark_of,
        callers_marked=outside.callers.marked,
        failed_keys=_failed_keys(settings, outside.callers),
        callers_changed=outside.limiter.mark_changed,
        note_caller=outside.last_seen.note,
        reviewed=outside.learner.reviewed,
        note_reads=outside.reads.note,
        semantic=_semantic(settings),
        purpose_keys=PurposeKeys(outside.database, keyring, outside.writer.submit),
        webhook_secrets=WebhookSecrets(keyring),
        egress=egress,
        problem_of_url=egress.problem,
        peppers=parse_keys(settings.peppers),
        health=HealthCheck(version, _probes(settings, outside, seal)),
        metrics=outside.metrics,
        tool_threads=ToolThreads(limits.tools.process),
        documents=Documents(version),
        assets=Assets(),
        log=sys.stderr.buffer,
    )


def _semantic(settings: Settings) -> Semantic:
    """Raises StartRefused."""
    try:
        return Semantic(provider_of(settings, Egress(rules_of(settings))))
    except ValueError as error:
        raise StartRefused(f"LOOPCTL_EMBEDDINGS_URL: {error}.") from None


def _failed_keys(settings: Settings, callers: CallerCache) -> FailedKeys:
    return FailedKeys(MOST_FAILED // settings.workers, settings.proxies, callers.was_found, time.monotonic)


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


@asynccontextmanager
async def _limiter(settings: Settings) -> AsyncIterator[SharedLimiter]:
    """On a connection of its own: a slow probe must not keep a request waiting."""
    async with RedisCounts(settings.redis_url or "") as counts:
        yield SharedLimiter(counts, LocalLimiter(settings.workers))


@asynccontextmanager
async def _flushing(last_seen: LastSeen | Reads) -> AsyncIterator[None]:
    """Writes stamps beside everything else, and what is left of them at the end."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(last_seen.keep_flushing())
        try:
            yield
        finally:
            task.cancel()
    await last_seen.flush()
