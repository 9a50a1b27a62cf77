"""Budgets, as their events leave them, each with what was used of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.usage.budget import Budget, TokenBudgetCreated, TokenBudgetDeleted, TokenBudgetUpdated, evolve_budget
from domain.usage.figures import NOTHING, Figures, Scope
from domain.usage.metered import NO_MEASURE, Measured
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity
from projections.rows.metered_usage import metered
from projections.rows.token_usage import FIGURES, figures_in

BUDGETS = Entity(
    name="token_budget", state=Budget, identity="budget_id", evolve=evolve_budget, replaces=True,
    events=(TokenBudgetCreated, TokenBudgetUpdated, TokenBudgetDeleted),
)  # fmt: skip

SELECT = f"""
    SELECT b.*, {", ".join(f"coalesce(s.{name}, 0) AS {name}" for name in FIGURES)}, count(*) OVER () AS total
      FROM app.token_budget AS b
      LEFT JOIN app.usage_spend AS s
        ON s.tenant_id = $1 AND s.scope_type = b.scope_type AND s.scope_id = b.scope_id AND b.per IS NULL
     WHERE b.tenant_id = $1
"""  # noqa: S608  # names of our own
ONE = SELECT + " AND b.budget_id = $2"
LIST = (
    SELECT
    + """
       AND ($2::text IS NULL OR b.scope_type = $2) AND ($3::uuid IS NULL OR b.scope_id = $3)
       AND ($4::uuid IS NULL OR b.project_id = $4)
     ORDER BY b.created_at DESC, b.budget_id DESC
     LIMIT $5 OFFSET $6
"""
)


class BudgetFilter(Struct, frozen=True):
    """``None`` filters nothing."""

    scope_type: str | None = None
    scope_id: UUID | None = None
    project_id: UUID | None = None


Used = tuple[Budget, Figures]


async def metered_of(tx: TenantTx, budgets: Sequence[Budget]) -> Sequence[Measured]:
    """What was measured of what each is for; of one for each item nothing."""
    scopes: list[Scope] = [(each.scope_type, each.scope_id) for each in budgets]
    found = await metered(tx, [scope for scope, each in zip(scopes, budgets, strict=True) if each.per is None])
    return [
        found.get(scope, NO_MEASURE) if each.per is None else NO_MEASURE
        for scope, each in zip(scopes, budgets, strict=True)
    ]


async def find_budget(tx: TenantTx, budget_id: UUID) -> Used | None:
    row = await tx.fetchrow(ONE, tx.tenant_id, budget_id)
    return _used(row) if row else None


async def list_budgets(tx: TenantTx, wanted: BudgetFilter, limit: int, offset: int) -> tuple[Sequence[Used], int]:
    """The newest first; and how many there are on all pages."""
    filters = (tx.tenant_id, wanted.scope_type, wanted.scope_id, wanted.project_id)
    rows = await tx.fetch(LIST, *filters, limit, offset)
    counted = rows or (await tx.fetch(LIST, *filters, 1, 0) if offset else [])
    return [_used(row) for row in rows], counted[0]["total"] if counted else 0


def _used(row: Any) -> Used:
    budget: Budget = BUDGETS.from_row(row)
    return budget, figures_in(row) if budget.per is None else NOTHING
