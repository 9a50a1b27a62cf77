"""What reports come to, by agent, model, phase, epic and day (spec 02, section 6).

A look without dates reads the running sums of projections/rows/token_usage.py; one with dates, and what needs to know
whether stories were verified, adds up the reports themselves. Both give the same (tests/api/test_costs_added_up.py).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.usage.figures import Figures
from eventstore.database.transaction import TenantTx
from projections.rows.token_usage import EVERYBODY, FIGURES, figures_in

TOKENS = "r.input_tokens + r.cache_read_tokens + r.cache_write_tokens + r.output_tokens"
SUMS = """
           coalesce(sum(r.input_tokens), 0)::bigint AS input_tokens,
           coalesce(sum(r.cache_read_tokens), 0)::bigint AS cache_read_tokens,
           coalesce(sum(r.cache_write_tokens), 0)::bigint AS cache_write_tokens,
           coalesce(sum(r.output_tokens), 0)::bigint AS output_tokens,
           coalesce(sum(r.cost_millicents), 0)::bigint AS cost_millicents,
           count(*) AS report_count,
           count(*) FILTER (WHERE r.cost_source = 'unpriced') AS unpriced_count,
           count(*) FILTER (WHERE r.cost_source = 'reported'
                              AND abs(r.cost_millicents - r.expected_millicents) * 100
                                  > 20 * r.expected_millicents) AS mismatch_count
"""
OF_FILTER = """
     WHERE r.tenant_id = $1 AND r.deleted_at IS NULL
       AND ($2::uuid IS NULL OR r.project_id = $2) AND ($3::uuid IS NULL OR r.agent_id = $3)
       AND ($4::timestamptz IS NULL OR r.created_at >= $4) AND ($5::timestamptz IS NULL OR r.created_at < $5)
"""

ADDED_UP = f"""
    SELECT r.agent_id, r.model_name, r.phase, grouping(r.agent_id) = 0 AS of_agent,
           grouping(r.model_name) = 0 AS of_model, grouping(r.phase) = 0 AS of_phase, {SUMS},
           count(DISTINCT r.story_id) AS story_count,
           count(DISTINCT r.story_id) FILTER (WHERE t.verified_status = 'verified') AS verified_count,
           count(DISTINCT r.story_id) FILTER (WHERE t.verified_status = 'rejected') AS rejected_count,
           count(DISTINCT r.agent_id) AS agent_count,
           coalesce(sum(r.cost_millicents) FILTER (WHERE r.attempt < f.iteration), 0)::bigint AS rework_millicents,
           coalesce(sum({TOKENS}) FILTER (WHERE r.attempt < f.iteration), 0)::bigint AS rework_tokens
      FROM app.token_usage_report AS r
      LEFT JOIN app.story AS t ON t.tenant_id = $1 AND t.story_id = r.story_id
      LEFT JOIN (SELECT v.story_id, max(v.iteration) AS iteration
                   FROM app.verification AS v
                  WHERE v.tenant_id = $1 AND v.result = 'fail'
                  GROUP BY v.story_id) AS f ON f.story_id = r.story_id
    {OF_FILTER}
     GROUP BY GROUPING SETS ((), (r.agent_id), (r.model_name), (r.model_name, r.phase),
                             (r.agent_id, r.model_name, r.phase))
"""  # noqa: S608  # names of our own

SUMMARY = f"""
    SELECT s.agent_id, s.model_name, s.phase, {", ".join(f"s.{name}" for name in FIGURES)}, s.story_count
      FROM app.usage_slice AS s
     WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.model_name = '' AND s.report_count > 0
     UNION ALL
    SELECT $3::uuid, coalesce(s.model_name, ''), coalesce(s.phase, ''),
           {", ".join(f"sum(s.{name})::bigint AS {name}" for name in FIGURES)}, 0
      FROM app.usage_slice AS s
     WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.model_name <> '' AND s.report_count > 0
     GROUP BY GROUPING SETS ((s.model_name), (s.phase))
"""  # noqa: S608  # names of our own

RANKED = f"""
    WITH of_model AS (
        SELECT s.agent_id, s.model_name,
               sum(s.input_tokens + s.cache_read_tokens + s.cache_write_tokens + s.output_tokens) AS tokens
          FROM app.usage_slice AS s
         WHERE s.tenant_id = $1 AND ($2::uuid IS NULL OR s.project_id = $2) AND s.model_name <> ''
           AND s.report_count > 0
         GROUP BY s.agent_id, s.model_name),
    most AS (
        SELECT DISTINCT ON (m.agent_id) m.agent_id, m.model_name
          FROM of_model AS m
         ORDER BY m.agent_id, m.tokens DESC, m.model_name COLLATE "C"),
    whole AS (
        SELECT s.agent_id, {", ".join(f"sum(s.{name})::bigint AS {name}" for name in FIGURES)},
               sum(s.story_count)::bigint AS story_count
          FROM app.usage_slice AS s
         WHERE s.tenant_id = $1 AND ($2::uuid IS NULL OR s.project_id = $2) AND s.model_name = '' AND s.agent_id <> $3
         GROUP BY s.agent_id
        HAVING sum(s.report_count) > 0)
    SELECT w.*, m.model_name AS primary_model
      FROM whole AS w
      LEFT JOIN most AS m ON m.agent_id = w.agent_id
