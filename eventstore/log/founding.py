"""The first transaction of a tenant: it makes the log, appends the first events and writes what is kept beside them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.append import Head, NewEvent, append, encode_batch
from eventstore.log.command import Change
from eventstore.log.lane import Store

OPEN_LOG = "SELECT app.open_log($1)"

Beside = Callable[[TenantTx], Awaitable[None]]


async def create_tenant_log(
    store: Store, tenant_id: UUID, actor: tuple[str, ...], changes: Sequence[Change], beside: Sequence[Beside]
) -> Sequence[Recorded]:
    """All or nothing. ``changes`` begin with tenant.created and are each the first of their stream.

    Raises asyncpg.UniqueViolationError when the slug is taken.
    """
    at = store.now()
    events = [_first(position, change, actor, at, store) for position, change in enumerate(changes)]

    async def write(tx: TenantTx) -> None:
        await tx.execute(OPEN_LOG, tenant_id)
        batch = encode_batch(Head(), events, at=at)
        await append(tx, batch)
        for project in store.projections:
            await project(tx, batch.recorded)
        for each in beside:
            await each(tx)

    await store.database.run_to_end(tenant_id, write)
    return [event.recorded for event in events]


def _first(position: int, change: Change, actor: tuple[str, ...], at: datetime, store: Store) -> NewEvent:
    recorded = Recorded(position, change.stream, 0, at, actor, change.event)
    written = store.codec.write(change.event)
    return NewEvent(recorded, None, written.data, payload=written.payload)
