"""Everything in a project, read from one snapshot, a page at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

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

PAGE = 50
"""Rows of each table that are read at a time: what they may weigh at most is for memory to bear, at each export."""
AT_A_TIME = 10
"""Of them: about a millisecond's work, which is what everybody else waits for."""

EPIC_ROWS = """
    SELECT *
      FROM app.epic
     WHERE tenant_id = $1 AND project_id = $2 AND number > $3
     ORDER BY number
     LIMIT $4
"""

STORY_ROWS = """
    SELECT s.*, t.*
      FROM app.story AS s
      JOIN app.story_text AS t ON t.tenant_id = s.tenant_id AND t.story_id = s.story_id
     WHERE s.tenant_id = $1 AND s.epic_id = $2 AND (s.major, s.minor, s.number) > ($3, $4, $5)
     ORDER BY s.major, s.minor, s.number
     LIMIT $6
"""

STORY_EDGES = """
    SELECT one.number AS dependent, other.number AS prerequisite
      FROM app.story_dependency AS edge
      JOIN app.story AS one ON one.tenant_id = edge.tenant_id AND one.story_id = edge.dependent_id
      JOIN app.story AS other ON other.tenant_id = edge.tenant_id AND other.story_id = edge.prerequisite_id
     WHERE edge.tenant_id = $1 AND edge.project_id = $2
"""

EPIC_EDGES = """
    SELECT one.number AS dependent, other.number AS prerequisite
      FROM app.epic_dependency AS edge
      JOIN app.epic AS one ON one.tenant_id = edge.tenant_id AND one.epic_id = edge.dependent_id
      JOIN app.epic AS other ON other.tenant_id = edge.tenant_id AND other.epic_id = edge.prerequisite_id
     WHERE edge.tenant_id = $1 AND edge.project_id = $2
     ORDER BY one.number, other.number
"""


LOG_SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"


async def begin_export(tx: TenantTx, project_id: UUID) -> tuple[Project, int] | None:
    """With the position of the newest entry of the log that is shown; None when there is no such project. Must be the
    first that the transaction does: all that follows in it is read from the same snapshot."""
    await tx.execute(ONE_MOMENT)
    project = await find_project(tx, project_id)
    return None if project is None else (project, await tx.fetchval(LOG_SIZE, tx.tenant_id) - 1)


async def epic_pages(tx: TenantTx, project_id: UUID) -> AsyncIterator[Sequence[Epic]]:
    """By number."""
    last = -1
    while True:
        epics = [EPICS.from_row(row) for row in await tx.fetch(EPIC_ROWS, tx.tenant_id, project_id, last, PAGE)]
        if epics:
            yield epics
        if len(epics) < PAGE:
            return
        last = epics[-1].number


async def story_pages(tx: TenantTx, epic_id: UUID) -> AsyncIterator[Sequence[tuple[Story, StoryText]]]:
    """By number; fewer at a time than are read, and others have their turn between them."""
    last: tuple[int, int, str] = (-1, -1, "")
    while True:
        rows = await tx.fetch(STORY_ROWS, tx.tenant_id, epic_id, *last, PAGE)
        for start in range(0, len(rows), AT_A_TIME):
            yield [(STORIES.from_row(row), STORY_TEXTS.from_row(row)) for row in rows[start : start + AT_A_TIME]]
            await asyncio.sleep(0)
        if len(rows) < PAGE:
            return
        last = (rows[-1]["major"], rows[-1]["minor"], rows[-1]["number"])


async def story_edges(tx: TenantTx, project_id: UUID) -> Sequence[tuple[str, str]]:
    """Numbers of dependent and prerequisite, sorted."""
    rows = await tx.fetch(STORY_EDGES, tx.tenant_id, project_id)
    return sorted(((row["dependent"], row["prerequisite"]) for row in rows), key=lambda edge: tuple(map(_order, edge)))


async def epic_edges(tx: TenantTx, project_id: UUID) -> Sequence[tuple[int, int]]:
    """Numbers of dependent and prerequisite, sorted."""
    rows = await tx.fetch(EPIC_EDGES, tx.tenant_id, project_id)
    return [(row["dependent"], row["prerequisite"]) for row in rows]


def _order(number: str) -> Any:
    return parse_story_number(number)
