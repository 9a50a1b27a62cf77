"""Readers of the log that remember how far they have come, in the same transaction as what they did.

Positions are given under the head's lock and have no gap, so whoever has seen n and reads from n + 1 misses nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import read_events

BEGIN_FOLLOWING = """
    INSERT INTO app.follower (tenant_id, name, next_position)
    VALUES ($1, $2, 0)
        ON CONFLICT DO NOTHING
"""

# The row lock is the lease: it ends with the transaction, however that ends. Not waited for, because whoever holds it
# does the work, and a waiting worker would hold a connection.
HOLD_PLACE = "SELECT next_position FROM app.follower WHERE tenant_id = $1 AND name = $2 FOR UPDATE SKIP LOCKED"

ADVANCE = "UPDATE app.follower SET next_position = $3 WHERE tenant_id = $1 AND name = $2"

MOST_AT_ONCE = 500


class Follower(Struct, frozen=True):
    """``apply`` takes in a run of events; its effects and the new place are one transaction."""

    name: str
    apply: Callable[[TenantTx, Sequence[Recorded]], Awaitable[None]]


async def follow(database: Database, codec: Codec, tenant_id: UUID, follower: Follower) -> int:
    """Takes in what is new, in as many transactions as it needs. Returns how many events that were."""
    total = 0
    while taken := await follow_once(database, codec, tenant_id, follower):
        total += taken
        if taken < MOST_AT_ONCE:
            break
    return total


async def follow_once(database: Database, codec: Codec, tenant_id: UUID, follower: Follower) -> int:
    """One transaction: a crash before its COMMIT repeats the step, after it does not. At most MOST_AT_ONCE events."""
    async with database.tenant_transaction(tenant_id) as tx:
        position = await hold_place(tx, follower.name)
        if position is None:
            return 0
        events = await read_events(tx, codec, position, MOST_AT_ONCE)
        if events:
            await follower.apply(tx, events)
            await advance(tx, follower.name, events[-1].position + 1)
    return len(events)


async def hold_place(tx: TenantTx, name: str) -> int | None:
    """The position that the follower reads next, its alone until the transaction ends; None while another has it."""
    await tx.execute(BEGIN_FOLLOWING, tx.tenant_id, name)
    position: int | None = await tx.fetchval(HOLD_PLACE, tx.tenant_id, name)
    return position


async def advance(tx: TenantTx, name: str, next_position: int) -> None:
    """Whoever holds the place moves it."""
    await tx.execute(ADVANCE, tx.tenant_id, name, next_position)
