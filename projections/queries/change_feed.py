"""The log as a feed: from a position on, oldest first, filtered or not. Nothing is missed and nothing repeated."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx

MOST_EXAMINED = 5000
"""Entries that one page looks at: where two filters have little in common, a page may be short and not the last."""

CHANGES = """
    SELECT each.position
      FROM (
           (SELECT * FROM app.audit_index AS i
             WHERE $2 = 'project_id' AND i.tenant_id = $1 AND i.project_id = $4 AND i.position > $3
             ORDER BY i.position
             LIMIT $8)
            UNION ALL
           (SELECT * FROM app.audit_index AS i
             WHERE $2 = 'action' AND i.tenant_id = $1 AND i.action = $5 AND i.position > $3
             ORDER BY i.position
             LIMIT $8)
            UNION ALL
           (SELECT * FROM app.audit_index AS i
             WHERE $2 = 'entity_type' AND i.tenant_id = $1 AND i.entity_type = $6 AND i.position > $3
             ORDER BY i.position
             LIMIT $8)
            UNION ALL
           (SELECT * FROM app.audit_index AS i
             WHERE $2 = 'all' AND i.tenant_id = $1 AND i.position > $3 AND i.position <= $3 + $8
             ORDER BY i.position
             LIMIT $8)
      ) AS each
     WHERE ($4::uuid IS NULL OR each.project_id = $4)
       AND ($5::text IS NULL OR each.action = $5)
       AND ($6::text IS NULL OR each.entity_type = $6)
       AND ($7::timestamptz IS NULL OR each.at > $7)
     ORDER BY each.position
     LIMIT $9
"""

LAST_EXAMINED = """
    SELECT each.position
      FROM (
           (SELECT i.position FROM app.audit_index AS i
             WHERE $2 = 'project_id' AND i.tenant_id = $1 AND i.project_id = $4 AND i.position > $3
             ORDER BY i.position
             LIMIT 1 OFFSET $7)
            UNION ALL
           (SELECT i.position FROM app.audit_index AS i
             WHERE $2 = 'action' AND i.tenant_id = $1 AND i.action = $5 AND i.position > $3
             ORDER BY i.position
             LIMIT 1 OFFSET $7)
            UNION ALL
           (SELECT i.position FROM app.audit_index AS i
             WHERE $2 = 'entity_type' AND i.tenant_id = $1 AND i.entity_type = $6 AND i.position > $3
             ORDER BY i.position
             LIMIT 1 OFFSET $7)
            UNION ALL
           (SELECT i.position FROM app.audit_index AS i
             WHERE $2 = 'all' AND i.tenant_id = $1 AND i.position > $3
             ORDER BY i.position
             LIMIT 1 OFFSET $7)
      ) AS each
"""

LOG_SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"

# By the latest time so far, which never goes back: whatever is later than a moment stands at or behind this place.
FIRST_LATER = """
    SELECT i.position
      FROM app.audit_index AS i
     WHERE i.tenant_id = $1 AND i.latest > $2
     ORDER BY i.latest, i.position
     LIMIT 1
"""


class ChangeFilter(Struct, frozen=True, kw_only=True):
    """None filters nothing. ``since``: only what has a later time."""

    project_id: UUID | None = None
    action: str | None = None
    entity_type: str | None = None
    since: datetime | None = None

    @property
    def way(self) -> str:
        """The index to walk."""
        for name in ("project_id", "action", "entity_type"):
            if getattr(self, name) is not None:
                return name
        return "all"

    @property
    def leaves_out(self) -> bool:
        """Entries of the index walked can fail another filter."""
        given = [each for each in (self.project_id, self.action, self.entity_type) if each is not None]
        return len(given) > 1 or self.since is not None


class Changes(Struct, frozen=True, kw_only=True):
    """``cursor`` is the position to go on after. ``more``: there are, or may be, others already; the first of them is
    ``following``, where that is known."""

    positions: Sequence[int]
    cursor: int
    more: bool
    following: int | None = None


class BeyondTheLog(Exception):
    """Nobody was ever told a position as high as this one: whoever goes on there would miss all until it is reached."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the log ends at position {size - 1}")
        self.size = size


async def find_changes(tx: TenantTx, after: int, wanted: ChangeFilter, most: int) -> Changes:
    """From position ``after`` + 1 on; with ``since`` the later of the two. At most ``most`` entries.

    Raises BeyondTheLog.
    """
    size = await log_size(tx)  # before the entries: up to there nothing can be missing among them
    if after >= size:
        raise BeyondTheLog(size)
    if wanted == ChangeFilter():
        last = min(after + most, size - 1)
        more = last < size - 1
        return Changes(
            positions=range(after + 1, last + 1), cursor=last, more=more, following=last + 1 if more else None
        )
    if wanted.since is not None:
        first = await tx.fetchval(FIRST_LATER, tx.tenant_id, wanted.since)
        after = max(after, (size if first is None else first) - 1)
    place = (tx.tenant_id, wanted.way, after, wanted.project_id, wanted.action, wanted.entity_type)
    found = await _matching(tx, place, wanted, most + 1)
    if wanted.leaves_out and len(found) <= most:
        examined = await tx.fetchval(LAST_EXAMINED, *place, MOST_EXAMINED - 1)
        if examined is not None:  # again: what the last look found may have been less than there is up to here
            found = await _matching(tx, place, wanted, most + 1)
            if len(found) <= most:
                return Changes(positions=found, cursor=examined, more=True)
    if len(found) > most:
        return Changes(positions=found[:most], cursor=found[most - 1], more=True, following=found[most])
    return Changes(positions=found, cursor=max(after, size - 1, *found), more=False)


async def log_size(tx: TenantTx) -> int:
    """How many entries the tenant's log has."""
    found: int | None = await tx.fetchval(LOG_SIZE, tx.tenant_id)
    return found or 0


async def _matching(tx: TenantTx, place: tuple[object, ...], wanted: ChangeFilter, most: int) -> list[int]:
    rows: list[Any] = await tx.fetch(CHANGES, *place, wanted.since, MOST_EXAMINED, most)
    return [row["position"] for row in rows]
