"""What the reports of stories say of how they were worked on. A figure that no report has is NULL, not zero."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.usage.behaviour import Course, Effort
from eventstore.database.transaction import TenantTx

# Of one story; or of those that wait for somebody to confirm them, and of which something has happened since, or
# nothing has for too long.
EFFORTS = """
    SELECT t.story_id, t.iteration_count, t.estimated_hours, t.assigned_at, t.reported_done_at,
           coalesce(t.review_position, -1) > coalesce(t.report_position, -1) AS reviewed,
           e.tokens, e.tool_calls, e.reasoning_tokens, e.tests_run
      FROM app.story AS t
     CROSS JOIN LATERAL (
           SELECT sum(r.input_tokens + r.cache_read_tokens + r.cache_write_tokens + r.output_tokens)::bigint AS tokens,
                  sum(r.tool_call_count)::bigint AS tool_calls,
                  sum(r.cot_length_tokens)::bigint AS reasoning_tokens,
                  sum(r.tests_run_count)::bigint AS tests_run
             FROM app.token_usage_report AS r
            WHERE r.tenant_id = $1 AND r.story_id = t.story_id AND r.deleted_at IS NULL) AS e
     WHERE t.tenant_id = $1
       AND ($2::uuid IS NULL OR t.story_id = $2)
       AND ($2::uuid IS NOT NULL OR (
               t.verified_status <> 'verified'
               AND (t.agent_status = 'reported_done'
                    OR (t.agent_status = 'implementing' AND t.review_requested_at IS NOT NULL))
               AND (t.review_requested_at >= $3
                    OR t.reported_done_at >= $3
                    OR (t.reported_done_at < $4
                        AND coalesce(t.review_position, -1) <= coalesce(t.report_position, -1))
                    OR EXISTS (
                        SELECT
                          FROM app.token_usage_report AS n
                         WHERE n.tenant_id = $1 AND n.story_id = t.story_id AND n.created_at >= $3))))
     ORDER BY t.story_id
     LIMIT 10000
"""


class Worked(Struct, frozen=True, kw_only=True):
    """How a story was worked on in this round."""

    story_id: UUID
    iteration: int
    effort: Effort
    course: Course


async def effort_of(tx: TenantTx, story_id: UUID) -> Worked | None:
    """None when there is no such story."""
    row = await tx.fetchrow(EFFORTS, tx.tenant_id, story_id, None, None)
    return _worked(row) if row else None


async def efforts_of_waiting(tx: TenantTx, since: datetime, unreviewed_before: datetime) -> Sequence[Worked]:
    """Of stories that wait to be confirmed: those that moved ``since``, and those that nobody has reviewed although
    they were reported ``unreviewed_before``."""
    return [_worked(row) for row in await tx.fetch(EFFORTS, tx.tenant_id, None, since, unreviewed_before)]


def _worked(row: Any) -> Worked:
    hours = row["estimated_hours"]
    return Worked(
        story_id=row["story_id"],
        iteration=row["iteration_count"],
        effort=Effort(
            estimated_hours=None if hours is None else Decimal(hours), tokens=row["tokens"],
            tool_calls=row["tool_calls"], reasoning_tokens=row["reasoning_tokens"], tests_run=row["tests_run"],
        ),
        course=Course(
            assigned_at=row["assigned_at"], reported_at=row["reported_done_at"], reviewed=row["reviewed"]
        ),
    )  # fmt: skip
