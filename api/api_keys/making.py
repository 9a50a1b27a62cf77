"""New keys: made by request or by rotation; the raw key goes out with the answer and nowhere else."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import structs

from api.api_keys.raw import new_raw_key, raw_key_again
from api.api_keys.schemas import CreateKeyBody, new_key_body
from api.commands import origin, submit, written
from api.http.asking import Asking
from api.services import Services
from api.times import wire_time
from domain.api_key import shown_prefix
from domain.event import Recorded, Stream
from domain.key import CreateKey, RotateKey, create_key, rotate_key
from domain.tenant import Tenant
from domain.tenant_settings import read_settings
from eventstore.callers.callers import store_key_hash
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, Need, Reply, existing
from projections.rows.agents import AGENTS
from projections.rows.keys import KEYS, KEYS_OF_AGENT, UNREVOKED_KEYS
from projections.rows.tenants import TENANTS

CREATED = 201


async def make_key(services: Services, asking: Asking, data: CreateKeyBody) -> Response[bytes]:
    """Raises Invalid."""
    stream, at, tenant = Stream("api_key", services.new_id()), services.utc_now(), _tenant(asking)
    raw_key = new_raw_key(asking, stream.id, services.peppers)
    wish = CreateKey(
        name=data.name or "", role=data.role or "", key_prefix=shown_prefix(raw_key), agent_id=data.agent(),
        expires_at=data.moment(), most_keys=0,
    )  # fmt: skip
    unrevoked = UNREVOKED_KEYS.need(at)
    agent = AGENTS.need(wish.agent_id) if wish.agent_id else None
    of_agent = KEYS_OF_AGENT.need(wish.agent_id) if wish.agent_id else None

    def decide(known: Known) -> Sequence[Change]:
        whole = structs.replace(wish, most_keys=_most_keys(known, tenant))
        events = create_key(
            whole, known[agent] if agent else None, known[unrevoked], known[of_agent] if of_agent else (), at
        )  # fmt: skip
        return [Change(stream, event) for event in events]

    need = KEYS.need(stream.id)
    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=lambda known, _: {"api_key": new_key_body(existing(known, need))},
        needs=(need, tenant, unrevoked, *([agent] if agent else []), *([of_agent] if of_agent else [])),
        streams=(stream,), status=CREATED, beside=_hash(services, stream.id, raw_key),
    )  # fmt: skip
    reply = await submit(services, asking, command)
    return await written(services, asking, _with_raw_key(services, asking, reply, "api_key", raw_key))


async def replace_key(services: Services, asking: Asking, key_id: UUID, grace_hours: int) -> Response[bytes]:
    """Both keys are good until the grace is over."""
    old, new = Stream("api_key", key_id), Stream("api_key", services.new_id())
    old_need, new_need, tenant = KEYS.need(old.id), KEYS.need(new.id), _tenant(asking)
    at = services.utc_now()
    unrevoked = UNREVOKED_KEYS.need(at)
    raw_key = new_raw_key(asking, new.id, services.peppers)
    agent_id = await _agent_of(services, asking, key_id)
    agent = AGENTS.need(agent_id) if agent_id else None
    of_agent = KEYS_OF_AGENT.need(agent_id) if agent_id else None

    def decide(known: Known) -> Sequence[Change]:
        wish = RotateKey(
            new_id=new.id, key_prefix=shown_prefix(raw_key), grace_hours=grace_hours,
            most_keys=_most_keys(known, tenant), agent=known[agent] if agent else None,
        )  # fmt: skip
        key = existing(known, old_need)
        created, rotated = rotate_key(key, wish, known[unrevoked], known[of_agent] if of_agent else (), at)
        return [Change(new, created), Change(old, rotated)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return {
            "new_key": new_key_body(existing(known, new_need)),
            "old_key_expires_at": wire_time(existing(known, old_need).expires_at),
        }

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=answer,
        needs=(old_need, new_need, tenant, unrevoked, *([agent] if agent else ()), *([of_agent] if of_agent else ())),
        streams=(old, new), status=CREATED, beside=_hash(services, new.id, raw_key),
    )  # fmt: skip
    reply = await submit(services, asking, command)
    return await written(services, asking, _with_raw_key(services, asking, reply, "new_key", raw_key))


async def _agent_of(services: Services, asking: Asking, key_id: UUID) -> UUID | None:
    """Whose the key is, which can change once, from nobody's: then an earlier key of that agent there cannot be."""
    async with services.reading(asking.caller.tenant_id) as tx:
        found = (await KEYS.load(tx, [key_id])).get(key_id)
    return found.agent_id if found else None


def _tenant(asking: Asking) -> Need[Tenant | None]:
    return TENANTS.need(asking.caller.tenant_id)


def _most_keys(known: Known, tenant: Need[Tenant | None]) -> int:
    return read_settings(existing(known, tenant).settings).max_api_keys


def _hash(services: Services, key_id: UUID, raw_key: str) -> Callable[[TenantTx], Awaitable[None]]:
    return partial(store_key_hash, key_id=key_id, pepper=services.peppers[0], raw_key=raw_key)


def _with_raw_key(services: Services, asking: Asking, reply: Reply, member: str, raw_key: str) -> Reply:
    """What was stored under the idempotency key has none; a retry gets the one that its first try got."""
    if reply.status != CREATED:
        return reply
    body: dict[str, Any] = msgspec.json.decode(reply.body)
    key = body[member]
    again = raw_key_again(asking, UUID(key["id"]), key["key_prefix"], services.peppers) if reply.replayed else raw_key
    return structs.replace(reply, body=msgspec.json.encode({**body, member: {**key, "raw_key": again}}))
