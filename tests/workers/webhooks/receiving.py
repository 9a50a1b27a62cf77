"""A tenant with work, receivers on this machine, and the courier that sends to them: nothing is stood in for."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct, field
from prometheus_client import CollectorRegistry
from standardwebhooks.webhooks import Webhook

from config.networks import Networks
from domain.events import EVENTS, UPCASTERS
from egress.client import Egress
from egress.destination import Rules
from eventstore.database.transaction import Database
from eventstore.log.codec import Codec
from projections.rows.webhook_secrets import WebhookSecrets
from tests.api.logs import KEYRING, service
from tests.api.team import Team, team
from tests.support.database import TestDatabase, connected
from workers.webhooks.courier import Courier, Outside
from workers.webhooks.judging import Pace
from workers.webhooks.metrics import WebhookMetrics

LOOPBACK = Rules(networks=Networks("127.0.0.0/8").networks, http=True)
QUICK = Pace(delays=(0.05, 0.05), jitter=0.0, total=1.0, lease=2.0, sweep=0.05, probe=0.2, slowed=0.05, drain=1.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Request(Struct, frozen=True):
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return msgspec.json.decode(self.body)

    def check(self, secret: str, standard_secret: str) -> None:
        """By the package of Standard Webhooks, and as the documents' line for a shell does."""
        Webhook(standard_secret).verify(self.body.decode(), self.headers)
        signed = "sha256=" + hmac.new(secret.encode(), self.body, sha256).hexdigest()
        assert self.headers["x-loopctl-signature"] == self.headers["x-signature-256"] == signed


Answer = Callable[[Request], bytes | Awaitable[bytes]]


class Receiver(Struct):
    """``answer`` says what is written back; nothing for a connection that is dropped."""

    url: str = ""
    seen: list[Request] = field(default_factory=list)
    answer: Answer = lambda _: OK

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.partition(": ") for line in head[1:] if line)
            headers = {name.lower(): value for name, _, value in pairs}
            request = Request(headers, await reader.readexactly(int(headers["content-length"])))
            self.seen.append(request)
            said = self.answer(request)
            writer.write(said if isinstance(said, bytes) else await said)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    @property
    def payloads(self) -> list[Any]:
        return [request.payload for request in self.seen]


class Hooks(Struct):
    """What a test has."""

    database: TestDatabase
    worker: Database
    people: Team
    courier: Courier
    stack: AsyncExitStack
    pace: Pace

    async def receiver(self, answer: Answer = lambda _: OK) -> Receiver:
        made = Receiver(answer=answer)
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        self.stack.callback(server.close)
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        return made

    async def subscribe(self, url: str, *events: str, **more: Any) -> Any:
        made = await self.people.user.post("/webhooks", {"url": url, "events": list(events), **more})
        assert made.status == 201, made.body
        return made.json()["webhook"]

    def another(self, pace: Pace | None = None) -> Courier:
        """As another process has one."""
        return courier_of(self.worker, pace or self.pace)

    async def deliveries(self, webhook: Any, query: str = "") -> list[Any]:
        found: list[Any] = (await self.people.user.get(f"/webhooks/{webhook['id']}/deliveries{query}")).json()["data"]
        return found

    async def shown(self, webhook: Any) -> Any:
        return (await self.people.user.get(f"/webhooks/{webhook['id']}")).json()["webhook"]

    async def until(self, what: Callable[[], Any], seconds: float = 15.0) -> Any:
        """Waits for something true."""
        async with asyncio.timeout(seconds):
            while not (found := (await done) if asyncio.iscoroutine(done := what()) else done):
                await asyncio.sleep(0.02)
        return found

    async def ended(self, webhook: Any, count: int = 1) -> list[Any]:
        """Its deliveries, once so many are over."""

        async def over() -> list[Any]:
            found = await self.deliveries(webhook, "?limit=100")
            return found if sum(each["status"] != "pending" for each in found) >= count else []

        found: list[Any] = await self.until(over)
        return found


def courier_of(database: Database, pace: Pace, registry: CollectorRegistry | None = None) -> Courier:
    metrics = WebhookMetrics(registry or CollectorRegistry())
    outside = Outside(
        database, Codec(EVENTS, UPCASTERS), WebhookSecrets(KEYRING), Egress(LOOPBACK).post, metrics, chance=lambda: 0.5
    )
    return Courier(outside, pace)


@asynccontextmanager
async def hooks(database: TestDatabase, pace: Pace = QUICK, *, running: bool = True) -> AsyncIterator[Hooks]:
    """``running``: the courier sweeps by itself."""
    async with service(database) as started, AsyncExitStack() as stack:
        worker = await connected(database.worker_url, role="loopctl_worker", max_size=8)
        stack.push_async_callback(worker.close)
        courier = courier_of(worker, pace)
        made = Hooks(database, worker, await team(started), courier, stack, pace)
        stop = asyncio.Event()
        task = asyncio.create_task(courier.run(stop)) if running else None
        try:
            yield made
        finally:
            stop.set()
            if task:
                await task
            await courier.drain()
