"""What something has cost, beside what else is said of it: include_token_totals and include_cost (spec 02, 3.6)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw

from api.costs.schemas import dollars, totals_body
from domain.usage.figures import NOTHING, Figures, Scope
from eventstore.database.transaction import TenantTx
from projections.rows.token_budgets import BudgetFilter, list_budgets
from projections.rows.token_usage import spent


async def with_token_totals(tx: TenantTx, bodies: Mapping[UUID, Raw]) -> dict[UUID, Raw]:
    """Bodies of stories, each with its totals; one statement for all of them."""
    scopes: dict[UUID, Scope] = {story_id: ("story", story_id) for story_id in bodies}
    sums = await spent(tx, list(scopes.values()))
    return {story_id: _beside(body, sums.get(scopes[story_id], NOTHING)) for story_id, body in bodies.items()}


def _beside(body: Raw, used: Figures) -> Raw:
    """Two objects as one."""
    some = used.report_count > 0
    more = {
        "total_tokens": used.total_tokens if some else None,
        "total_cost_millicents": used.cost_millicents if some else None,
        "token_totals": totals_body(used),
    }
    return Raw(bytes(body)[:-1] + b"," + msgspec.json.encode(more)[1:])


async def project_cost(tx: TenantTx, project_id: UUID) -> dict[str, Any]:
    """The members that a project's progress gets."""
    scope: Scope = ("project", project_id)
    used = (await spent(tx, [scope])).get(scope, NOTHING)
    budgets, _ = await list_budgets(tx, BudgetFilter("project", project_id), 10, 0)
    budget = next((each for each, _ in budgets if each.per is None), None)
    limit = budget.budget_millicents if budget else None
    utilization = budget.utilization(used) if budget else None
    left = None if limit is None else max(limit - used.cost_millicents, 0)
    return {
        "total_cost_millicents": used.cost_millicents if used.report_count else None,
        "budget_millicents": limit,
        "utilization_pct": utilization,
        "cost": {
            **totals_body(used), "budget_millicents": limit, "remaining_millicents": left,
            "remaining_dollars": None if left is None else dollars(left), "utilization_pct": utilization,
        },
    }  # fmt: skip
