"""What was measured (OTLP), by agent, model or day, from the exports themselves: for looks with dates, and for what has
no running sum of its own (projections/rows/metered_usage.py)."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal
from uuid import UUID

from domain.usage.figures import Scope, agent_in
from domain.usage.metered import Measured, MeteredFigures
from eventstore.database.transaction import TenantTx
from projections.queries.costs import CostFilter
from projections.rows.metered_usage import metered, metered_in

SUMS = """
           u.signal, sum(u.input_tokens)::bigint AS input_tokens,
           sum(u.cache_read_tokens)::bigint AS cache_read_tokens,
           sum(u.cache_write_tokens)::bigint AS cache_write_tokens, sum(u.output_tokens)::bigint AS output_tokens,
           sum(u.cost_millicents)::bigint AS cost_millicents, count(*) AS export_count,
           count(*) FILTER (WHERE u.cost_source = 'unpriced') AS unpriced_count
      FROM app.metered_usage AS u
     WHERE u.tenant_id = $1
       AND ($2::uuid IS NULL OR u.project_id = $2) AND ($3::uuid IS NULL OR u.agent_id = $3)
       AND ($4::timestamptz IS NULL OR u.created_at >= $4) AND ($5::timestamptz IS NULL OR u.created_at < $5)
     GROUP BY 1, u.signal
"""
BY_AGENT = f"SELECT u.agent_id AS what, {SUMS}"
BY_MODEL = f"SELECT u.model_name AS what, {SUMS}"
BY_PERIOD = f"SELECT date_trunc($6, u.created_at AT TIME ZONE 'UTC')::date AS what, {SUMS}"
AGENTS = "SELECT a.agent_id FROM app.agent AS a WHERE a.tenant_id = $1 LIMIT 100000"


async def metered_of_agents(tx: TenantTx, only: CostFilter) -> Mapping[UUID, Measured]:
    """Of all that were measured. What came by a key without an agent is nobody's."""
    if only.has_dates:
        found = await _by(tx, BY_AGENT, only)
        return {agent: each for agent, each in found.items() if agent is not None}
    project = only.project_id
    agents = [row["agent_id"] for row in await tx.fetch(AGENTS, tx.tenant_id)]
    scopes: dict[UUID, Scope] = {
        agent: ("project_agent", agent_in(project, agent)) if project else ("agent", agent) for agent in agents
    }
    sums = await metered(tx, list(scopes.values()))
    return {agent: sums[scope] for agent, scope in scopes.items() if scope in sums}


async def metered_of_models(tx: TenantTx, only: CostFilter) -> Mapping[str, Measured]:
    return await _by(tx, BY_MODEL, only)


async def metered_of_periods(tx: TenantTx, only: CostFilter, unit: Literal["day", "week"]) -> Mapping[date, Measured]:
    return await _by(tx, BY_PERIOD, only, unit)


async def _by(tx: TenantTx, statement: str, only: CostFilter, *more: str) -> dict[Any, dict[str, MeteredFigures]]:
    found: dict[Any, dict[str, MeteredFigures]] = {}
    values = (only.project_id, only.agent_id, only.since, only.until)
    for row in await tx.fetch(statement, tx.tenant_id, *values, *more):
        found.setdefault(row["what"], {})[row["signal"]] = metered_in(row)
    return found