"""  # noqa: S608  # names of our own

TRENDS = f"""
    SELECT date_trunc($6, r.created_at AT TIME ZONE 'UTC')::date AS period, {SUMS},
           count(DISTINCT r.agent_id) AS unique_agents, count(*) OVER () AS total
      FROM app.token_usage_report AS r
    {OF_FILTER}
     GROUP BY 1
     ORDER BY 1
     LIMIT $7 OFFSET $8
"""  # noqa: S608  # names of our own

VERIFIED = """
    SELECT count(*) AS stories, coalesce(sum(s.cost_millicents), 0)::bigint AS cost_millicents
      FROM app.story AS t
      JOIN app.usage_spend AS s
        ON s.tenant_id = $1 AND s.scope_type = 'story' AND s.scope_id = t.story_id AND s.report_count > 0
     WHERE t.tenant_id = $1 AND t.project_id = $2 AND t.verified_status = 'verified'
"""

# Of a story that was rejected all attempts before the one that it is at.
REWORK = """
    SELECT coalesce(sum(s.cost_millicents), 0)::bigint AS cost_millicents,
           coalesce(sum(s.input_tokens + s.cache_read_tokens + s.cache_write_tokens + s.output_tokens), 0)::bigint
               AS tokens
      FROM (SELECT v.story_id, max(v.iteration) AS iteration
              FROM app.verification AS v
              JOIN app.story AS t ON t.tenant_id = $1 AND t.story_id = v.story_id AND t.project_id = $2
             WHERE v.tenant_id = $1 AND v.result = 'fail'
             GROUP BY v.story_id) AS f
     CROSS JOIN LATERAL generate_series(0, f.iteration - 1) AS n (attempt)
      JOIN app.usage_spend AS s
        ON s.tenant_id = $1 AND s.scope_type = 'attempt_' || n.attempt AND s.scope_id = f.story_id
"""

EPICS = f"""
    SELECT e.epic_id, e.number, e.title, p.stories AS story_count, p.verified AS completed_story_count,
           {", ".join(f"coalesce(s.{name}, 0) AS {name}" for name in FIGURES)}, b.budget_millicents,
           count(*) OVER () AS total
      FROM app.epic AS e
      LEFT JOIN LATERAL (
           SELECT count(*) AS stories, count(*) FILTER (WHERE t.verified_status = 'verified') AS verified
             FROM app.story AS t
            WHERE t.tenant_id = $1 AND t.epic_id = e.epic_id) AS p ON true
      LEFT JOIN app.usage_spend AS s ON s.tenant_id = $1 AND s.scope_type = 'epic' AND s.scope_id = e.epic_id
      LEFT JOIN app.token_budget AS b
        ON b.tenant_id = $1 AND b.scope_type = 'epic' AND b.scope_id = e.epic_id AND b.per IS NULL
     WHERE e.tenant_id = $1 AND ($2::uuid IS NULL OR e.project_id = $2)
     ORDER BY e.number, e.epic_id
     LIMIT $3 OFFSET $4
"""  # noqa: S608  # names of our own

MODELS_OF_EPICS = f"""
    SELECT r.epic_id, r.model_name, {SUMS}
      FROM app.token_usage_report AS r
     WHERE r.tenant_id = $1 AND r.deleted_at IS NULL AND r.epic_id = ANY ($2::uuid[])
     GROUP BY r.epic_id, r.model_name
     ORDER BY r.model_name
"""  # noqa: S608  # names of our own

AGENTS = """
    SELECT a.agent_id, a.name, b.budget_millicents, b.budget_tokens, s.cost_millicents,
           s.input_tokens + s.cache_read_tokens + s.cache_write_tokens + s.output_tokens AS tokens
      FROM app.agent AS a
      LEFT JOIN app.token_budget AS b
        ON b.tenant_id = $1 AND b.scope_type = 'agent' AND b.scope_id = a.agent_id AND b.per IS NULL
      LEFT JOIN app.usage_spend AS s ON s.tenant_id = $1 AND s.scope_type = 'agent' AND s.scope_id = a.agent_id
     WHERE a.tenant_id = $1 AND a.agent_id = ANY ($2::uuid[])
