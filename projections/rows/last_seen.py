"""When keys and agents were last seen: no read model, because no event says it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from eventstore.database.transaction import TenantTx

# In order of the ids: two processes that write the same rows must not wait for each other in a circle.
STORE = """
    INSERT INTO app.last_seen AS s (tenant_id, seen_id, seen_at)
    SELECT $1, given.id, given.at
      FROM unnest($2::uuid[], $3::timestamptz[]) AS given (id, at)
     ORDER BY given.id
        ON CONFLICT (tenant_id, seen_id) DO UPDATE SET seen_at = greatest(s.seen_at, excluded.seen_at)
"""


async def store_last_seen(tx: TenantTx, stamps: Mapping[UUID, datetime]) -> None:
    await tx.execute(STORE, tx.tenant_id, list(stamps), list(stamps.values()))
