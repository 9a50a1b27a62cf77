"""What is ready and what is blocked, from the rows that app.work_queue keeps."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx

Queue = Literal["ready", "blocked"]

# The status of a project is a sub-select of its own, so that the rows are read in the order of their index and no
# further than the page; counting has to see all of them anyway, and joins.
READY_ANYWHERE = """
    SELECT q.story_id
      FROM app.work_queue AS q
     WHERE q.tenant_id = $1 AND q.pending AND q.waits_for = 0
       AND (SELECT p.status FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
     ORDER BY q.major, q.minor, q.story_id
     LIMIT $2 OFFSET $3
"""

READY_IN_PROJECT = """
    SELECT q.story_id
      FROM app.work_queue AS q
     WHERE q.tenant_id = $1 AND q.project_id = $4 AND q.pending AND q.waits_for = 0
     ORDER BY q.major, q.minor, q.story_id
     LIMIT $2 OFFSET $3
"""

READY_IN_EPIC = """
    SELECT q.story_id
      FROM app.work_queue AS q
     WHERE q.tenant_id = $1 AND q.epic_id = $5 AND q.pending AND q.waits_for = 0
       AND CASE WHEN $4::uuid IS NULL
                THEN (SELECT p.status
                        FROM app.project AS p
                       WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
                ELSE q.project_id = $4 END
     ORDER BY q.major, q.minor, q.story_id
     LIMIT $2 OFFSET $3
"""

BLOCKED_ANYWHERE = """
    SELECT q.story_id
      FROM app.work_queue AS q
     WHERE q.tenant_id = $1 AND q.waits_for > 0
       AND (SELECT p.status FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
     ORDER BY q.major, q.minor, q.story_id
     LIMIT $2 OFFSET $3
"""

BLOCKED_IN_PROJECT = """
    SELECT q.story_id
      FROM app.work_queue AS q
     WHERE q.tenant_id = $1 AND q.project_id = $4 AND q.waits_for > 0
     ORDER BY q.major, q.minor, q.story_id
     LIMIT $2 OFFSET $3
"""

BLOCKED_IN_EPIC = """
    SELECT q.story_id
      FROM app.work_queue AS q
     WHERE q.tenant_id = $1 AND q.epic_id = $5 AND q.waits_for > 0
       AND CASE WHEN $4::uuid IS NULL
                THEN (SELECT p.status
                        FROM app.project AS p
                       WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
                ELSE q.project_id = $4 END
     ORDER BY q.major, q.minor, q.story_id
     LIMIT $2 OFFSET $3
"""

COUNT_READY = """
    SELECT count(*)
      FROM app.work_queue AS q
      JOIN app.project AS p ON p.tenant_id = $1 AND p.project_id = q.project_id AND p.status = 'active'
     WHERE q.tenant_id = $1 AND q.pending AND q.waits_for = 0
"""

COUNT_READY_IN_PROJECT = """
    SELECT count(*) FROM app.work_queue WHERE tenant_id = $1 AND project_id = $2 AND pending AND waits_for = 0
"""

COUNT_BLOCKED = """
    SELECT count(*)
      FROM app.work_queue AS q
      JOIN app.project AS p ON p.tenant_id = $1 AND p.project_id = q.project_id AND p.status = 'active'
     WHERE q.tenant_id = $1 AND q.waits_for > 0
"""

COUNT_BLOCKED_IN_PROJECT = """
    SELECT count(*) FROM app.work_queue WHERE tenant_id = $1 AND project_id = $2 AND waits_for > 0
"""

IN_EPIC: Mapping[Queue, str] = {"ready": READY_IN_EPIC, "blocked": BLOCKED_IN_EPIC}
IN_PROJECT: Mapping[Queue, tuple[str, str]] = {
    "ready": (READY_IN_PROJECT, COUNT_READY_IN_PROJECT),
    "blocked": (BLOCKED_IN_PROJECT, COUNT_BLOCKED_IN_PROJECT),
}
ANYWHERE: Mapping[Queue, tuple[str, str]] = {
    "ready": (READY_ANYWHERE, COUNT_READY),
    "blocked": (BLOCKED_ANYWHERE, COUNT_BLOCKED),
}


class QueueFilter(Struct, frozen=True, kw_only=True):
    """None filters nothing. Archived projects are left out unless one is named."""

    project_id: UUID | None = None
    epic_id: UUID | None = None


async def queued(tx: TenantTx, queue: Queue, wanted: QueueFilter, limit: int, offset: int) -> tuple[list[UUID], int]:
    """Stories of a page in the order of their numbers, and how many there are on all pages."""
    if wanted.epic_id is not None:
        arguments = (wanted.project_id, wanted.epic_id)
        rows = await tx.fetch(IN_EPIC[queue], tx.tenant_id, None, 0, *arguments)
        ids = _ids(rows)
        return ids[offset : offset + limit], len(ids)
    if wanted.project_id is not None:
        page, count = IN_PROJECT[queue]
        ids = _ids(await tx.fetch(page, tx.tenant_id, limit, offset, wanted.project_id))
        total: int = (
            len(ids) if _is_all(ids, limit, offset) else await tx.fetchval(count, tx.tenant_id, wanted.project_id)
        )
        return ids, total
    page, count = ANYWHERE[queue]
    ids = _ids(await tx.fetch(page, tx.tenant_id, limit, offset))
    return ids, len(ids) if _is_all(ids, limit, offset) else await tx.fetchval(count, tx.tenant_id)


def _is_all(ids: list[UUID], limit: int, offset: int) -> bool:
    """The first page was not full: nothing is left to count."""
    return offset == 0 and len(ids) < limit


def _ids(rows: list[Any]) -> list[UUID]:
    return [row["story_id"] for row in rows]
