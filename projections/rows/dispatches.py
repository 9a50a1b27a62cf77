"""Dispatches, and what a revocation ends: the rows of everything below it, and their keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.dispatch import ENDS_MANY, Dispatch, DispatchCreated, ended_link, evolve_dispatch
from domain.event import Event, Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import EVERY, Model
from projections.rows.entity import Entity
from projections.rows.keys import KEYS

DISPATCHES = Entity(
    name="dispatch", state=Dispatch, identity="dispatch_id", evolve=evolve_dispatch, replaces=True, spreading=ENDS_MANY
)

# Of two that end the same, the first counts. What is over already stays as it is.
END_DISPATCHES = """
    UPDATE app.dispatch AS d
       SET revoked_at = ended.at, position = ended.position
      FROM (SELECT DISTINCT ON (b.dispatch_id) b.dispatch_id, r.at, r.position
              FROM unnest($2::uuid[], $3::timestamptz[], $4::bigint[]) AS r (link, at, position)
              JOIN app.dispatch AS b
                ON b.tenant_id = $1 AND b.revoked_at IS NULL AND b.expires_at > r.at AND b.lineage @> ARRAY[r.link]
             ORDER BY b.dispatch_id, r.position) AS ended
     WHERE d.tenant_id = $1 AND d.dispatch_id = ended.dispatch_id
"""

END_KEYS = """
    UPDATE app.api_key AS k
       SET revoked_at = ended.at, position = ended.position
      FROM (SELECT DISTINCT ON (b.key_id) b.key_id, r.at, r.position
              FROM unnest($2::uuid[], $3::timestamptz[], $4::bigint[]) AS r (link, at, position)
              JOIN app.api_key AS b
                ON b.tenant_id = $1 AND b.dispatch_id IS NOT NULL AND b.revoked_at IS NULL AND b.expires_at > r.at
                   AND b.lineage @> ARRAY[r.link]
             ORDER BY b.key_id, r.position) AS ended
     WHERE k.tenant_id = $1 AND k.key_id = ended.key_id
"""

LIVE_BELOW = """
    SELECT asked.id, asked.at, count(d.dispatch_id) AS live
      FROM unnest($2::uuid[], $3::timestamptz[]) AS asked (id, at)
      JOIN app.dispatch AS d
        ON d.tenant_id = $1 AND d.revoked_at IS NULL AND d.expires_at > asked.at AND d.lineage @> ARRAY[asked.id]
     GROUP BY asked.id, asked.at
"""

POOL_OF = """
    SELECT d.*
      FROM app.dispatch AS d
     WHERE d.tenant_id = $1 AND d.revoked_at IS NULL AND d.expires_at > $2 AND d.role = 'orchestrator'
     ORDER BY d.created_at, d.dispatch_id
     LIMIT $3
"""
LARGEST_POOL = 500

LIST = """
    SELECT d.*, count(*) OVER () AS total
      FROM app.dispatch AS d
     WHERE d.tenant_id = $1
       AND ($2::text IS NULL OR d.role = $2)
       AND (NOT $3 OR (d.revoked_at IS NULL AND d.expires_at > $4))
     ORDER BY d.created_at DESC, d.dispatch_id DESC
     LIMIT $5 OFFSET $6
"""


async def apply_to_keys(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await KEYS.apply(tx, recorded)
    await _end(tx, END_KEYS, recorded)


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await DISPATCHES.apply(tx, recorded)
    await _end(tx, END_DISPATCHES, recorded)


async def _end(tx: TenantTx, statement: str, recorded: Sequence[Recorded]) -> None:
    ends = [each for each in recorded if isinstance(each.event, ENDS_MANY)]
    if ends:
        links = [ended_link(each) for each in ends]
        await tx.execute(
            statement, tx.tenant_id, links, [each.at for each in ends], [each.position for each in ends]
        )  # fmt: skip


class LiveBelow(Model[tuple[UUID, datetime], int]):
    """How many dispatches are good at a time that have this one in their lineage, itself among them."""

    name = "live_below"
    volatile = True
    events: tuple[type[Event], ...] = (DispatchCreated, *ENDS_MANY)

    async def load(self, tx: TenantTx, keys: Sequence[tuple[UUID, datetime]]) -> Mapping[tuple[UUID, datetime], int]:
        rows = await tx.fetch(LIVE_BELOW, tx.tenant_id, [id_ for id_, _ in keys], [at for _, at in keys])
        return {(row["id"], row["at"]): row["live"] for row in rows}

    def initial(self, _: tuple[UUID, datetime]) -> int:
        return 0

    def touched(self, _: Recorded) -> Sequence[tuple[UUID, datetime]]:
        return EVERY

    def evolve(self, live: int, _: Recorded) -> int:
        """As many as before the batch: `Dispatch.revoked_at` says what is over, and this only how much was."""
        return live


class VerifierPool(Model[datetime, Sequence[Dispatch]]):
    """Dispatches of orchestrators that are live at a time, the oldest first: who may be drawn."""

    name = "verifier_pool"
    volatile = True
    events: tuple[type[Event], ...] = (DispatchCreated, *ENDS_MANY)

    async def load(self, tx: TenantTx, keys: Sequence[datetime]) -> Mapping[datetime, Sequence[Dispatch]]:
        rows = await tx.fetch(POOL_OF, tx.tenant_id, min(keys), LARGEST_POOL)
        found = [DISPATCHES.from_row(row) for row in rows]
        return {at: [each for each in found if each.is_live(at)] for at in keys}

    def initial(self, _: datetime) -> Sequence[Dispatch]:
        return ()

    def touched(self, _: Recorded) -> Sequence[datetime]:
        return EVERY

    def evolve(self, pool: Sequence[Dispatch], recorded: Recorded) -> Sequence[Dispatch]:
        made = evolve_dispatch(None, recorded)
        more = [made] if made and made.role == "orchestrator" and len(pool) < LARGEST_POOL else []
        still = (evolve_dispatch(each, recorded) for each in pool)
        return [*(each for each in still if each and each.revoked_at is None), *more]


LIVE = LiveBelow()
POOL = VerifierPool()


async def find_dispatch(tx: TenantTx, dispatch_id: UUID) -> Dispatch | None:
    return (await DISPATCHES.load(tx, [dispatch_id])).get(dispatch_id)


async def list_dispatches(
    tx: TenantTx, role: str | None, at: datetime, *, live: bool, page: tuple[int, int]
) -> tuple[list[Any], int]:
    """Newest first, and how many there are on all pages. ``page`` is limit and offset; ``live`` leaves out what is
    over at that time."""
    rows = await tx.fetch(LIST, tx.tenant_id, role, live, at, *page)
    counted = rows or (await tx.fetch(LIST, tx.tenant_id, role, live, at, 1, 0) if page[1] else [])
    return [DISPATCHES.from_row(row) for row in rows], counted[0]["total"] if counted else 0
