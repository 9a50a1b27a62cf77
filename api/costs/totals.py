"""What something has cost, beside what else is said of it: include_token_totals and include_cost (spec 02, 3.6)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw

from api.costs.schemas import dollars, metered_body, totals_body
from domain.usage.figures import NOTHING, Figures, Scope
from domain.usage.metered import NO_MEASURE, Measured
from eventstore.database.transaction import TenantTx
from projections.rows.metered_usage import metered
from projections.rows.token_budgets import BudgetFilter, list_budgets
from projections.rows.token_usage import spent


async def with_token_totals(tx: TenantTx, bodies: Mapping[UUID, Raw]) -> dict[UUID, Raw]:
    """Bodies of stories, each with its totals and what was measured; a statement for each of the two."""
    scopes: dict[UUID, Scope] = {story_id: ("story", story_id) for story_id in bodies}
    sums, measured = await spent(tx, list(scopes.values())), await metered(tx, list(scopes.values()))
    return {
        story_id: _beside(body, sums.get(scopes[story_id], NOTHING), measured.get(scopes[story_id], NO_MEASURE))
        for story_id, body in bodies.items()
    }


def _beside(body: Raw, used: Figures, measured: Measured) -> Raw:
    """Two objects as one."""
    some = used.report_count > 0
    more = {
        "total_tokens": used.total_tokens if some else None,
        "total_cost_millicents": used.cost_millicents if some else None,
        "token_totals": totals_body(used),
        "metered": metered_body(measured),
    }
    return Raw(bytes(body)[:-1] + b"," + msgspec.json.encode(more)[1:])


async def project_cost(tx: TenantTx, project_id: UUID) -> dict[str, Any]:
    """The members that a project's progress gets."""
    scope: Scope = ("project", project_id)
    used = (await spent(tx, [scope])).get(scope, NOTHING)
    measured = (await metered(tx, [scope])).get(scope, NO_MEASURE)
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
            "metered": metered_body(measured),
        },
    }  # fmt: skip
