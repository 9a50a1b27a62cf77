"""Looks each Sunday for reports of usage and anomalies that are older than their tenant keeps them (spec 02, section
10.8). What becomes of them is an event, by a process of the API (api/found_by_jobs.py)."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from domain.usage.archival import Old
from eventstore.database.tenants import each_tenant
from eventstore.database.transaction import TenantTx
from projections.rows.job_findings import Found, note_findings
from workers.actors import Actor, Job, Outcome, Tools
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run, tick_of
from workers.scheduler import uuid7

WEEK_SECONDS = 7 * 86_400
SUNDAY_AT_THREE = 3 * 86_400 + 3 * 3600
"""1970 began on a Thursday."""
LONGEST_SECONDS = 900.0
FOUND = "token_data"

OLD = """
    SELECT n.token_data_retention_days AS days,
           (SELECT count(*)
              FROM app.token_usage_report AS r
             WHERE r.tenant_id = $1 AND r.created_at < kept.since) AS reports,
           (SELECT count(*)
              FROM app.cost_anomaly AS a
             WHERE a.tenant_id = $1 AND NOT a.archived AND a.created_at < kept.since) AS anomalies
      FROM app.tenant AS n
     CROSS JOIN LATERAL (SELECT $2::timestamptz - make_interval(days => n.token_data_retention_days) AS since) AS kept
     WHERE n.tenant_id = $1 AND n.token_data_retention_days IS NOT NULL
"""


async def look_for_old(tools: Tools, tick: datetime) -> None:
    """A crash in between leaves the rest for the next attempt, which finds the same of the first ones."""
    async for tenant in each_tenant(tools.database):
        if tenant.status == "active":
            async with tools.database.tenant_transaction(tenant.id) as tx:
                await _look(tx, tick)


async def _look(tx: TenantTx, tick: datetime) -> None:
    row = await tx.fetchrow(OLD, tx.tenant_id, tick)
    if row is None or not (row["reports"] or row["anomalies"]):
        return
    old = Old(
        retention_days=row["days"], before=tick - timedelta(days=row["days"]), reports=row["reports"],
        anomalies=row["anomalies"],
    )  # fmt: skip
    found = Found(uuid7(tick), tx.tenant_id, "old", msgspec.json.encode(old).decode())
    await note_findings(tx, FOUND, [found])


async def archive_token_data(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await look_for_old(tools, await tick_of(tools, run_id))

    return await complete_run(tools, run_id, work)


ACTOR = Actor("archive_token_data", archive_token_data, time_limit_seconds=LONGEST_SECONDS)
JOB = Job("archive_token_data", every_seconds=WEEK_SECONDS, actor=ACTOR, offset_seconds=SUNDAY_AT_THREE)
