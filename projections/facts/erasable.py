"""What an entry has of texts that can be erased."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.erasure import Erasable, PayloadErased, evolve_erasable
from domain.event import Event, Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

LOAD = """
    SELECT e.position, e.said ->> 'type' AS tag, e.said -> 'entity' ->> 0 AS kind, e.said -> 'entity' ->> 1 AS id,
           e.said ->> 'commit' IS NOT NULL AS committed,
           ARRAY(SELECT json_object_keys(convert_from(p.payload, 'UTF8')::json)) AS members
      FROM (SELECT l.position, convert_from(l.entry, 'UTF8')::json AS said
              FROM app.log_entry AS l
             WHERE l.tenant_id = $1 AND l.position = ANY ($2::bigint[])) AS e
      LEFT JOIN app.payload AS p ON p.tenant_id = $1 AND p.position = e.position
"""


class ErasableModel(Model[int, Erasable | None]):
    """By position; None where the log has no entry."""

    name = "erasable"
    volatile = True
    events: tuple[type[Event], ...] = (PayloadErased,)

    async def load(self, tx: TenantTx, keys: Sequence[int]) -> Mapping[int, Erasable]:
        rows = await tx.fetch(LOAD, tx.tenant_id, list(keys))
        return {
            row["position"]: Erasable(
                row["tag"], row["kind"], UUID(row["id"]), row["committed"], tuple(sorted(row["members"]))
            )
            for row in rows
        }

    def initial(self, _: int) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[int]:
        return (recorded.event.seq,) if isinstance(recorded.event, PayloadErased) else ()

    def evolve(self, state: Erasable | None, recorded: Recorded) -> Erasable | None:
        return evolve_erasable(state, recorded)


ERASABLE = ErasableModel()
