"""What is ready and what waits. A change touches only what depends on it (spec 01, section 2.11).

A row stands for a story that nobody works on yet. ``waits_for`` is counted anew for the rows that a change can have
reached: stories that came (back) into the queue, dependents of a story whose confirmation changed, both ends of a new
or lost dependency, and the stories of epics that depend on an epic which was completed or is no longer complete.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.dependency import Dependency
from domain.story import Story
from eventstore.database.asking import Ask
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Moved
from projections.rows.epic_progress import Crossing
from projections.rows.stories import StoryPage, page_of_rows

LEAVE = "DELETE FROM app.work_queue WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"

ENTER = """
    INSERT INTO app.work_queue AS q
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.work_queue, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
        ON CONFLICT (tenant_id, story_id) DO UPDATE SET pending = excluded.pending, priority = excluded.priority
"""

# Each look is a sub-select that the planner cannot join (OFFSET 0): it keeps plans from when the tables were empty, and
# must not read a tenant's whole queue for a handful of stories (measured: 18 ms at 100,000 stories as joins).
COUNT = """
    WITH reached AS (
        SELECT id AS story_id FROM unnest($2::uuid[]) AS asked (id)
         UNION
        SELECT d.dependent_id
          FROM unnest($3::uuid[]) AS changed (id)
         CROSS JOIN LATERAL (
               SELECT o.dependent_id
                 FROM app.story_dependency AS o
                WHERE o.tenant_id = $1 AND o.prerequisite_id = changed.id
               OFFSET 0) AS d
         UNION
        SELECT q.story_id
          FROM (SELECT d.dependent_id AS epic_id
                  FROM unnest($4::uuid[]) AS changed (id)
                 CROSS JOIN LATERAL (
                       SELECT o.dependent_id
                         FROM app.epic_dependency AS o
                        WHERE o.tenant_id = $1 AND o.prerequisite_id = changed.id
                       OFFSET 0) AS d
                 UNION
                SELECT id FROM unnest($5::uuid[]) AS changed (id)) AS epics
         CROSS JOIN LATERAL (
               SELECT o.story_id FROM app.work_queue AS o WHERE o.tenant_id = $1 AND o.epic_id = epics.epic_id OFFSET 0
         ) AS q
    )
    UPDATE app.work_queue AS q
       SET waits_for = (
               SELECT count(*)
                 FROM app.story_dependency AS d
                WHERE d.tenant_id = $1 AND d.dependent_id = q.story_id
                  AND (SELECT s.verified_status
                         FROM app.story AS s
                        WHERE s.tenant_id = $1 AND s.story_id = d.prerequisite_id) <> 'verified')
             + (
               SELECT count(*)
                 FROM app.epic_dependency AS d
                WHERE d.tenant_id = $1 AND d.dependent_id = q.epic_id
                  AND (SELECT p.stories > p.verified
                         FROM app.epic_progress AS p
                        WHERE p.tenant_id = $1 AND p.epic_id = d.prerequisite_id))
     WHERE q.tenant_id = $1
       AND q.ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM reached
                CROSS JOIN LATERAL (
                      SELECT o.ctid
                        FROM app.work_queue AS o
                       WHERE o.tenant_id = $1 AND o.story_id = reached.story_id
                       LIMIT 1
                ) AS found))
"""


async def apply(tx: TenantTx, moved: Sequence[Moved[Story]]) -> None:
    """Who leaves and who enters. `recount` comes after it."""
    leaving, entering = leaving_of(moved), entering_of(moved)
    if leaving:
        await tx.execute(LEAVE, tx.tenant_id, leaving)
    if entering:
        await tx.execute(ENTER, tx.tenant_id, msgspec.json.encode(entering).decode())


def leaving_of(moved: Sequence[Moved[Story]]) -> list[UUID]:
    return [each.id for each in moved if _open(each.before) and not _open(each.after)]


def entering_of(moved: Sequence[Moved[Story]]) -> list[dict[str, Any]]:
    """Rows of those that are new here or shown otherwise."""
    return [_row(each.after) for each in moved if each.after and _shown(each.after) not in (None, _shown(each.before))]


def reached_by(moved: Sequence[Moved[Story]]) -> tuple[list[UUID], list[UUID]]:
    """Those whose own prerequisites are to be counted, and those whose dependents' are."""
    returned = [each.id for each in moved if _open(each.after) and not _open(each.before)]
    return returned, [each.id for each in moved if _is_verified(each.before) != _is_verified(each.after)]


