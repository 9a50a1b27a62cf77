"""Sends what is due, and writes down what came of it.

Each receiver that has something due is served by a task: one transaction settles what has ended and takes what may be
sent next, so that one round trip serves several. Leases are rows: a worker that dies leaves what it had to others, and
only time is lost. Nothing is kept here that another worker would need.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog
from msgspec import Struct, structs

from domain.webhook_payload import body_of
from eventstore.database.transaction import Database, TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.pause import set_within
from eventstore.log.codec import Codec
from eventstore.log.read import read_picked
from projections.rows.webhook_secrets import WebhookSecrets
from workers.webhooks.judging import Pace, after, judge
from workers.webhooks.metrics import WebhookMetrics
from workers.webhooks.rows import (
    Ended,
    Endpoint,
    Held,
    Taken,
    backlog,
    due_endpoints,
    due_of_tenant,
    hold,
    settle,
    settle_target,
    store_bodies,
    take,
)
from workers.webhooks.sending import Letter, Post, attempt

log = structlog.get_logger(__name__)

FIRST = Endpoint(UUID(int=0), UUID(int=0))
PAGE = 500
CONNECTIONS = 4
"""Transactions at once; whoever waits for one comes in the order of asking."""
BACKLOG_SECONDS = 10.0


def utc_now() -> datetime:
    return datetime.now(UTC)


class Outside(Struct, frozen=True):
    """What a courier works with. ``now`` decides whether the secret before is still good."""

    database: Database
    codec: Codec
    secrets: WebhookSecrets
    post: Post
    metrics: WebhookMetrics
    chance: Callable[[], float] = random.random
    now: Callable[[], datetime] = utc_now


class Serving:
    """What one receiver has in this process."""

    def __init__(self) -> None:
        self.sending: set[asyncio.Task[None]] = set()
        self.ended: list[Ended] = []
        self.changed = asyncio.Event()
        """Something has ended, or become due."""


class Courier:
    """``turned_at`` is the monotonic second of the last look at everything that is due, in vain or not."""

    def __init__(self, outside: Outside, pace: Pace, *, sealed: bool = False) -> None:
        """``sealed``: no secret opens, so nothing is sent."""
        self._outside = outside
        self._pace = pace
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._served: dict[Endpoint, Serving] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = sealed
        self._measured_at = -BACKLOG_SECONDS
        self.turned_at: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at everything that is due, again and again, until ``stop``."""
        pause = 0.0
        while not await set_within(stop, pause):
            try:
                await self.sweep()
            except DatabaseUnavailable as error:
                log.debug("webhooks_not_swept", error_class=type(error).__name__)
            self.turned_at = time.monotonic()
            pause = self._pace.sweep

    async def sweep(self) -> None:
        """The net under the messages, which needs none. Raises DatabaseUnavailable."""
        endpoint = FIRST
        while True:
            async with self._outside.database.system_transaction() as tx:
                found = await due_endpoints(tx, endpoint, PAGE)
                if time.monotonic() - self._measured_at >= BACKLOG_SECONDS:
                    self._outside.metrics.measured(*await backlog(tx))
                    self._measured_at = time.monotonic()
            for each in found:
                self._serve(each)
            if len(found) < PAGE:
                return
            endpoint = found[-1]

    async def hurry(self, tenant_id: UUID) -> bool:
        """Whether this tenant has something due, which is then being sent. Raises DatabaseUnavailable."""
        async with self._outside.database.tenant_transaction(tenant_id) as tx:
            found = await due_of_tenant(tx)
        for each in found:
            self._serve(each)
        return bool(found)

    async def is_due(self, tenant_id: UUID) -> bool:
        """Raises DatabaseUnavailable."""
        async with self._outside.database.tenant_transaction(tenant_id) as tx:
            return bool(await due_of_tenant(tx))

    def _serve(self, endpoint: Endpoint) -> None:
        if self._stopping:
            return
        serving = self._served.get(endpoint)
        if serving is not None:
            serving.changed.set()
            return
        serving = self._served[endpoint] = Serving()
        self._spawn(self._tasks, self._serve_on(endpoint, serving))

    async def _serve_on(self, endpoint: Endpoint, serving: Serving) -> None:
        try:
            while True:
                serving.changed.clear()
                taken = await self._turned(endpoint, serving)
                if not taken and not serving.sending and not serving.ended and not serving.changed.is_set():
                    return
                await serving.changed.wait()
        except Exception as error:  # a receiver that cannot be served must not end the others
            log.warning("webhook_failed", tenant=str(endpoint.tenant_id), exc_info=error)
        finally:
            del self._served[endpoint]

    async def _turned(self, endpoint: Endpoint, serving: Serving) -> int:
        """What has ended is kept while the database is away: otherwise it would be sent once more."""
        ended = list(serving.ended)
        try:
            return await self._turn(endpoint, serving)
        except DatabaseUnavailable as error:
            log.debug("webhook_not_served", error_class=type(error).__name__)
            serving.ended = [*ended, *(each for each in serving.ended if each not in ended)]
            await asyncio.sleep(self._pace.sweep)
            if serving.ended:
                serving.changed.set()
            return 0

    async def _turn(self, endpoint: Endpoint, serving: Serving) -> int:
        """How many attempts have begun."""
        ended, serving.ended = serving.ended, []
        letters: list[Letter] = []
        async with self._slots, self._outside.database.tenant_transaction(endpoint.tenant_id) as tx:
            held = await hold(tx, endpoint.webhook_id, waits=bool(ended))
            if held is None:
                return 0
            if ended:
                held = await self._settle(tx, endpoint, held, ended)
            if not held.paused and not held.suspended and not self._stopping:
                taken = await take(tx, endpoint.webhook_id, held, self._pace, uuid4())
                letters = await self._letters(tx, endpoint, held, taken) if taken else []
        for letter in letters:
            self._spawn(serving.sending, self._send(letter, serving))
        return len(letters)

    async def _settle(self, tx: TenantTx, endpoint: Endpoint, held: Held, ended: list[Ended]) -> Held:
        """Counts only what was still ours: a lease that somebody else took over has an attempt of its own."""
        ours = await settle(tx, endpoint.webhook_id, ended)
        counted = [(each.outcome, each.verdict) for each in ended if each.taken.position in ours]
        target = after(self._pace, held.target, counted, held.most_failures)
        delivered = any(outcome.delivered for outcome, _ in counted)
        if counted:
            await settle_target(tx, endpoint.webhook_id, target, delivered=delivered)
        for each in ended:
            self._outside.metrics.ended(each.verdict.state, each.taken.event_type, each.outcome.seconds)
        paused = bool(target.pause) or (held.paused and target.pause is None)
        return structs.replace(held, takes=held.takes and target.give_up is None, paused=paused, target=target)

    async def _letters(self, tx: TenantTx, endpoint: Endpoint, held: Held, taken: list[Taken]) -> list[Letter]:
        """Bodies are made once, of the log's entries, and kept before anything is sent."""
        missing = sorted(each.position for each in taken if each.body is None)
        bodies = {each.position: each.body for each in taken if each.body is not None}
        if missing:
            recorded = await read_picked(tx, self._outside.codec, missing)
            made = {each.position: body_of(endpoint.webhook_id, each) for each in recorded}
            await store_bodies(tx, endpoint.webhook_id, made)
            bodies |= made
        secrets = await self._outside.secrets.read(tx, endpoint.webhook_id, self._outside.now())
        return [Letter(endpoint.webhook_id, held.url, secrets, each, bodies[each.position]) for each in taken]

    async def _send(self, letter: Letter, serving: Serving) -> None:
        outcome = await attempt(self._outside.post, letter, self._pace.total)
        verdict = judge(self._pace, outcome, letter.taken.attempt, self._outside.chance())
        serving.ended.append(Ended(letter.taken, outcome, verdict))
        serving.changed.set()

    def _spawn(self, tasks: set[asyncio.Task[None]], work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def drain(self) -> None:
        """What has ended is still written down; what has not is attempted again by somebody else."""
        self._stopping = True
        for serving in self._served.values():
            serving.changed.set()
        if self._tasks:
            _, hanging = await asyncio.wait(self._tasks, timeout=self._pace.drain)
            for task in (*hanging, *(each for serving in self._served.values() for each in serving.sending)):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*hanging, return_exceptions=True)
