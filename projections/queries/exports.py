"""Everything in a project, read from one snapshot."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.epic import Epic
from domain.numbering import parse_story_number
from domain.project import Project
from domain.story import Story, StoryText
from eventstore.database.transaction import TenantTx
from projections.rows.epics import EPICS
from projections.rows.projects import find_project
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

EPIC_ROWS = "SELECT * FROM app.epic WHERE tenant_id = $1 AND project_id = $2 ORDER BY number"

STORY_ROWS = """
    SELECT s.*, t.description, t.acceptance_criteria, t.metadata, t.criteria_checks
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = s.tenant_id AND t.story_id = s.story_id
     WHERE s.tenant_id = $1 AND s.project_id = $2
     ORDER BY s.major, s.minor, s.number
"""

STORY_EDGES = "SELECT dependent_id, prerequisite_id FROM app.story_dependency WHERE tenant_id = $1 AND project_id = $2"

EPIC_EDGES = "SELECT dependent_id, prerequisite_id FROM app.epic_dependency WHERE tenant_id = $1 AND project_id = $2"


class Exported(Struct, frozen=True, kw_only=True):
    """Sorted by number. Edges are numbers of dependent and prerequisite."""

    project: Project
    epics: list[Epic]
    stories: list[tuple[Story, StoryText]]
    story_edges: list[tuple[str, str]]
    epic_edges: list[tuple[int, int]]


async def read_everything(tx: TenantTx, project_id: UUID) -> Exported | None:
    """None when there is no such project. Must be the first that the transaction does."""
    await tx.execute(ONE_MOMENT)
    project = await find_project(tx, project_id)
    if project is None:
        return None
    epics = [EPICS.from_row(row) for row in await tx.fetch(EPIC_ROWS, tx.tenant_id, project_id)]
    rows = await tx.fetch(STORY_ROWS, tx.tenant_id, project_id)
    stories = [(STORIES.from_row(row), STORY_TEXTS.from_row(row)) for row in rows]
    epic_numbers = {epic.epic_id: epic.number for epic in epics}
    numbers = {story.story_id: story.number for story, _ in stories}
    story_edges: list[Any] = await tx.fetch(STORY_EDGES, tx.tenant_id, project_id)
    epic_edges: list[Any] = await tx.fetch(EPIC_EDGES, tx.tenant_id, project_id)
    return Exported(
        project=project,
        epics=epics,
        stories=stories,
        story_edges=sorted(
            ((numbers[one], numbers[other]) for one, other in story_edges), key=lambda edge: tuple(map(_order, edge))
        ),
        epic_edges=sorted((epic_numbers[one], epic_numbers[other]) for one, other in epic_edges),
    )


def _order(number: str) -> Any:
    return parse_story_number(number)
