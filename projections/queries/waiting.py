"""What stands still: stories that are in no queue, not verified, and under no lease that would end by itself.

The rule that says why stands here alone, as the CASE below; what each answer needs is domain/lifecycle/waiting.py.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.lifecycle.identity import ANY_AGENT
from domain.lifecycle.waiting import NEEDS
from domain.tenant_settings import TenantSettings
from eventstore.database.transaction import TenantTx

# Epics are looked at first: only those in which somebody has begun something are read, so that a backlog of thousands
# that nobody works on costs nothing. An index of stories by status would cost each transition a write instead.
LIST = """
    WITH standing AS (
        SELECT s.story_id, s.epic_id, s.project_id, s.number, s.major, s.minor, s.position, s.written,
               CASE
                   WHEN s.agent_status = 'contracted' AND (
                       SELECT q.waits_for > 0
                         FROM app.work_queue AS q
                        WHERE q.tenant_id = $1 AND q.story_id = s.story_id) THEN NULL
                   WHEN s.agent_status = 'contracted' THEN 'contracted'
                   WHEN s.agent_status = 'reported_done' AND s.report_position IS NULL THEN 'rejected_not_reset'
                   WHEN s.agent_status = 'reported_done' AND $7::uuid = ANY (s.worked_agents) THEN 'author_unknown'
                   WHEN s.agent_status = 'reported_done' AND s.contracted_hash <> s.criteria_hash
                   THEN 'criteria_changed'
                   WHEN s.agent_status = 'reported_done' AND coalesce(s.review_position, -1) <= s.report_position
                   THEN 'not_reviewed'
                   WHEN s.agent_status = 'reported_done' AND $8::boolean AND NOT EXISTS (
                       SELECT FROM app.dispatch AS d
                        WHERE d.tenant_id = $1 AND d.dispatch_id = s.verifier_dispatch_id
                          AND d.revoked_at IS NULL AND d.expires_at > $6::timestamptz) THEN 'verifier_not_drawn'
                   WHEN s.agent_status = 'reported_done' AND $9::boolean AND NOT coalesce((
                       SELECT r.status = 'pass' AND r.report_position = s.report_position
                         FROM app.verification_run AS r
                        WHERE r.tenant_id = $1 AND r.story_id = s.story_id
                        ORDER BY r.position DESC
                        LIMIT 1), false) THEN 'run_missing'
                   WHEN s.agent_status = 'reported_done' AND $11::text IS NOT NULL AND NOT coalesce((
                       SELECT e.status = 'pass' AND e.current AND e.iteration = s.iteration_count
                              AND e.claim_position IS NOT DISTINCT FROM s.claim_position
                         FROM app.evidence AS e
                        WHERE e.tenant_id = $1 AND e.story_id = s.story_id AND $11::text IN ('any', e.source)
                        ORDER BY e.position DESC
                        LIMIT 1), false) THEN 'evidence_missing'
                   WHEN s.agent_status = 'reported_done' THEN 'not_verified'
                   WHEN s.agent_status = 'implementing' AND s.review_requested_at IS NOT NULL THEN 'not_reported'
                   WHEN s.lease_expires_at IS NOT NULL THEN NULL
                   WHEN (SELECT a.status = 'deactivated' OR NOT EXISTS (
                                    SELECT FROM app.api_key AS k
                                     WHERE k.tenant_id = $1 AND k.agent_id = a.agent_id AND k.revoked_at IS NULL
                                       AND (k.expires_at IS NULL OR k.expires_at > $6::timestamptz))
                           FROM app.agent AS a
                          WHERE a.tenant_id = $1 AND a.agent_id = s.assigned_agent_id) THEN 'holder_gone'
                   WHEN s.agent_status = 'assigned' THEN 'not_started'
                   ELSE 'review_not_requested' END AS why,
               s.assigned_agent_id, s.verifier_dispatch_id, s.assigned_at, s.review_requested_at, s.reported_done_at,
               s.review_position, s.rejected_at, s.updated_at
          FROM app.epic_progress AS p
         CROSS JOIN LATERAL (
               SELECT o.*, o.xmin AS written
                 FROM app.story AS o
                WHERE o.tenant_id = $1 AND o.epic_id = p.epic_id AND o.verified_status <> 'verified'
                  AND o.agent_status <> 'pending'
               OFFSET 0) AS s
         WHERE p.tenant_id = $1 AND p.stories > p.verified AND p.stories > p.pending
           AND ($3::uuid IS NULL OR p.epic_id = $3)
           AND CASE WHEN $2::uuid IS NULL
                    THEN (SELECT j.status
                            FROM app.project AS j
                           WHERE j.tenant_id = $1 AND j.project_id = p.project_id) = 'active'
                    ELSE p.project_id = $2 END
    ), dated AS (
        SELECT standing.*,
               CASE
                   WHEN why = 'contracted' THEN updated_at
                   WHEN why IN ('not_started', 'review_not_requested', 'holder_gone') THEN assigned_at
                   WHEN why = 'not_reported' THEN review_requested_at
                   WHEN why = 'rejected_not_reset' THEN rejected_at
                   WHEN why IN ('not_reviewed', 'author_unknown', 'criteria_changed') THEN reported_done_at
                   ELSE (SELECT r.created_at
                           FROM app.review AS r
                          WHERE r.tenant_id = $1 AND r.story_id = standing.story_id
                          ORDER BY r.position DESC
                          LIMIT 1) END AS since
          FROM standing
         WHERE why = ANY ($4::text[])
    )
    SELECT page.story_id, page.epic_id, page.why, page.since, page.total,
           concat_ws('.', page.position, page.written) AS version,
           (SELECT j.slug FROM app.project AS j WHERE j.tenant_id = $1 AND j.project_id = page.project_id) AS slug,
           page.number,
           CASE
               WHEN page.why IN ('not_started', 'review_not_requested') THEN page.assigned_agent_id
               WHEN page.why = 'not_verified' AND $8::boolean
               THEN (SELECT d.agent_id
                       FROM app.dispatch AS d
                      WHERE d.tenant_id = $1 AND d.dispatch_id = page.verifier_dispatch_id) END AS agent_id
      FROM (SELECT dated.*, count(*) OVER () AS total
              FROM dated
             ORDER BY since, major, minor, story_id
             LIMIT $5 OFFSET $10) AS page
     ORDER BY page.since, page.major, page.minor, page.story_id
