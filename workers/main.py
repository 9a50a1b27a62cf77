"""The composition root of the worker process: builds everything once, runs it, takes it down in order."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import structlog
from dramatiq import Worker
from msgspec import Struct
from prometheus_client import REGISTRY, CollectorRegistry
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.keys import parse_keys
from config.pulse import pulsing
from config.settings import Settings
from domain.events import EVENTS, UPCASTERS
from egress.client import Egress
from egress.destination import rules_of
from egress.embeddings import provider_of
from eventstore.database.transaction import Database
from eventstore.following.follow import Follower
from eventstore.following.liveness import Beat
from eventstore.following.outage import Outage
from eventstore.following.wake_up import listen
from eventstore.heads.last_signed import FileLastSigned
from eventstore.keys.keyring import Keyring
from eventstore.keys.seal import Seal
from eventstore.log.codec import Codec
from projections.rows.webhook_secrets import WebhookSecrets
from workers.actors import Actor, Job, Timing, Tools
from workers.broker import POLL_MS, REDIS_TIMEOUT_SECONDS, JobBroker, connect_broker
from workers.follower_metrics import FollowerMetrics
from workers.following import PARALLEL, Consumer, FollowerConsumer, Following, FollowingPace
from workers.heartbeat import BeatPace, Heartbeat, Vitals
from workers.jobs import deliver_webhooks
from workers.knowledge.embedding import Embedding
from workers.knowledge.embedding import Pace as EmbeddingPace
from workers.knowledge.ingesting import Ingesting
from workers.knowledge.ingesting import Pace as IngestingPace
from workers.leadership import Leadership
from workers.metrics import JobMetrics, served_metrics
from workers.registry import ACTORS, FOLLOWERS, JOBS
from workers.runner import Runner
from workers.scheduler import Scheduler
from workers.start import Addresses, checked_database, checked_seal, required
from workers.tree_heads import TreeHeads
from workers.webhooks.courier import CONNECTIONS, Courier, Outside
from workers.webhooks.hurrying import Hurrying
from workers.webhooks.judging import Pace
from workers.webhooks.metrics import WebhookMetrics

log = structlog.get_logger(__name__)


def system_clock() -> datetime:
    return datetime.now(UTC)


class WorkerProgram(Struct, frozen=True, kw_only=True):
    """What the worker does, and by which clock."""

    actors: tuple[Actor, ...] = ACTORS
    jobs: tuple[Job, ...] = JOBS
    followers: tuple[Follower, ...] = FOLLOWERS
    timing: Timing = Timing()
    following: FollowingPace = FollowingPace()
    webhooks: Pace = Pace()
    embedding: EmbeddingPace = EmbeddingPace()
    ingesting: IngestingPace = IngestingPace()
    clock: Callable[[], datetime] = system_clock


PROGRAM = WorkerProgram()
PACE = BeatPace()

LAST_ROUND_SECONDS = 2.0
"""For scheduler and heartbeat to end by themselves after a stop."""


async def serve(settings: Settings, stop: asyncio.Event, registry: CollectorRegistry, program: WorkerProgram) -> None:
    """Works until ``stop``. PostgreSQL and Redis may come and go; raises StartRefused when they do not fit the code."""
    addresses = required(settings)
    # A job and the keeper of its lease may each need a connection; scheduler, polling and sweeping need one each.
    database = await checked_database(addresses, settings.worker_threads * 2 + PARALLEL + CONNECTIONS + 5, stop)
    if database is None:
        return
    outage = Outage("redis")
    broker = connect_broker(addresses.redis_url, outage)
    try:
        async with _connected(addresses.redis_url) as redis:
            metrics = JobMetrics(registry)
            seal = await checked_seal(database, parse_keys(settings.keks), stop)
            courier = _courier(program, settings, database, WebhookMetrics(registry), seal)
            runner = Runner(Tools(database, program.timing, metrics.log_checked, courier.hurry), metrics)
            for actor in program.actors:
                broker.declare(actor.name, actor.queue, runner.entry(actor))
            scheduler = _scheduler(program, addresses, database, broker)
            worker = Worker(broker, worker_timeout=POLL_MS, worker_threads=settings.worker_threads)
            following = _following(program, settings, database, FollowerMetrics(registry), seal)
            hurrying = _hurrying(courier, broker)

            def woken(tenant_id: UUID) -> None:
                following.wake(tenant_id)
                if scheduler.last.leader:  # one message is enough, whoever works on it
                    hurrying.heard(tenant_id)

            async def hear() -> None:
                await listen(redis, stop, woken=woken, turned=lambda: outage.succeeded("wake_ups"))

            vitals = Vitals(scheduler, following, broker, worker, PACE.still)
            heartbeat = Heartbeat(redis, _introduction(scheduler), vitals, metrics, PACE)
            worker.start()
            log.info("worker_started", count=settings.worker_threads)
            try:
                await _until(
                    stop,
                    scheduler.run(stop, metrics.round_seen),
                    following.run(stop, outage, hear),
                    heartbeat.run(stop, outage),
                    courier.run(stop),
                    hurrying.run(stop),
                    *_knowledge(program, settings, database, stop),
                )
            finally:
                await courier.drain()
                await _drain(worker, runner, settings.shutdown_seconds)
    finally:
        broker.client.close()
        await database.close()


def _scheduler(program: WorkerProgram, addresses: Addresses, database: Database, broker: JobBroker) -> Scheduler:
    async def wake(actor: str, row_id: UUID) -> None:
        await asyncio.to_thread(broker.wake, actor, row_id)

    leadership = Leadership(addresses.database_url)
    return Scheduler(database, leadership, program.jobs, timing=program.timing, clock=program.clock, wake=wake)


def _following(
    program: WorkerProgram, settings: Settings, database: Database, metrics: FollowerMetrics, seal: Seal
) -> Following:
    """Without the keys at rest the worker does everything but sign."""
    codec = Codec(EVENTS, UPCASTERS)
    consumers: list[Consumer] = [FollowerConsumer(database, codec, follower) for follower in program.followers]
    if seal.sealed:
        log.warning("tree_heads_unsigned", reason=seal.reason)
    else:
        keyring = Keyring(parse_keys(settings.keks))
        consumers.append(
            TreeHeads(
                database,
                keyring,
                FileLastSigned(settings.heads_dir),
                metrics,
                replicated=settings.synchronous_replication,
            )
        )
    return Following(database, consumers, metrics, program.following)


def _courier(
    program: WorkerProgram, settings: Settings, database: Database, metrics: WebhookMetrics, seal: Seal
) -> Courier:
    """Without the keys at rest no secret opens: what is due waits."""
    if seal.sealed:
        log.warning("webhooks_not_sent", reason=seal.reason)
    secrets_of = WebhookSecrets(Keyring(parse_keys(settings.keks)))
    outside = Outside(database, Codec(EVENTS, UPCASTERS), secrets_of, Egress(rules_of(settings)).post, metrics)
    return Courier(outside, program.webhooks, sealed=seal.sealed)


def _hurrying(courier: Courier, broker: JobBroker) -> Hurrying:
    async def wake(tenant_id: UUID) -> None:
        await asyncio.to_thread(broker.wake, deliver_webhooks.ACTOR.name, tenant_id)

    return Hurrying(courier.is_due, wake)


def _knowledge(
    program: WorkerProgram, settings: Settings, database: Database, stop: asyncio.Event
) -> tuple[Coroutine[None, None, None], ...]:
    """What makes vectors of articles, and what reads in pages and texts."""
    egress = Egress(rules_of(settings))
    try:
        provider = provider_of(settings, egress)
    except ValueError as error:
        log.warning("embeddings_unavailable", reason=str(error))
        provider = None
    return (
        Embedding(database, provider, program.embedding).run(stop),
        Ingesting(database, egress.exchange, program.ingesting).run(stop),
    )


def _introduction(scheduler: Scheduler) -> Callable[[], Beat]:
    host = socket.gethostname()
    worker_id = f"{host}:{os.getpid()}:{secrets.token_hex(4)}"
    return lambda: Beat(worker_id, host, scheduler.last.leader, scheduler.database_reached)


async def _drain(worker: Worker, runner: Runner, seconds: int) -> None:
    """No new job starts; those that run have ``seconds``, then they are interrupted."""
    log.info("worker_stopping", seconds=seconds)
    await asyncio.to_thread(worker.stop, seconds * 1000)
    await runner.interrupt()
    log.info("worker_stopped")


async def _until(stop: asyncio.Event, *loops: Coroutine[None, None, None]) -> None:
    """Runs them side by side until ``stop``, which the first that fails sets too; its error is raised."""

    async def one(loop: Coroutine[None, None, None]) -> None:
        try:
            await loop
        finally:
            stop.set()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(loop)) for loop in loops]
        await stop.wait()
        _, hanging = await asyncio.wait(tasks, timeout=LAST_ROUND_SECONDS)
        for task in hanging:
            task.cancel()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    async with client:
        yield client


def run(
    settings: Settings, warnings: tuple[str, ...], metrics_port: int | None, program: WorkerProgram = PROGRAM
) -> None:
    """The whole life of the process. Raises StartRefused."""
    for warning in warnings:
        log.warning("setting_ignored", reason=warning)
    with served_metrics(settings, metrics_port):
        asyncio.run(_serve_until_signalled(settings, program))


async def _serve_until_signalled(settings: Settings, program: WorkerProgram) -> None:
    async with pulsing():
        await serve(settings, _stop_on_signals(), REGISTRY, program)


def _stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT. The second ends the process on the spot."""
    event = asyncio.Event()

    def asked(number: signal.Signals) -> None:
        if event.is_set():
            os._exit(128 + number)
        event.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    return event
