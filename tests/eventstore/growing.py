"""Logs for tests: opened with a key, grown through the one way in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, cast
from uuid import UUID, uuid4

import asyncpg

from config.keys import Key
from domain.event import Event, Recorded, Stream
from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.log_keys import Begin, log_origin, new_log_key
from eventstore.heads.tree import frontier_at
from eventstore.keys.keyring import Keyring
from eventstore.log.append import NewEvent, append, encode_batch, read_head
from loopctl.tlog.canonical import canonical_json

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
KEYRING = Keyring((Key("0000000a", bytes(range(32))),))
NOTHING = canonical_json({})


class Ticked(Event, frozen=True, kw_only=True):
    """An entry that says nothing."""

    TAG: ClassVar[str] = "test.ticked"


TICK = Ticked()


async def opened_log(app: Database) -> UUID:
    """A new tenant with an empty log and a log key."""
    tenant = uuid4()
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
        origin = log_origin("https://example.org", tenant)
        await new_log_key(tx, KEYRING, Begin(origin, "created", NOON))
    return tenant


async def grow(app: Database, tenant: UUID, count: int, batch: int = 5000) -> list[bytes]:
    """Appends ``count`` entries, each the first of its stream; returns their leaf hashes."""
    leaves: list[bytes] = []
    while len(leaves) < count:
        async with app.tenant_transaction(tenant) as tx:
            head = await read_head(tx)
            most = min(batch, count - len(leaves))
            events = [_tick(position) for position in range(head.size, head.size + most)]
            written = encode_batch(head, events, at=NOON)
            await append(tx, written)
        leaves += written.leaves
    return leaves


def _tick(position: int) -> NewEvent:
    recorded = Recorded(position, Stream("test", UUID(int=position)), 0, NOON, ("test",), TICK)
    return NewEvent(recorded, None, NOTHING)


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: TenantTx) -> None:
        self._tx = tx
        self.tenant_id = tx.tenant_id
        self.statements = 0

    async def fetch(self, query: str, *arguments: object) -> Sequence[asyncpg.Record]:
        self.statements += 1
        return await self._tx.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        self.statements += 1
        return await self._tx.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> object:
        self.statements += 1
        return await self._tx.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        self.statements += 1
        return await self._tx.execute(query, *arguments)

    @property
    def tx(self) -> TenantTx:
        return cast("TenantTx", self)


async def root_at(tx: TenantTx, size: int) -> bytes:
    """Raises TlogError when the log never had this size."""
    return (await frontier_at(tx, size)).root()