"""


EVIDENCE = {"evidence": "any", "ci": "ci"}
"""Whose evidence is wanted, by what the tenant's gate says."""


class WaitingFilter(Struct, frozen=True, kw_only=True):
    """None filters nothing. Archived projects are left out unless one is named."""

    project_id: UUID | None = None
    epic_id: UUID | None = None
    role: str | None = None
    why: str | None = None

    def reasons(self) -> list[str]:
        return [
            why for why, need in NEEDS.items() if self.role in (None, need.role) and self.why in (None, why)
        ]  # fmt: skip


class WaitingPage(Struct, frozen=True):
    """``rows`` say ``story_id``, ``version``, ``number``, ``slug``, ``why``, ``since`` and ``agent_id``, of the one
    agent that can do what is needed where only one can."""

    rows: Sequence[Any]
    total: int


async def list_waiting(
    tx: TenantTx, wanted: WaitingFilter, policy: TenantSettings, now: datetime, page: tuple[int, int]
) -> WaitingPage:
    """Those first that have stood still for longest. ``page`` is limit and offset."""

    async def rows(limit: int, offset: int) -> Sequence[Any]:
        return await tx.fetch(
            LIST, tx.tenant_id, wanted.project_id, wanted.epic_id, wanted.reasons(), limit, now, ANY_AGENT,
            policy.verifier_binding, policy.verification_gate is True, offset,
            EVIDENCE.get(str(policy.verification_gate)),
        )  # fmt: skip

    limit, offset = page
    found = await rows(limit, offset)
    counted = found or (await rows(1, 0) if offset else [])
    return WaitingPage(found, counted[0]["total"] if counted else 0)
