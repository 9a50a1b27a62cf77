"""Stories with their texts: one, or pages of them in the order of their numbers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.story import Story, StoryText
from eventstore.database.transaction import TenantTx
from projections.rows.epic_progress import epic_progress, project_progress
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

SHOW = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks,
           (SELECT p.mission FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = s.project_id) AS mission,
           ARRAY(SELECT d.prerequisite_id
                   FROM app.story_dependency AS d
                  WHERE d.tenant_id = $1 AND d.dependent_id = $2
                  ORDER BY d.position, d.dependency_id) AS depends_on
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = $2
     WHERE s.tenant_id = $1 AND s.story_id = $2
"""

# The page is cut before texts are looked up; a number is looked up by its own index.
IN_PROJECT = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks
      FROM (SELECT *
              FROM app.story
             WHERE tenant_id = $1 AND project_id = $2
               AND ($3::text IS NULL OR agent_status = $3) AND ($4::text IS NULL OR verified_status = $4)
             ORDER BY major, minor, story_id
             LIMIT $5 OFFSET $6) AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = s.story_id
     ORDER BY s.major, s.minor, s.story_id
"""

IN_EPIC = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks
      FROM (SELECT *
              FROM app.story
             WHERE tenant_id = $1 AND epic_id = $2
               AND ($3::text IS NULL OR agent_status = $3) AND ($4::text IS NULL OR verified_status = $4)
             ORDER BY major, minor, story_id
             LIMIT $5 OFFSET $6) AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = s.story_id
     ORDER BY s.major, s.minor, s.story_id
"""

BY_NUMBER = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = s.story_id
     WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.number = $3
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
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks
      FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (id, place)
     CROSS JOIN LATERAL (
           SELECT * FROM app.story AS o WHERE o.tenant_id = $1 AND o.story_id = asked.id LIMIT 1
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
    story: Story
    text: StoryText


class ShownStory(Struct, frozen=True):
    """``depends_on`` are the stories that it waits for directly, oldest dependency first."""

    story: Story
    text: StoryText
    depends_on: Sequence[UUID]
    mission: str | None
    """Of its project."""


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


async def show_story(tx: TenantTx, story_id: UUID) -> ShownStory | None:
    row = await tx.fetchrow(SHOW, tx.tenant_id, story_id)
    if row is None:
        return None
    return ShownStory(STORIES.from_row(row), STORY_TEXTS.from_row(row), row["depends_on"], row["mission"])


async def stories_by_id(tx: TenantTx, ids: Sequence[UUID]) -> Sequence[StoryWithText]:
    """Those that exist, in the order of ``ids``."""
    return [_with_text(row) for row in await tx.fetch(BY_ID, tx.tenant_id, ids)] if ids else []


async def list_stories(
    tx: TenantTx, wanted: StoryFilter, limit: int, offset: int
) -> tuple[Sequence[StoryWithText], int]:
    """A page, and how many there are on all of them."""
    if wanted.number is not None:
        rows = await tx.fetch(BY_NUMBER, tx.tenant_id, wanted.project_id, wanted.number)
        found = [each for each in map(_with_text, rows) if wanted.lets_through(each.story)]
        return found[offset : offset + limit], len(found)
    both = wanted.epic_id and wanted.project_id
    if both and not await tx.fetchval(IS_OF_PROJECT, tx.tenant_id, wanted.epic_id, wanted.project_id):
        return [], 0
    statement, owner = (IN_EPIC, wanted.epic_id) if wanted.epic_id else (IN_PROJECT, wanted.project_id)
    rows = await tx.fetch(
        statement, tx.tenant_id, owner, wanted.agent_status, wanted.verified_status, limit, offset
    )  # fmt: skip
    return list(map(_with_text, rows)), await _count(tx, wanted)


async def story_lines(tx: TenantTx, epics: Sequence[UUID]) -> Sequence[Any]:
    """The stories of epics in a few words, in the order of their numbers."""
    return await tx.fetch(LINES, tx.tenant_id, epics)


async def _count(tx: TenantTx, wanted: StoryFilter) -> int:
    """Of one status it is known from the progress; only both together have to be counted."""
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


def _with_text(row: Any) -> StoryWithText:
    return StoryWithText(STORIES.from_row(row), STORY_TEXTS.from_row(row))