"""


class CostFilter(Struct, frozen=True):
    """``None`` filters nothing; ``until`` is the first moment that is out."""

    project_id: UUID | None = None
    agent_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def has_dates(self) -> bool:
        return self.since is not None or self.until is not None


class Slice(Struct, frozen=True, kw_only=True):
    """A sum over what these have in common; None is all of them."""

    agent_id: UUID | None
    model_name: str | None
    phase: str | None
    figures: Figures
    story_count: int
    agent_count: int = 0
    verified_count: int = 0
    rejected_count: int = 0
    rework_millicents: int = 0
    rework_tokens: int = 0


async def added_up(tx: TenantTx, only: CostFilter) -> Sequence[Slice]:
    """From the reports themselves."""
    rows = await tx.fetch(ADDED_UP, tx.tenant_id, *_values(only))
    return [_slice(row) for row in rows if not (row["of_agent"] and row["agent_id"] is None)]


async def summary_of(tx: TenantTx, project_id: UUID) -> Sequence[Slice]:
    """From the running sums: all of it, of each agent, of each model and of each phase."""
    return [
        Slice(
            agent_id=None if row["agent_id"] == EVERYBODY else row["agent_id"], model_name=row["model_name"] or None,
            phase=row["phase"] or None, figures=figures_in(row), story_count=row["story_count"],
        )
        for row in await tx.fetch(SUMMARY, tx.tenant_id, project_id, EVERYBODY)
    ]  # fmt: skip


async def ranked_sums(tx: TenantTx, project_id: UUID | None) -> tuple[Sequence[Slice], dict[UUID, str]]:
    """From the running sums, of each agent; and the model with the most tokens, of equals the first by name."""
    rows = await tx.fetch(RANKED, tx.tenant_id, project_id, EVERYBODY)
    slices = [
        Slice(
            agent_id=row["agent_id"], model_name=None, phase=None, figures=figures_in(row),
            story_count=int(row["story_count"]),
        )
        for row in rows
    ]  # fmt: skip
    return slices, {row["agent_id"]: row["primary_model"] for row in rows}


async def trends(tx: TenantTx, only: CostFilter, unit: str, limit: int, offset: int) -> tuple[Sequence[Any], int]:
    """By day or week (`day`, `week`), the oldest first; and how many there are."""
    rows = await tx.fetch(TRENDS, tx.tenant_id, *_values(only), unit, limit, offset)
    counted = rows or (await tx.fetch(TRENDS, tx.tenant_id, *_values(only), unit, 1, 0) if offset else [])
    return rows, counted[0]["total"] if counted else 0


async def verified_costs(tx: TenantTx, project_id: UUID) -> tuple[int, int]:
    """How many verified stories of the project have reports, and what those cost."""
    (row,) = await tx.fetch(VERIFIED, tx.tenant_id, project_id)
    return int(row["stories"]), int(row["cost_millicents"])


async def rework_costs(tx: TenantTx, project_id: UUID) -> tuple[int, int]:
    """Millicents and tokens of work that was rejected afterwards."""
    (row,) = await tx.fetch(REWORK, tx.tenant_id, project_id)
    return int(row["cost_millicents"]), int(row["tokens"])


async def epics_with_costs(
    tx: TenantTx, project_id: UUID | None, limit: int, offset: int
) -> tuple[Sequence[Any], Sequence[Any], int]:
    """Epics by number, the models of each, and how many epics there are."""
    rows = await tx.fetch(EPICS, tx.tenant_id, project_id, limit, offset)
    counted = rows or (await tx.fetch(EPICS, tx.tenant_id, project_id, 1, 0) if offset else [])
    models = await tx.fetch(MODELS_OF_EPICS, tx.tenant_id, [row["epic_id"] for row in rows])
    return rows, models, counted[0]["total"] if counted else 0


async def agents_with_budgets(tx: TenantTx, agents: Sequence[UUID]) -> dict[UUID, Any]:
    return {row["agent_id"]: row for row in await tx.fetch(AGENTS, tx.tenant_id, list(agents))}


def day_of(row: Any) -> date:
    found: date = row["period"]
    return found


def _values(only: CostFilter) -> tuple[Any, ...]:
    return only.project_id, only.agent_id, only.since, only.until


def _slice(row: Any) -> Slice:
    return Slice(
        agent_id=row["agent_id"], model_name=row["model_name"], phase=row["phase"], figures=figures_in(row),
        story_count=row["story_count"], agent_count=row["agent_count"], verified_count=row["verified_count"],
        rejected_count=row["rejected_count"], rework_millicents=row["rework_millicents"],
        rework_tokens=row["rework_tokens"],
    )  # fmt: skip
