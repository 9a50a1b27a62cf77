"""Stories that cost far more or less than others, or more than they may: what the jobs of the worker measure (spec 02,
sections 5.1 and 17.2). What becomes of it is decided in domain/usage/anomaly.py."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.tenant_settings import TenantSettings
from domain.usage.anomaly import Measured
from eventstore.database.transaction import TenantTx

# Of one day: each story beside the mean of its epic's stories of that day, itself included. A mean is cut to a whole
# number before anything is compared with it. A day on which more was taken back than used is no cheap one.
OF_DAY = """
    WITH of_story AS (
        SELECT r.story_id, r.epic_id, sum(r.cost_millicents)::bigint AS cost
          FROM app.token_usage_report AS r
         WHERE r.tenant_id = $1
           AND r.deleted_at IS NULL
           AND r.created_at >= $2 AND r.created_at < $3
           AND r.epic_id IS NOT NULL
         GROUP BY r.story_id, r.epic_id),
    of_epic AS (
        SELECT o.epic_id, trunc(sum(o.cost) / count(*))::bigint AS mean
          FROM of_story AS o
         GROUP BY o.epic_id)
    SELECT o.story_id, o.cost, e.mean AS reference, round(o.cost::numeric / e.mean, 2) AS factor,
           CASE WHEN o.cost::numeric / e.mean > $4::numeric THEN 'high_cost' ELSE 'suspiciously_low' END AS anomaly_type
      FROM of_story AS o
      JOIN of_epic AS e ON e.epic_id = o.epic_id AND e.mean > 0
      JOIN app.story AS t ON t.tenant_id = $1 AND t.story_id = o.story_id
     WHERE o.cost >= 0
       AND (o.cost::numeric / e.mean > $4::numeric OR o.cost::numeric / e.mean < $5::numeric)
     ORDER BY o.story_id
     LIMIT 10000
"""

# All that stories have cost: each beside the mean of the others of its epic, or beside the median of its project where
# the epic has too few. What is being worked on has not cost too little yet.
IN_ALL = """
    WITH touched AS (
        SELECT r.story_id
          FROM app.token_usage_report AS r
         WHERE r.tenant_id = $1 AND r.created_at >= $2
         UNION
        SELECT a.story_id
          FROM app.cost_anomaly AS a
         WHERE a.tenant_id = $1 AND NOT a.resolved AND a.baseline <> 'epic_day_mean'),
    projects AS (
        SELECT DISTINCT t.project_id
          FROM touched AS d
          JOIN app.story AS t ON t.tenant_id = $1 AND t.story_id = d.story_id),
    costs AS (
        SELECT t.story_id, t.epic_id, t.project_id, t.agent_status, s.cost_millicents AS cost
          FROM projects AS p
          JOIN app.story AS t ON t.tenant_id = $1 AND t.project_id = p.project_id
          JOIN app.usage_spend AS s
            ON s.tenant_id = $1 AND s.scope_type = 'story' AND s.scope_id = t.story_id AND s.cost_millicents > 0),
    of_epic AS (
        SELECT c.epic_id, count(*) AS stories, sum(c.cost) AS cost
          FROM costs AS c
         GROUP BY c.epic_id),
    of_project AS (
        SELECT c.project_id, count(*) AS stories, percentile_cont(0.5) WITHIN GROUP (ORDER BY c.cost) AS median
          FROM costs AS c
         GROUP BY c.project_id),
    compared AS (
        SELECT c.story_id, c.cost, c.agent_status,
               CASE WHEN e.stories >= $3 THEN 'epic_mean' ELSE 'project_median' END AS baseline,
               CASE WHEN e.stories >= $3 THEN trunc((e.cost - c.cost) / nullif(e.stories - 1, 0))
                    WHEN p.stories >= $3 THEN trunc(p.median::numeric)
                END::bigint AS reference
          FROM touched AS d
          JOIN costs AS c ON c.story_id = d.story_id
          JOIN of_epic AS e ON e.epic_id = c.epic_id
          JOIN of_project AS p ON p.project_id = c.project_id)
    SELECT c.story_id, c.cost, c.reference, c.baseline, round(c.cost::numeric / c.reference, 2) AS factor,
           c.cost::numeric / c.reference > $4::numeric AS high,
           c.cost::numeric / c.reference < $5::numeric AND c.agent_status = 'reported_done' AS low
      FROM compared AS c
     WHERE c.reference > 0
     ORDER BY c.story_id
     LIMIT 10000
