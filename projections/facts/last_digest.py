"""How many entries the newest digest of a tenant's read models is of."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.event import Event, Recorded
from domain.state_digest import StateDigested
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

LAST = """
    SELECT asked.id AS stream_id, (convert_from(last.entry, 'UTF8')::json -> 'data' ->> 'size')::bigint AS size
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT e.entry
             FROM app.log_entry AS e
            WHERE e.tenant_id = $1 AND e.stream_id = asked.id
            ORDER BY e.stream_version DESC
            LIMIT 1) AS last
"""


class LastDigest(Model[UUID, int | None]):
    """By the stream of digests."""

    name = "last_digest"
    events: tuple[type[Event], ...] = (StateDigested,)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, int | None]:
        rows = await tx.fetch(LAST, tx.tenant_id, list(keys))
        return {row["stream_id"]: row["size"] for row in rows}

    def initial(self, _: UUID) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        return (recorded.stream.id,)

    def evolve(self, last: int | None, recorded: Recorded) -> int | None:
        return recorded.event.size if isinstance(recorded.event, StateDigested) else last


LAST_DIGEST = LastDigest()
