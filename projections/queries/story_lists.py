"""Stories with their texts: one, or pages of them in the order of their numbers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.story import Story, StoryText
from eventstore.database.transaction import TenantTx
from projections.rows.epic_progress import epic_progress, project_progress
from projections.rows.stories import STORIES, StoryPage
from projections.rows.story_texts import STORY_TEXTS

# xmin changes with every write of a row, be it by an event, by a rebuild from the log or by hand. Dependencies come and
# go: they are all named, so that one that was there for a moment leaves no trace.
VERSION = """
    SELECT ROW(s.position, s.xmin,
               (SELECT p.position FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = s.project_id),
               ARRAY(SELECT d.position FROM app.story_dependency AS d WHERE d.tenant_id = $1 AND d.dependent_id = $2),
               (SELECT a.xmin
                  FROM app.artifact AS a
                 WHERE a.tenant_id = $1 AND a.story_id = $2
                 ORDER BY a.position DESC
                 LIMIT 1),
               (SELECT v.xmin
                  FROM app.verification AS v
                 WHERE v.tenant_id = $1 AND v.story_id = $2
                 ORDER BY v.position DESC
                 LIMIT 1))::text
      FROM app.story AS s
     WHERE s.tenant_id = $1 AND s.story_id = $2
"""

# With the version of the same moment, word for word as above.
SHOW = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks,
           (SELECT p.mission FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = s.project_id) AS mission,
           ARRAY(SELECT d.prerequisite_id
                   FROM app.story_dependency AS d
                  WHERE d.tenant_id = $1 AND d.dependent_id = $2
                  ORDER BY d.position, d.dependency_id) AS depends_on,
           ROW(s.position, s.xmin,
               (SELECT p.position FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = s.project_id),
               ARRAY(SELECT d.position FROM app.story_dependency AS d WHERE d.tenant_id = $1 AND d.dependent_id = $2),
               (SELECT a.xmin
                  FROM app.artifact AS a
                 WHERE a.tenant_id = $1 AND a.story_id = $2
                 ORDER BY a.position DESC
                 LIMIT 1),
               (SELECT v.xmin
                  FROM app.verification AS v
                 WHERE v.tenant_id = $1 AND v.story_id = $2
                 ORDER BY v.position DESC
                 LIMIT 1))::text AS version
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = $2
     WHERE s.tenant_id = $1 AND s.story_id = $2
"""

# Of one status the total is known from the progress; only both together have to be counted.
IN_PROJECT = """
    SELECT s.story_id, concat_ws('.', s.position, s.xmin) AS version,
           CASE WHEN $3::text IS NULL OR $4::text IS NULL
                THEN (SELECT sum(CASE coalesce($3, $4)
                                 WHEN 'pending' THEN p.pending
                                 WHEN 'contracted' THEN p.contracted
                                 WHEN 'assigned' THEN p.assigned
                                 WHEN 'implementing' THEN p.implementing
                                 WHEN 'reported_done' THEN p.reported_done
                                 WHEN 'unverified' THEN p.unverified
                                 WHEN 'verified' THEN p.verified
                                 WHEN 'rejected' THEN p.rejected
                                 ELSE p.stories END)
                        FROM app.epic_progress AS p
                       WHERE p.tenant_id = $1 AND p.project_id = $2)
                ELSE (SELECT count(*)
                        FROM app.story AS o
                       WHERE o.tenant_id = $1 AND o.project_id = $2 AND o.agent_status = $3
                         AND o.verified_status = $4) END AS total
      FROM app.story AS s
     WHERE s.tenant_id = $1 AND s.project_id = $2
       AND ($3::text IS NULL OR s.agent_status = $3) AND ($4::text IS NULL OR s.verified_status = $4)
     ORDER BY s.major, s.minor, s.story_id
     LIMIT $5 OFFSET $6
"""

IN_EPIC = """
    SELECT s.story_id, concat_ws('.', s.position, s.xmin) AS version,
           CASE WHEN $3::text IS NULL OR $4::text IS NULL
                THEN (SELECT CASE coalesce($3, $4)
                             WHEN 'pending' THEN p.pending
                             WHEN 'contracted' THEN p.contracted
                             WHEN 'assigned' THEN p.assigned
                             WHEN 'implementing' THEN p.implementing
                             WHEN 'reported_done' THEN p.reported_done
                             WHEN 'unverified' THEN p.unverified
                             WHEN 'verified' THEN p.verified
                             WHEN 'rejected' THEN p.rejected
                             ELSE p.stories END
                        FROM app.epic_progress AS p
                       WHERE p.tenant_id = $1 AND p.epic_id = $2)
                ELSE (SELECT count(*)
                        FROM app.story AS o
                       WHERE o.tenant_id = $1 AND o.epic_id = $2 AND o.agent_status = $3
                         AND o.verified_status = $4) END AS total
      FROM app.story AS s
     WHERE s.tenant_id = $1 AND s.epic_id = $2
       AND ($3::text IS NULL OR s.agent_status = $3) AND ($4::text IS NULL OR s.verified_status = $4)
       AND ($7::uuid IS NULL OR s.project_id = $7)
     ORDER BY s.major, s.minor, s.story_id
     LIMIT $5 OFFSET $6
"""

BY_NUMBER = """
    SELECT s.story_id, concat_ws('.', s.position, s.xmin) AS version
      FROM app.story AS s
     WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.number = $3
       AND ($4::text IS NULL OR s.agent_status = $4) AND ($5::text IS NULL OR s.verified_status = $5)
       AND ($6::uuid IS NULL OR s.epic_id = $6)
"""

