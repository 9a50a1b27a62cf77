"""Logs that the worker signs and follows, and what it made of them."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import msgspec

from config.keys import parse_keys
from eventstore.database.transaction import Database
from eventstore.heads.log_keys import Begin, log_origin, new_log_key
from eventstore.keys.keyring import Keyring
from eventstore.log.lane import Store, Writer
from tests.eventstore.writing import NOON, new_project, nobody_follows, store
from tests.workers.processes import KEKS

KEYRING = Keyring(parse_keys(KEKS))


async def opened_log(app: Database) -> UUID:
    """A tenant with an empty log and a key that the worker processes of the tests can open."""
    tenant = uuid4()
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
        await new_log_key(tx, KEYRING, Begin(log_origin("https://example.org", tenant), "created", NOON))
    return tenant


def announced_by(app: Database, committed: Callable[[UUID, int], None] = nobody_follows) -> Store:
    return msgspec.structs.replace(store(app), committed=committed)


async def write(store: Store, tenant: UUID, count: int = 1) -> None:
    """``count`` events, in as few transactions as they fit in."""
    writer = Writer(store)
    await asyncio.gather(*(writer.submit(tenant, new_project(uuid4().hex)) for _ in range(count)))


async def signed_sizes(app: Database, tenant: UUID) -> list[int]:
    async with app.tenant_transaction(tenant) as tx:
        rows = await tx.fetch("SELECT size FROM app.log_checkpoint WHERE tenant_id = $1 ORDER BY size", tenant)
    return [row["size"] for row in rows]


async def newest_signed(app: Database, tenant: UUID) -> int:
    return max(await signed_sizes(app, tenant), default=-1)
