"""Projects, as their events leave them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.project import Project, evolve_project
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

PROJECTS = Entity(name="project", state=Project, identity="project_id", evolve=evolve_project)

ONE = "SELECT * FROM app.project WHERE tenant_id = $1 AND project_id = $2"

ID_OF_SLUG = "SELECT project_id FROM app.project WHERE tenant_id = $1 AND slug = $2"

COUNTS = """
    SELECT (SELECT count(*) FROM app.epic AS e WHERE e.tenant_id = $1 AND e.project_id = $2) AS epic_count,
           (SELECT coalesce(sum(p.stories), 0)
              FROM app.epic_progress AS p
             WHERE p.tenant_id = $1 AND p.project_id = $2) AS story_count
"""

LIST = """
    SELECT *, count(*) OVER () AS total
      FROM app.project
     WHERE tenant_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR slug = $3)
     ORDER BY name, project_id
     LIMIT $4 OFFSET $5
"""

TOTAL = """
    SELECT count(*)
      FROM app.project
     WHERE tenant_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR slug = $3)
"""


async def find_project(tx: TenantTx, project_id: UUID) -> Project | None:
    row = await tx.fetchrow(ONE, tx.tenant_id, project_id)
    return PROJECTS.from_row(row) if row else None


async def find_project_id(tx: TenantTx, slug: str) -> UUID | None:
    found: UUID | None = await tx.fetchval(ID_OF_SLUG, tx.tenant_id, slug)
    return found


async def count_contents(tx: TenantTx, project_id: UUID) -> dict[str, int]:
    """``epic_count`` and ``story_count``."""
    return dict(await tx.fetchrow(COUNTS, tx.tenant_id, project_id) or {})


async def list_projects(
    tx: TenantTx, status: str | None, slug: str | None, limit: int, offset: int
) -> tuple[Sequence[Project], int]:
    """By name; and how many there are on all pages. ``None`` filters nothing."""
    rows: list[Any] = await tx.fetch(LIST, tx.tenant_id, status, slug, limit, offset)
    total = rows[0]["total"] if rows else await tx.fetchval(TOTAL, tx.tenant_id, status, slug) if offset else 0
    return [PROJECTS.from_row(row) for row in rows], total
