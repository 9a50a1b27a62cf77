"""Entries of the log by what they are about: the audit trail, newest first, and a story's history, oldest first.

Each way to an index is a branch that only its own name opens, so that a statement always walks the index that fits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import decoded, read_picked

# The limits of the branches bound nothing: with one, a branch keeps to its order and its index.
TRAIL = """
    SELECT l.entry
      FROM (
           SELECT each.position
             FROM (
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'entity_id' AND i.tenant_id = $1 AND i.entity_id = $3
                    ORDER BY i.position DESC
                    LIMIT $13)
                   UNION ALL
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'actor_id' AND i.tenant_id = $1 AND i.actor_id = $4
                    ORDER BY i.position DESC
                    LIMIT $13)
                   UNION ALL
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'project_id' AND i.tenant_id = $1 AND i.project_id = $5
                    ORDER BY i.position DESC
                    LIMIT $13)
                   UNION ALL
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'time' AND i.tenant_id = $1 AND i.at >= $9 AND i.at <= $10
                    ORDER BY i.position DESC
                    LIMIT $13)
                   UNION ALL
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'action' AND i.tenant_id = $1 AND i.action = $6
                    ORDER BY i.position DESC
                    LIMIT $13)
                   UNION ALL
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'entity_type' AND i.tenant_id = $1 AND i.entity_type = $7
                    ORDER BY i.position DESC
                    LIMIT $13)
                   UNION ALL
                  (SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'all' AND i.tenant_id = $1
                    ORDER BY i.position DESC
                    LIMIT $13)
             ) AS each
            WHERE ($3::uuid IS NULL OR each.entity_id = $3)
              AND ($4::uuid IS NULL OR each.actor_id = $4)
              AND ($5::uuid IS NULL OR each.project_id = $5)
              AND ($6::text IS NULL OR each.action = $6)
              AND ($7::text IS NULL OR each.entity_type = $7)
              AND ($8::text IS NULL OR each.actor_type = $8)
              AND each.at >= $9::timestamptz AND each.at <= $10::timestamptz
              AND NOT ($14 AND (each.entity_type = 'api_key' OR each.action IN ('tenant_updated', 'key_rotated')))
            ORDER BY each.position DESC
            LIMIT $11 OFFSET $12
      ) AS found
      JOIN app.log_entry AS l ON l.tenant_id = $1 AND l.position = found.position
     ORDER BY found.position DESC
"""

TRAIL_LENGTH = """
    SELECT count(*)
      FROM (SELECT 1
              FROM (
                   SELECT * FROM app.audit_index AS i WHERE $2 = 'entity_id' AND i.tenant_id = $1 AND i.entity_id = $3
                    UNION ALL
                   SELECT * FROM app.audit_index AS i WHERE $2 = 'actor_id' AND i.tenant_id = $1 AND i.actor_id = $4
                    UNION ALL
                   SELECT * FROM app.audit_index AS i WHERE $2 = 'project_id' AND i.tenant_id = $1 AND i.project_id = $5
                    UNION ALL
                   SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'time' AND i.tenant_id = $1 AND i.at >= $9 AND i.at <= $10
                    UNION ALL
                   SELECT * FROM app.audit_index AS i WHERE $2 = 'action' AND i.tenant_id = $1 AND i.action = $6
                    UNION ALL
                   SELECT * FROM app.audit_index AS i
                    WHERE $2 = 'entity_type' AND i.tenant_id = $1 AND i.entity_type = $7
                    UNION ALL
                   SELECT * FROM app.audit_index AS i WHERE $2 = 'all' AND i.tenant_id = $1
              ) AS each
             WHERE ($3::uuid IS NULL OR each.entity_id = $3)
               AND ($4::uuid IS NULL OR each.actor_id = $4)
               AND ($5::uuid IS NULL OR each.project_id = $5)
               AND ($6::text IS NULL OR each.action = $6)
               AND ($7::text IS NULL OR each.entity_type = $7)
               AND ($8::text IS NULL OR each.actor_type = $8)
               AND each.at >= $9::timestamptz AND each.at <= $10::timestamptz
               AND NOT ($11 AND (each.entity_type = 'api_key' OR each.action IN ('tenant_updated', 'key_rotated')))
             LIMIT $12) AS counted