async def recount(
    tx: TenantTx,
    moved: Sequence[Moved[Story]],
    crossings: Sequence[Crossing],
    story_edges: Sequence[Moved[Dependency]],
    epic_edges: Sequence[Moved[Dependency]],
) -> None:
    """After the stories, the dependencies, the progress of epics and `apply`, from what those moved."""
    stories, confirmed = reached_by(moved)
    stories += [edge.dependent_id for each in story_edges for edge in (each.before, each.after) if edge]
    epics = [crossing.epic_id for crossing in crossings]
    dependents = [edge.dependent_id for each in epic_edges for edge in (each.before, each.after) if edge]
    if stories or confirmed or epics or dependents:
        await tx.execute(COUNT, tx.tenant_id, stories, confirmed, epics, dependents)


def _open(story: Story | None) -> bool:
    return story is not None and story.verified_status != "verified" and story.agent_status in ("pending", "contracted")


def _shown(story: Story | None) -> object:
    return (story.agent_status, story.priority) if _open(story) and story else None


def _is_verified(story: Story | None) -> bool:
    return story is not None and story.verified_status == "verified"


def _row(story: Story) -> dict[str, Any]:
    return {
        "story_id": story.story_id,
        "project_id": story.project_id,
        "epic_id": story.epic_id,
        "major": story.major,
        "minor": story.minor,
        "pending": story.agent_status == "pending",
        "waits_for": 0,
        "priority": story.priority,
    }


# Ranked among the first that are ready, so that a project with thousands of them is not counted through for each claim.
BEST = """
    SELECT first.story_id
      FROM (SELECT q.story_id, q.priority, q.major, q.minor
              FROM app.work_queue AS q
             WHERE q.tenant_id = $1 AND q.project_id = $2 AND q.pending AND q.waits_for = 0
             ORDER BY q.priority, q.major, q.minor, q.story_id
             LIMIT 200) AS first
     ORDER BY first.priority,
              (SELECT count(*)
                 FROM app.story_dependency AS d
                 JOIN app.work_queue AS w ON w.tenant_id = $1 AND w.story_id = d.dependent_id
                WHERE d.tenant_id = $1 AND d.prerequisite_id = first.story_id) DESC,
              first.major, first.minor, first.story_id
     LIMIT $3
"""


async def best_ready(tx: TenantTx, project_id: UUID, most: int) -> Sequence[UUID]:
    """Ready stories of a project, the most urgent first, of these first those that most others wait for."""
    return [row["story_id"] for row in await tx.fetch(BEST, tx.tenant_id, project_id, most)]


READY = "SELECT story_id, epic_id, version, total FROM app.list_ready($1, $2, $3, $4, $5)"

# The status of a project is a sub-select of its own, so that the rows are read in the order of their index and no
# further than the page, for which alone versions are looked up; counting has to see all of them anyway, and joins.
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

COUNT_BLOCKED = """
    SELECT count(*)
      FROM app.work_queue AS q
      JOIN app.project AS p ON p.tenant_id = $1 AND p.project_id = q.project_id AND p.status = 'active'
     WHERE q.tenant_id = $1 AND q.waits_for > 0
"""

COUNT_BLOCKED_IN_PROJECT = """
    SELECT count(*) FROM app.work_queue WHERE tenant_id = $1 AND project_id = $2 AND waits_for > 0
"""


class QueueFilter(Struct, frozen=True, kw_only=True):
    """None filters nothing. Archived projects are left out unless one is named."""

    project_id: UUID | None = None
    epic_id: UUID | None = None


async def list_ready(ask: Ask, tenant_id: UUID, wanted: QueueFilter, limit: int, offset: int) -> StoryPage:
    """The most urgent first, of one priority in the order of their numbers."""
    return page_of_rows(await ask(READY, tenant_id, wanted.project_id, wanted.epic_id, limit, offset))


async def list_blocked(tx: TenantTx, wanted: QueueFilter, limit: int, offset: int) -> StoryPage:
    """In the order of their numbers; rows say ``epic_id`` as well."""
    if wanted.epic_id is not None:
        return await _blocked_in_epic(tx, (wanted.project_id, wanted.epic_id), limit, offset)
    page, count, of = (
        (BLOCKED_IN_PROJECT, COUNT_BLOCKED_IN_PROJECT, (wanted.project_id,))
        if wanted.project_id
        else (BLOCKED_ANYWHERE, COUNT_BLOCKED, ())
    )
    rows = await tx.fetch(page, tx.tenant_id, limit, offset, *of)
    if offset == 0 and len(rows) < limit:  # all of them: there is nothing left to count
        return StoryPage(rows, len(rows))
    return StoryPage(rows, await tx.fetchval(count, tx.tenant_id, *of))


async def _blocked_in_epic(tx: TenantTx, of: tuple[UUID | None, UUID], limit: int, offset: int) -> StoryPage:
    rows = await tx.fetch(BLOCKED_IN_EPIC, tx.tenant_id, limit, offset, *of)
    counted = rows if rows or not offset else await tx.fetch(BLOCKED_IN_EPIC, tx.tenant_id, 1, 0, *of)
    return StoryPage(rows, counted[0]["total"] if counted else 0)
