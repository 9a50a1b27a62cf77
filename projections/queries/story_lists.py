"""Stories with their texts: one, or pages of them in the order of their numbers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.story import Story, StoryText
from eventstore.database.asking import Ask
from eventstore.database.transaction import TenantTx
from projections.rows.stories import STORIES, StoryPage, page_of_rows
from projections.rows.story_texts import STORY_TEXTS

VERSION = "SELECT app.version_of_story($1, $2) AS version"

# With the version of the same moment, which is what the function sees.
SHOW = """
    SELECT s.*, t.*,
           (SELECT p.mission FROM app.project AS p WHERE p.tenant_id = $1 AND p.project_id = s.project_id) AS mission,
           ARRAY(SELECT d.prerequisite_id
                   FROM app.story_dependency AS d
                  WHERE d.tenant_id = $1 AND d.dependent_id = $2
                  ORDER BY d.position, d.dependency_id) AS depends_on,
           app.version_of_story($1, $2) AS version
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = $2
     WHERE s.tenant_id = $1 AND s.story_id = $2
"""

LIST = "SELECT story_id, version, total FROM app.list_stories($1, $2, $3, $4, $5, $6, $7, $8)"

BY_ID = """
    SELECT s.*, t.*,
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

# With what is asked of its details, which few lists are: those of an external id are found by its index, the others are
# looked at row by row.
DETAILED = """
    SELECT s.story_id, concat_ws('.', s.position, s.xmin) AS version, count(*) OVER () AS total
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = s.story_id
     WHERE s.tenant_id = $1
       AND ($2::uuid IS NULL OR s.project_id = $2) AND ($3::uuid IS NULL OR s.epic_id = $3)
       AND ($4::text IS NULL OR s.number = $4) AND ($5::text IS NULL OR s.agent_status = $5)
       AND ($6::text IS NULL OR s.verified_status = $6) AND ($7::text IS NULL OR s.external_id = $7)
       AND ($8::text IS NULL OR s.external_source = $8) AND ($9::text IS NULL OR $9 = ANY (t.labels))
       AND ($10::integer IS NULL OR s.priority = $10) AND ($11::text IS NULL OR t.assignee = $11)
       AND ($12::uuid IS NULL OR t.parent_id = $12)
     ORDER BY s.project_id, s.major, s.minor, s.story_id
     LIMIT $13 OFFSET $14
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
    """None filters nothing. With ``epic_id`` alone the epic's stories, with ``project_id`` as well those in both, with
    neither the tenant's."""

    project_id: UUID | None = None
    epic_id: UUID | None = None
    agent_status: str | None = None
    verified_status: str | None = None
    number: str | None = None
    """Of a story in its project, without a prefix."""
    external_id: str | None = None
    external_source: str | None = None
    label: str | None = None
    priority: int | None = None
    assignee: str | None = None
    parent_id: UUID | None = None

    @property
    def detailed(self) -> bool:
        """Whether it asks for more than a status and a place, which few lists do."""
        details = (self.external_id, self.external_source, self.label, self.priority, self.assignee, self.parent_id)
        return any(each is not None for each in details)

    def lets_through(self, story: Story) -> bool:
        wanted = (self.project_id, self.epic_id, self.agent_status, self.verified_status)
        found = (story.project_id, story.epic_id, story.agent_status, story.verified_status)
        return all(want is None or want == have for want, have in zip(wanted, found, strict=True))


async def shown_version(ask: Ask, tenant_id: UUID, story_id: UUID) -> str | None:
    """Another one after every change of what `show_story` returns, of the story's artifacts and of its newest
    verification. None when there is no such story."""
    (row,) = await ask(VERSION, tenant_id, story_id)
    found: str | None = row["version"]
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


async def list_stories(ask: Ask, tenant_id: UUID, wanted: StoryFilter, limit: int, offset: int) -> StoryPage:
    """In the order of their numbers, those of a whole tenant one project after the other."""
    where = (wanted.project_id, wanted.epic_id, wanted.number, wanted.agent_status, wanted.verified_status)
    return page_of_rows(await ask(LIST, tenant_id, *where, limit, offset))


async def list_detailed(tx: TenantTx, wanted: StoryFilter, limit: int, offset: int) -> StoryPage:
    """The same for a filter that is `detailed`."""
    where = (
        wanted.project_id, wanted.epic_id, wanted.number, wanted.agent_status, wanted.verified_status,
        wanted.external_id, wanted.external_source, wanted.label, wanted.priority, wanted.assignee, wanted.parent_id,
    )  # fmt: skip
    rows = await tx.fetch(DETAILED, tx.tenant_id, *where, limit, offset)
    counted = rows if rows or not offset else await tx.fetch(DETAILED, tx.tenant_id, *where, 1, 0)
    return StoryPage(rows, counted[0]["total"] if counted else 0)


async def story_lines(tx: TenantTx, epics: Sequence[UUID]) -> Sequence[Any]:
    """The stories of epics in a few words, in the order of their numbers."""
    return await tx.fetch(LINES, tx.tenant_id, epics)