"""

SECRETS = """
    SELECT (SELECT count(*) FROM app.audit_index AS i WHERE i.tenant_id = $1 AND i.entity_type = 'api_key')
         + (SELECT count(*)
              FROM app.audit_index AS i
             WHERE i.tenant_id = $1 AND i.action IN ('tenant_updated', 'key_rotated'))
"""

LOG_SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"

HISTORY = """
    SELECT l.entry
      FROM (
           SELECT each.position
             FROM (
                  SELECT i.position FROM app.audit_index AS i
                   WHERE i.tenant_id = $1 AND i.entity_id = $2 AND i.entity_type = 'story'
                   UNION ALL
                  SELECT i.position FROM app.audit_index AS i
                   WHERE i.tenant_id = $1 AND i.story_id = $2
             ) AS each
            ORDER BY each.position
            LIMIT $3 OFFSET $4
      ) AS found
      JOIN app.log_entry AS l ON l.tenant_id = $1 AND l.position = found.position
     ORDER BY found.position
"""

HISTORY_LENGTH = """
    SELECT (SELECT count(*)
              FROM app.audit_index AS i
             WHERE i.tenant_id = $1 AND i.entity_id = $2 AND i.entity_type = 'story')
         + (SELECT count(*) FROM app.audit_index AS i WHERE i.tenant_id = $1 AND i.story_id = $2)
"""

WHOLE = 2**62
MOST_COUNTED = 100_000
"""Of a filtered trail; counting on would read all of a log of millions for each page."""
BEGINNING = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
END = datetime.fromisoformat("9999-12-30T00:00:00+00:00")


class TrailFilter(Struct, frozen=True, kw_only=True):
    """None filters nothing; ``first`` and ``last`` are times, both included. All hold together. ``secretive`` leaves
    out what happened to keys and settings."""

    entity_id: UUID | None = None
    actor_id: UUID | None = None
    project_id: UUID | None = None
    action: str | None = None
    entity_type: str | None = None
    actor_type: str | None = None
    first: datetime | None = None
    last: datetime | None = None
    secretive: bool = False

    @property
    def way(self) -> str:
        """The index to walk: what narrows most comes first."""
        for name in ("entity_id", "actor_id", "project_id"):
            if getattr(self, name) is not None:
                return name
        if self.first or self.last:
            return "time"
        return "action" if self.action is not None else "entity_type" if self.entity_type is not None else "all"


async def read_trail(
    tx: TenantTx, codec: Codec, wanted: TrailFilter, limit: int, offset: int
) -> tuple[Sequence[Recorded], int]:
    """Newest first; and how many there are on all pages, of a filtered trail up to `MOST_COUNTED`."""
    if wanted == TrailFilter():
        total = await tx.fetchval(LOG_SIZE, tx.tenant_id)
        end = max(0, total - offset)
        return [*reversed(await read_picked(tx, codec, range(max(0, end - limit), end)))], total
    arguments = (
        tx.tenant_id, wanted.way, wanted.entity_id, wanted.actor_id, wanted.project_id, wanted.action,
        wanted.entity_type, wanted.actor_type, wanted.first or BEGINNING, wanted.last or END,
    )  # fmt: skip
    rows: list[Any] = await tx.fetch(TRAIL, *arguments, limit, offset, WHOLE, wanted.secretive)
    if wanted == TrailFilter(secretive=True):
        total = await tx.fetchval(LOG_SIZE, tx.tenant_id) - await tx.fetchval(SECRETS, tx.tenant_id)
    else:
        total = await tx.fetchval(TRAIL_LENGTH, *arguments, wanted.secretive, MOST_COUNTED)
    return await decoded(tx, codec, rows), total


async def read_history(
    tx: TenantTx, codec: Codec, story_id: UUID, limit: int, offset: int
) -> tuple[Sequence[Recorded], int]:
    """Of a story, whether it is still there or not, oldest first; and how many there are on all pages."""
    rows: list[Any] = await tx.fetch(HISTORY, tx.tenant_id, story_id, limit, offset)
    total = await tx.fetchval(HISTORY_LENGTH, tx.tenant_id, story_id)
    return await decoded(tx, codec, rows), total
