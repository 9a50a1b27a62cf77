"""Forgets deliveries that are over and older than their tenant keeps them. What waits is never forgotten."""

from datetime import timedelta
from uuid import UUID

from domain.tenant_settings import read_settings
from eventstore.database.tenants import each_tenant
from workers.actors import Actor, Job, Outcome, Tools
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run

DAY_SECONDS = 86_400
AT_THREE = 3 * 3600
BATCH = 1000
LONGEST_SECONDS = 900.0

SETTINGS = "SELECT settings FROM app.tenant WHERE tenant_id = $1"

PURGE = """
    DELETE FROM app.webhook_delivery
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT d.ctid
                 FROM app.webhook_delivery AS d
                WHERE d.tenant_id = $1 AND d.state <> 'pending' AND d.created_at < now() - $2::interval
                ORDER BY d.created_at
                LIMIT $3))
"""


async def purge_each(tools: Tools) -> int:
    """How many were forgotten. A crash in between leaves the rest for the next day."""
    count = 0
    async for tenant in each_tenant(tools.database):
        while (gone := await _purge(tools, tenant.id)) == BATCH:
            count += gone
        count += gone
    return count


async def _purge(tools: Tools, tenant_id: UUID) -> int:
    async with tools.database.tenant_transaction(tenant_id) as tx:
        settings = read_settings(await tx.fetchval(SETTINGS, tenant_id))
        kept = timedelta(days=settings.webhook_event_retention_days)
        return int((await tx.execute(PURGE, tenant_id, kept, BATCH)).rpartition(" ")[2])


async def purge_webhook_deliveries(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await purge_each(tools)

    return await complete_run(tools, run_id, work)


ACTOR = Actor("purge_webhook_deliveries", purge_webhook_deliveries, time_limit_seconds=LONGEST_SECONDS)
JOB = Job("purge_webhook_deliveries", every_seconds=DAY_SECONDS, actor=ACTOR, offset_seconds=AT_THREE)
