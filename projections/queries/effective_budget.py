"""Which budget of money holds for a story, an epic or a project: the nearest that is set."""

from typing import Any
from uuid import UUID

from eventstore.database.transaction import TenantTx

EFFECTIVE = """
    SELECT budget.budget_id, budget.scope_type,
           coalesce(budget.budget_millicents, tenant.default_story_budget_millicents) AS limit_,
           coalesce((SELECT s.cost_millicents
                       FROM app.usage_spend AS s
                      WHERE s.tenant_id = $1 AND s.scope_type = $3 AND s.scope_id = $2), 0) AS spent
      FROM (SELECT t.story_id, t.epic_id, t.project_id
              FROM app.story AS t
             WHERE t.tenant_id = $1 AND t.story_id = $2 AND $3 = 'story'
             UNION ALL
            SELECT NULL, e.epic_id, e.project_id
              FROM app.epic AS e
             WHERE e.tenant_id = $1 AND e.epic_id = $2 AND $3 = 'epic'
             UNION ALL
            SELECT NULL, NULL, p.project_id
              FROM app.project AS p
             WHERE p.tenant_id = $1 AND p.project_id = $2 AND $3 = 'project') AS place
      JOIN app.tenant AS tenant ON tenant.tenant_id = $1
      LEFT JOIN LATERAL (
           SELECT b.budget_id, b.scope_type, b.budget_millicents
             FROM app.token_budget AS b
            WHERE b.tenant_id = $1 AND b.per IS NULL AND b.budget_millicents IS NOT NULL
              AND (b.scope_type, b.scope_id) IN (
                      ('story', place.story_id), ('epic', place.epic_id), ('project', place.project_id))
            ORDER BY array_position(ARRAY['story', 'epic', 'project'], b.scope_type)
            LIMIT 1) AS budget ON true
"""
INHERITED = {"epic": "epic_inherited", "project": "project_inherited"}


async def effective_budget(tx: TenantTx, scope_type: str, scope_id: UUID) -> dict[str, Any] | None:
    """None when there is no such thing."""
    row = await tx.fetchrow(EFFECTIVE, tx.tenant_id, scope_id, scope_type)
    if row is None:
        return None
    source = None if row["limit_"] is None else "tenant_default"
    if row["scope_type"]:
        source = "explicit" if row["scope_type"] == scope_type else INHERITED[row["scope_type"]]
    return {
        "effective_budget_millicents": row["limit_"],
        "budget_source": source,
        "budget_id": row["budget_id"],
        "current_spend_millicents": int(row["spent"]),
    }
