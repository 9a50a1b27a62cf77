"""Epics, as their events leave them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.epic import Epic, evolve_epic
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

EPICS = Entity(name="epic", state=Epic, identity="epic_id", evolve=evolve_epic)

LIST = """
    SELECT e.*, p.stories, p.verified, count(*) OVER () AS total
      FROM app.epic AS e
      JOIN app.epic_progress AS p ON p.tenant_id = $1 AND p.epic_id = e.epic_id
     WHERE e.tenant_id = $1 AND e.project_id = $2 AND ($3::text IS NULL OR e.phase = $3)
     ORDER BY e.epic_position, e.number, e.epic_id
     LIMIT $4 OFFSET $5
"""

TOTAL = """
    SELECT count(*) FROM app.epic WHERE tenant_id = $1 AND project_id = $2 AND ($3::text IS NULL OR phase = $3)
"""


class CountedEpic(Struct, frozen=True):
    """With the number of its stories, and of those that are verified."""

    epic: Epic
    stories: int
    verified: int


async def find_epic(tx: TenantTx, epic_id: UUID) -> Epic | None:
    return (await EPICS.load(tx, [epic_id])).get(epic_id)


async def list_epics(
    tx: TenantTx, project_id: UUID, phase: str | None, limit: int | None, offset: int
) -> tuple[Sequence[CountedEpic], int]:
    """By position and number; and how many there are on all pages. ``phase`` None filters nothing, ``limit`` None is
    all of them."""
    rows: list[Any] = await tx.fetch(LIST, tx.tenant_id, project_id, phase, limit, offset)
    total = rows[0]["total"] if rows else await tx.fetchval(TOTAL, tx.tenant_id, project_id, phase) if offset else 0
    return [CountedEpic(EPICS.from_row(row), row["stories"], row["verified"]) for row in rows], total