COUNT_BOTH_IN_PROJECT = """
    SELECT count(*)
      FROM app.story
     WHERE tenant_id = $1 AND project_id = $2 AND agent_status = $3 AND verified_status = $4
"""

COUNT_BOTH_IN_EPIC = """
    SELECT count(*)
      FROM app.story
     WHERE tenant_id = $1 AND epic_id = $2 AND agent_status = $3 AND verified_status = $4
"""

BY_ID = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks,
           concat_ws('.', s.position, s.written) AS version
      FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (id, place)
     CROSS JOIN LATERAL (
           SELECT o.*, o.xmin AS written FROM app.story AS o WHERE o.tenant_id = $1 AND o.story_id = asked.id LIMIT 1
     ) AS s
     CROSS JOIN LATERAL (
           SELECT * FROM app.story_text AS o WHERE o.tenant_id = $1 AND o.story_id = asked.id LIMIT 1
     ) AS t
     ORDER BY asked.place
"""

IS_OF_PROJECT = """
    SELECT EXISTS (SELECT FROM app.epic AS e WHERE e.tenant_id = $1 AND e.epic_id = $2 AND e.project_id = $3)
"""

LINES = """
    SELECT story_id, epic_id, number, title, agent_status, verified_status, major, minor
      FROM app.story
     WHERE tenant_id = $1 AND epic_id = ANY ($2::uuid[])
     ORDER BY major, minor, story_id
"""


class StoryWithText(Struct, frozen=True):
    """``version`` is another one after every write of the story."""

    story: Story
    text: StoryText
    version: str


class ShownStory(Struct, frozen=True):
    """``depends_on`` are the stories that it waits for directly, oldest dependency first."""

    story: Story
    text: StoryText
    depends_on: Sequence[UUID]
    mission: str | None
    """Of its project."""
    version: str
    """As `shown_version` says it."""


class StoryFilter(Struct, frozen=True, kw_only=True):
    """None filters nothing. With ``epic_id`` alone the epic's stories, with ``project_id`` as well those in both."""

    project_id: UUID | None = None
    epic_id: UUID | None = None
    agent_status: str | None = None
    verified_status: str | None = None
    number: str | None = None
    """Of a project's story, without a prefix."""

    def lets_through(self, story: Story) -> bool:
        wanted = (self.project_id, self.epic_id, self.agent_status, self.verified_status)
        found = (story.project_id, story.epic_id, story.agent_status, story.verified_status)
        return all(want is None or want == have for want, have in zip(wanted, found, strict=True))


async def shown_version(tx: TenantTx, story_id: UUID) -> str | None:
    """Another one after every change of what `show_story` returns, of the story's artifacts and of its newest
    verification. None when there is no such story."""
    found: str | None = await tx.fetchval(VERSION, tx.tenant_id, story_id)
    return found


async def show_story(tx: TenantTx, story_id: UUID) -> ShownStory | None:
    row = await tx.fetchrow(SHOW, tx.tenant_id, story_id)
    if row is None:
        return None
    story, text = STORIES.from_row(row), STORY_TEXTS.from_row(row)
    return ShownStory(story, text, row["depends_on"], row["mission"], row["version"])


async def stories_by_id(tx: TenantTx, ids: Sequence[UUID]) -> Sequence[StoryWithText]:
    """Those that exist, in the order of ``ids``."""
    rows = await tx.fetch(BY_ID, tx.tenant_id, ids) if ids else []
    return [StoryWithText(STORIES.from_row(row), STORY_TEXTS.from_row(row), row["version"]) for row in rows]


async def list_stories(tx: TenantTx, wanted: StoryFilter, limit: int, offset: int) -> StoryPage:
    """In the order of their numbers."""
    statuses = (wanted.agent_status, wanted.verified_status)
    if wanted.number is not None:
        rows = await tx.fetch(
            BY_NUMBER, tx.tenant_id, wanted.project_id, wanted.number, *statuses, wanted.epic_id
        )  # fmt: skip
        return StoryPage(rows[offset : offset + limit], len(rows))
    if wanted.epic_id:
        arguments = (wanted.epic_id, *statuses, limit, offset, wanted.project_id)
        rows = await tx.fetch(IN_EPIC, tx.tenant_id, *arguments)
    else:
        rows = await tx.fetch(IN_PROJECT, tx.tenant_id, wanted.project_id, *statuses, limit, offset)
    return StoryPage(rows, rows[0]["total"] if rows else await _count(tx, wanted))


async def story_lines(tx: TenantTx, epics: Sequence[UUID]) -> Sequence[Any]:
    """The stories of epics in a few words, in the order of their numbers."""
    return await tx.fetch(LINES, tx.tenant_id, epics)


async def _count(tx: TenantTx, wanted: StoryFilter) -> int:
    """For a page that holds no story to say so."""
    both = wanted.epic_id and wanted.project_id
    if both and not await tx.fetchval(IS_OF_PROJECT, tx.tenant_id, wanted.epic_id, wanted.project_id):
        return 0
    if wanted.agent_status and wanted.verified_status:
        statement, owner = (
            (COUNT_BOTH_IN_EPIC, wanted.epic_id) if wanted.epic_id else (COUNT_BOTH_IN_PROJECT, wanted.project_id)
        )
        total: int = await tx.fetchval(statement, tx.tenant_id, owner, wanted.agent_status, wanted.verified_status)
        return total
    if wanted.epic_id:
        progress = await epic_progress(tx, wanted.epic_id)
        return progress.count(wanted.agent_status or wanted.verified_status) if progress else 0
    if wanted.project_id is None:
        raise ValueError("stories of a project or of an epic")
    return (await project_progress(tx, wanted.project_id)).count(wanted.agent_status or wanted.verified_status)