"""

# The nearest budget of money that is set for the story, as projections/queries/effective_budget.py has it, and before
# those the one that its project sets for each of its stories.
BEYOND_BUDGET = """
    SELECT t.story_id, s.cost_millicents AS cost,
           coalesce(own.budget_millicents, n.default_story_budget_millicents) AS reference
      FROM (SELECT r.story_id
              FROM app.token_usage_report AS r
             WHERE r.tenant_id = $1 AND r.created_at >= $2
             UNION
            SELECT a.story_id
              FROM app.cost_anomaly AS a
             WHERE a.tenant_id = $1 AND NOT a.resolved AND a.baseline = 'budget') AS d
      JOIN app.story AS t ON t.tenant_id = $1 AND t.story_id = d.story_id
      JOIN app.usage_spend AS s ON s.tenant_id = $1 AND s.scope_type = 'story' AND s.scope_id = t.story_id
      JOIN app.tenant AS n ON n.tenant_id = $1
      LEFT JOIN LATERAL (
           SELECT b.budget_millicents
             FROM app.token_budget AS b
            WHERE b.tenant_id = $1
              AND b.budget_millicents IS NOT NULL
              AND ((b.per IS NULL AND (b.scope_type, b.scope_id) IN (
                       ('story', t.story_id), ('epic', t.epic_id), ('project', t.project_id)))
                   OR (b.per = 'story' AND b.scope_type = 'project' AND b.scope_id = t.project_id))
            ORDER BY array_position(ARRAY['story', 'per', 'epic', 'project'],
                                    CASE WHEN b.per IS NULL THEN b.scope_type ELSE 'per' END)
            LIMIT 1) AS own ON true
     ORDER BY t.story_id
     LIMIT 10000
"""


# Of each story the signal that told the most: all tell the same calls. Reported ones alone, because reports come at the
# end; of others only what was found before.
UNDERREPORTED = """
    SELECT t.story_id, coalesce(s.cost_millicents, 0) AS cost,
           coalesce(s.input_tokens + s.cache_read_tokens + s.cache_write_tokens + s.output_tokens, 0) AS reported,
           max(m.cost_millicents) AS reference,
           max(m.input_tokens + m.cache_read_tokens + m.cache_write_tokens + m.output_tokens) AS measured,
           t.agent_status = 'reported_done' AS done
      FROM (SELECT w.story_id
              FROM app.story AS w
             WHERE w.tenant_id = $1 AND w.agent_status = 'reported_done' AND w.verified_status = 'unverified'
             UNION
            SELECT u.story_id
              FROM app.metered_usage AS u
             WHERE u.tenant_id = $1 AND u.created_at >= $2 AND u.story_id IS NOT NULL
             UNION
            SELECT r.story_id
              FROM app.token_usage_report AS r
             WHERE r.tenant_id = $1 AND r.updated_at >= $2
             UNION
            SELECT a.story_id
              FROM app.cost_anomaly AS a
             WHERE a.tenant_id = $1 AND NOT a.resolved AND a.baseline = 'metered') AS d
      JOIN app.story AS t ON t.tenant_id = $1 AND t.story_id = d.story_id
      JOIN app.metered_spend AS m ON m.tenant_id = $1 AND m.scope_type = 'story' AND m.scope_id = t.story_id
      LEFT JOIN app.usage_spend AS s ON s.tenant_id = $1 AND s.scope_type = 'story' AND s.scope_id = t.story_id
     GROUP BY t.story_id, t.agent_status, s.cost_millicents, s.input_tokens, s.cache_read_tokens,
              s.cache_write_tokens, s.output_tokens
     ORDER BY t.story_id
     LIMIT 10000
