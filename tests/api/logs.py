"""A real log behind an application in this process: tenants with keys, for the tests of the routes."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from typing import Any, Protocol
from uuid import UUID, uuid4

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.founding import Founder
from api.http.limits import Limits
from api.http.shell import Shell
from api.log.reading import LogReader
from config.keys import generate_key, parse_keys
from config.settings import Settings
from domain.agent import AgentRegistered, AgentType
from domain.api_key import ALPHABET, complete_key, shown_prefix
from domain.event import JsonText, Stream
from domain.events import EVENTS, UPCASTERS
from domain.key import ApiKeyCreated
from domain.tenant import TenantCreated
from eventstore.callers.caller_cache import CallerCache
from eventstore.callers.callers import store_key_hash
from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.log_keys import Begin, log_origin, new_log_key
from eventstore.keys.keyring import Keyring
from eventstore.keys.purpose_keys import PurposeKeys
from eventstore.log.codec import Codec
from eventstore.log.command import Change
from eventstore.log.founding import create_tenant_log
from eventstore.log.lane import Store, Writer
from projections.inline import INLINE, MODELS, TRANSITIONS
from projections.rows.webhook_secrets import WebhookSecrets
from tests.api.asgi import JSON, Answer, ask, made
from tests.support.database import connected

PEPPERS = parse_keys(generate_key())
KEYRING = Keyring(parse_keys(generate_key()))
NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
PATIENT = Limits(body_seconds=60, request_seconds=60, admission_seconds=60)
"""However long the machine takes: what is late, and what is one too many, are tests of their own."""
WHOLE = {"name": "My App", "slug": "my-app"}


class HasAddress(Protocol):
    """A migrated database."""

    @property
    def app_url(self) -> str: ...


class Service(Struct, frozen=True):
    app: Shell
    store: Store
    callers: CallerCache


@asynccontextmanager
async def service(
    database: HasAddress,
    last_signed: LastSigned | None = None,
    *,
    remember_seconds: float = 0.0,
    parts: Mapping[str, Any] | None = None,
    connect: Callable[..., Awaitable[Database]] = connected,
    routes: Sequence[HTTPRouteHandler] = (),
    **services: Any,
) -> AsyncIterator[Service]:
    """The application as `api.main` puts it together, on a given database; callers are looked up each time, unless
    they are to be remembered. Two of them on one database are two processes. ``parts`` of the store may differ, and
    how it connects; there may be ``routes`` besides its own."""
    opened = await connect(database.app_url, role="loopctl_app")
    callers = CallerCache(opened, PEPPERS, time.monotonic, remember_seconds)
    store = Store(
        database=opened, codec=Codec(EVENTS, UPCASTERS), models=MODELS, projections=(*INLINE, callers.note), now=noon,
        committed=lambda tenant, _: callers.committed(tenant), short=TRANSITIONS,
    )  # fmt: skip
    store = msgspec.structs.replace(store, **(parts or {}))

    def caller_of(raw_key: str) -> Any:
        return callers.find(raw_key, NOON)

    writer = Writer(store)
    given = {
        "limits": PATIENT, "submit": writer.submit, "purpose_keys": PurposeKeys(opened, KEYRING, writer.submit),
        "webhook_secrets": WebhookSecrets(KEYRING),
        "reading": opened.tenant_transaction, "reading_once": opened.ask_tenant,
        "reading_names": opened.system_transaction, "log_reader": LogReader(opened, KEYRING, last_signed),
        "find_caller": caller_of, "utc_now": noon, "peppers": PEPPERS, "mark_of_callers": callers.mark_of,
        "callers_marked": callers.marked,
        "settings": Settings(signups_per_hour=1_000_000),
        "found": Founder(store, KEYRING, "https://loopctl.example").found,
    }  # fmt: skip
    yield Service(made(*routes, **{**given, **services}), store, callers)
    await opened.close()


class InTurns:
    """One application after the other, as behind a balancer."""

    def __init__(self, *apps: Shell) -> None:
        self._apps = cycle(apps)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await next(self._apps)(scope, receive, send)


def nobody_follows(_: UUID, __: int) -> None: ...


def noon() -> datetime:
    return NOON


async def tenant_with_key(store: Store, role: Any = "user", **changes: Any) -> tuple[UUID, str]:
    """A tenant of its own and the raw key of one caller, whose agent is of the type that the role needs."""
    tenant, key = uuid4(), uuid4()
    raw = complete_key("".join(secrets.choice(ALPHABET) for _ in range(34)))
    created = TenantCreated(name="Acme", slug=f"acme-{tenant.hex[:8]}", root_of_trust="operator")
    key_created = ApiKeyCreated(name="k", role=role, key_prefix=shown_prefix(raw), **changes)
    events: list[Change] = [Change(Stream("tenant", tenant), created), Change(Stream("api_key", key), key_created)]
    if changes.get("agent_id"):
        kind: AgentType = "orchestrator" if role == "orchestrator" else "implementer"
        agent = AgentRegistered(name="k", agent_type=kind, metadata=JsonText("{}"), key_id=str(key))
        events.append(Change(Stream("agent", UUID(changes["agent_id"])), agent))
    keep = partial(store_key_hash, key_id=key, pepper=PEPPERS[0], raw_key=raw)
    await create_tenant_log(store, tenant, ("test",), events, [keep, log_key])
    return tenant, raw


async def log_key(tx: TenantTx) -> None:
    origin = log_origin("https://loopctl.example", tx.tenant_id)
    await new_log_key(tx, KEYRING, Begin(origin, "founded", NOON))


async def create(app: Shell, raw: str, body: Any = WHOLE, **headers: str) -> Answer:
    sent = {
        **JSON,
        "Authorization": f"Bearer {raw}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return await ask(app, "/api/v1/projects", method="POST", headers=sent, body=msgspec.json.encode(body))


async def call(app: Shell, raw: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
    """Any route; ``headers`` with underscores for hyphens."""
    sent = {"Authorization": f"Bearer {raw}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is None:
        return await ask(app, path, method=method, headers=sent)
    return await ask(app, path, method=method, headers={**JSON, **sent}, body=msgspec.json.encode(body))
