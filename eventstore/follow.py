"""Readers of the log that remember how far they have come, in the same transaction as what they did.

Positions are given under the head's lock and have no gap, so whoever has seen n and reads from n + 1 misses nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from eventstore.codec import Codec
from eventstore.read import read_events
from eventstore.transaction import Database, TenantTx

BEGIN_FOLLOWING = """
    INSERT INTO app.follower (tenant_id, name, next_position)
    VALUES ($1, $2, 0)
        ON CONFLICT DO NOTHING
"""

# The row lock keeps a second worker from doing the same work; it finds nothing left when its turn comes.
WHERE = "SELECT next_position FROM app.follower WHERE tenant_id = $1 AND name = $2 FOR UPDATE"

ADVANCE = "UPDATE app.follower SET next_position = $3 WHERE tenant_id = $1 AND name = $2"

MOST_AT_ONCE = 500


class Follower(Struct, frozen=True):
    """``apply`` takes in a run of events; its effects and the new place are one transaction."""

    name: str
    apply: Callable[[TenantTx, Sequence[Recorded]], Awaitable[None]]


async def follow(database: Database, codec: Codec, tenant_id: UUID, follower: Follower) -> int:
    """Takes in what is new, in as many transactions as it needs. Returns how many events that were."""
    total = 0
    while taken := await _step(database, codec, tenant_id, follower):
        total += taken
        if taken < MOST_AT_ONCE:
            break
    return total


async def _step(database: Database, codec: Codec, tenant_id: UUID, follower: Follower) -> int:
    """One transaction: a crash before its COMMIT repeats the step, after it does not."""
    async with database.tenant_transaction(tenant_id) as tx:
        await tx.execute(BEGIN_FOLLOWING, tenant_id, follower.name)
        position = await tx.fetchval(WHERE, tenant_id, follower.name)
        events = await read_events(tx, codec, position, MOST_AT_ONCE)
        if events:
            await follower.apply(tx, events)
            await tx.execute(ADVANCE, tenant_id, follower.name, events[-1].position + 1)
    return len(events)
