"""Which story waits for which, and which epic for which: two tables with the same columns."""

from collections.abc import Sequence
from uuid import UUID

from domain.dependency import Dependency, evolve_dependency
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

STORY_DEPENDENCIES = Entity(
    name="story_dependency", state=Dependency, identity="dependency_id", evolve=evolve_dependency
)
EPIC_DEPENDENCIES = Entity(name="epic_dependency", state=Dependency, identity="dependency_id", evolve=evolve_dependency)

EPICS_OF_PROJECT = """
    SELECT * FROM app.epic_dependency WHERE tenant_id = $1 AND project_id = $2 ORDER BY position, dependency_id
"""

PAGE_OF_EPICS = """
    SELECT *, count(*) OVER () AS total
      FROM app.epic_dependency
     WHERE tenant_id = $1 AND project_id = $2
     ORDER BY position, dependency_id
     LIMIT $3 OFFSET $4
"""

COUNT_OF_EPICS = "SELECT count(*) FROM app.epic_dependency WHERE tenant_id = $1 AND project_id = $2"

STORIES_OF_PROJECT = """
    SELECT * FROM app.story_dependency WHERE tenant_id = $1 AND project_id = $2 ORDER BY position, dependency_id
"""

PAGE_OF_STORIES = """
    SELECT d.*, count(*) OVER () AS total
      FROM app.story_dependency AS d
     WHERE d.tenant_id = $1
       AND d.dependency_id IN (
           SELECT o.dependency_id
             FROM app.story AS s
             JOIN app.story_dependency AS o ON o.tenant_id = $1 AND o.dependent_id = s.story_id
            WHERE s.tenant_id = $1 AND s.epic_id = $2
            UNION
           SELECT i.dependency_id
             FROM app.story AS s
             JOIN app.story_dependency AS i ON i.tenant_id = $1 AND i.prerequisite_id = s.story_id
            WHERE s.tenant_id = $1 AND s.epic_id = $2)
     ORDER BY d.position, d.dependency_id
     LIMIT $3 OFFSET $4
"""


async def epic_edges(tx: TenantTx, project_id: UUID) -> Sequence[Dependency]:
    """Between the epics of a project, oldest first."""
    rows = await tx.fetch(EPICS_OF_PROJECT, tx.tenant_id, project_id)
    return [EPIC_DEPENDENCIES.from_row(row) for row in rows]


async def story_edges(tx: TenantTx, project_id: UUID) -> Sequence[Dependency]:
    """Between the stories of a project, oldest first."""
    rows = await tx.fetch(STORIES_OF_PROJECT, tx.tenant_id, project_id)
    return [STORY_DEPENDENCIES.from_row(row) for row in rows]


async def page_of_epic_edges(
    tx: TenantTx, project_id: UUID, limit: int, offset: int
) -> tuple[Sequence[Dependency], int]:
    """Between the epics of a project, oldest first; and how many there are on all pages."""
    rows = await tx.fetch(PAGE_OF_EPICS, tx.tenant_id, project_id, limit, offset)
    total = rows[0]["total"] if rows else await tx.fetchval(COUNT_OF_EPICS, tx.tenant_id, project_id) if offset else 0
    return [EPIC_DEPENDENCIES.from_row(row) for row in rows], total


async def page_of_story_edges(tx: TenantTx, epic_id: UUID, limit: int, offset: int) -> tuple[Sequence[Dependency], int]:
    """With either end in the epic, oldest first; and how many there are on all pages."""
    rows = await tx.fetch(PAGE_OF_STORIES, tx.tenant_id, epic_id, limit, offset)
    counted = rows if rows or not offset else await tx.fetch(PAGE_OF_STORIES, tx.tenant_id, epic_id, 1, 0)
    return [STORY_DEPENDENCIES.from_row(row) for row in rows], counted[0]["total"] if counted else 0