"""


async def unusual_of_day(tx: TenantTx, day: datetime, settings: TenantSettings) -> Sequence[Measured]:
    """``day`` is its first moment, in UTC."""
    bounds = _bounds(settings)
    rows = await tx.fetch(OF_DAY, tx.tenant_id, day, day + timedelta(days=1), *bounds)
    return [_measured(row, row["anomaly_type"], "epic_day_mean", day.date().isoformat()) for row in rows]


async def unusual_in_all(tx: TenantTx, since: datetime, settings: TenantSettings) -> Sequence[Measured]:
    """Of stories with a report ``since`` then, and of those with an anomaly, whether it is still one."""
    rows = await tx.fetch(IN_ALL, tx.tenant_id, since, settings.cost_anomaly_min_stories, *_bounds(settings))
    found: list[Measured] = []
    for row in rows:
        for kind, is_so in (("high_cost", row["high"]), ("suspiciously_low", row["low"])):
            found.append(_measured(row, kind, row["baseline"], None, in_range=not is_so))
    return found


async def beyond_budget(tx: TenantTx, since: datetime) -> Sequence[Measured]:
    """The same for what stories may cost. One without a budget costs no more than it may."""
    found: list[Measured] = []
    for row in await tx.fetch(BEYOND_BUDGET, tx.tenant_id, since):
        cost, limit = int(row["cost"]), row["reference"]
        found.append(
            Measured(
                story_id=row["story_id"], anomaly_type="budget_exceeded", story_cost_millicents=cost,
                reference_avg_millicents=limit or 0, deviation_factor=_through(cost, limit or 0), baseline="budget",
                in_range=limit is None or cost <= limit,
            )
        )  # fmt: skip
    return found


async def underreported(tx: TenantTx, since: datetime, settings: TenantSettings) -> Sequence[Measured]:
    """Stories of which far more was measured than reported. One that reported nothing counts as one token."""
    multiplier, found = Decimal(str(settings.cost_anomaly_metered_multiplier)), []
    for row in await tx.fetch(UNDERREPORTED, tx.tenant_id, since):
        reported, measured = int(row["reported"]), int(row["measured"])
        is_so = measured > multiplier * reported
        if is_so and not row["done"]:
            continue
        found.append(
            Measured(
                story_id=row["story_id"], anomaly_type="underreported", story_cost_millicents=int(row["cost"]),
                reference_avg_millicents=int(row["reference"]), deviation_factor=_through(measured, max(reported, 1)),
                baseline="metered", in_range=not is_so, reported_tokens=reported, metered_tokens=measured,
            )
        )  # fmt: skip
    return found


def _bounds(settings: TenantSettings) -> tuple[Decimal, Decimal]:
    """As they were written: as a binary fraction 0.1 is not a tenth any more."""
    return Decimal(str(settings.cost_anomaly_high_multiplier)), Decimal(str(settings.cost_anomaly_low_multiplier))


def _through(cost: int, reference: int) -> str:
    """With two decimals, half a hundredth up."""
    hundredths = (200 * cost + reference) // (2 * reference) if reference else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _measured(row: Any, kind: Any, baseline: Any, period: str | None, *, in_range: bool = False) -> Measured:
    return Measured(
        story_id=row["story_id"], anomaly_type=kind, story_cost_millicents=int(row["cost"]),
        reference_avg_millicents=int(row["reference"]), deviation_factor=f"{row['factor']:.2f}", baseline=baseline,
        period=period, in_range=in_range,
    )  # fmt: skip
