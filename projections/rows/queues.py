"""What is ready and what is blocked, from the rows that app.work_queue keeps."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from projections.rows.stories import StoryPage

Queue = Literal["ready", "blocked"]

# The status of a project is a sub-select of its own, so that the rows are read in the order of their index and no
# further than the page, for which alone versions are looked up; counting has to see all of them anyway, and joins.
READY_ANYWHERE = """
    SELECT page.story_id, page.epic_id,
           (SELECT concat_ws('.', s.position, s.xmin)
              FROM app.story AS s
             WHERE s.tenant_id = $1 AND s.story_id = page.story_id) AS version
      FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.pending AND q.waits_for = 0
               AND (SELECT p.status
                      FROM app.project AS p
                     WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
             ORDER BY q.major, q.minor, q.story_id
             LIMIT $2 OFFSET $3) AS page
     ORDER BY page.major, page.minor, page.story_id
"""

READY_IN_PROJECT = """
    SELECT page.story_id, page.epic_id,
           (SELECT concat_ws('.', s.position, s.xmin)
              FROM app.story AS s
             WHERE s.tenant_id = $1 AND s.story_id = page.story_id) AS version
      FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.project_id = $4 AND q.pending AND q.waits_for = 0
             ORDER BY q.major, q.minor, q.story_id
             LIMIT $2 OFFSET $3) AS page
     ORDER BY page.major, page.minor, page.story_id
"""

READY_IN_EPIC = """
    SELECT page.story_id, page.epic_id, page.total,
           (SELECT concat_ws('.', s.position, s.xmin)
              FROM app.story AS s
             WHERE s.tenant_id = $1 AND s.story_id = page.story_id) AS version
      FROM (SELECT q.story_id, q.epic_id, q.major, q.minor, count(*) OVER () AS total
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.epic_id = $5 AND q.pending AND q.waits_for = 0
               AND CASE WHEN $4::uuid IS NULL
                        THEN (SELECT p.status
                                FROM app.project AS p
                               WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
                        ELSE q.project_id = $4 END
             ORDER BY q.major, q.minor, q.story_id
             LIMIT $2 OFFSET $3) AS page
     ORDER BY page.major, page.minor, page.story_id
"""

BLOCKED_ANYWHERE = """
    SELECT page.story_id, page.epic_id,
           (SELECT concat_ws('.', s.position, s.xmin)
              FROM app.story AS s
             WHERE s.tenant_id = $1 AND s.story_id = page.story_id) AS version
      FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.waits_for > 0
               AND (SELECT p.status
                      FROM app.project AS p
                     WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
             ORDER BY q.major, q.minor, q.story_id
             LIMIT $2 OFFSET $3) AS page
     ORDER BY page.major, page.minor, page.story_id
"""

BLOCKED_IN_PROJECT = """
    SELECT page.story_id, page.epic_id,
           (SELECT concat_ws('.', s.position, s.xmin)
              FROM app.story AS s
             WHERE s.tenant_id = $1 AND s.story_id = page.story_id) AS version
      FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.project_id = $4 AND q.waits_for > 0
             ORDER BY q.major, q.minor, q.story_id
             LIMIT $2 OFFSET $3) AS page
     ORDER BY page.major, page.minor, page.story_id
"""

BLOCKED_IN_EPIC = """
    SELECT page.story_id, page.epic_id, page.total,
           (SELECT concat_ws('.', s.position, s.xmin)
              FROM app.story AS s
             WHERE s.tenant_id = $1 AND s.story_id = page.story_id) AS version
      FROM (SELECT q.story_id, q.epic_id, q.major, q.minor, count(*) OVER () AS total
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.epic_id = $5 AND q.waits_for > 0
               AND CASE WHEN $4::uuid IS NULL
                        THEN (SELECT p.status
                                FROM app.project AS p
                               WHERE p.tenant_id = $1 AND p.project_id = q.project_id) = 'active'
                        ELSE q.project_id = $4 END
             ORDER BY q.major, q.minor, q.story_id
             LIMIT $2 OFFSET $3) AS page
     ORDER BY page.major, page.minor, page.story_id
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


async def queued(tx: TenantTx, queue: Queue, wanted: QueueFilter, limit: int, offset: int) -> StoryPage:
    """In the order of their numbers; rows say ``epic_id`` as well."""
    if wanted.epic_id is not None:
        return await _in_epic(tx, IN_EPIC[queue], (wanted.project_id, wanted.epic_id), limit, offset)
    statements, of = (IN_PROJECT, (wanted.project_id,)) if wanted.project_id else (ANYWHERE, ())
    page, count = statements[queue]
    rows = await tx.fetch(page, tx.tenant_id, limit, offset, *of)
    if offset == 0 and len(rows) < limit:  # all of them: there is nothing left to count
        return StoryPage(rows, len(rows))
    return StoryPage(rows, await tx.fetchval(count, tx.tenant_id, *of))


async def _in_epic(tx: TenantTx, statement: str, of: tuple[UUID | None, UUID], limit: int, offset: int) -> StoryPage:
    rows = await tx.fetch(statement, tx.tenant_id, limit, offset, *of)
    counted = rows if rows or not offset else await tx.fetch(statement, tx.tenant_id, 1, 0, *of)
    return StoryPage(rows, counted[0]["total"] if counted else 0)
