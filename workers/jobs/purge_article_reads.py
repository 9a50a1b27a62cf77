"""Forgets after a time which articles were read, and by whom (spec 03, section 20)."""

from datetime import timedelta
from uuid import UUID

from eventstore.database.tenants import each_tenant
from workers.actors import Actor, Job, Outcome, Tools
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run

DAY_SECONDS = 86_400
AT_FOUR = 4 * 3600
KEPT = timedelta(days=400)
"""More than the 365 days that any figure looks back."""
BATCH = 5000
LONGEST_SECONDS = 900.0

PURGE = """
    DELETE FROM app.article_access
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT r.ctid
                 FROM app.article_access AS r
                WHERE r.tenant_id = $1 AND r.accessed_at < now() - $2::interval
                ORDER BY r.accessed_at
                LIMIT $3))
"""


async def purge_each(tools: Tools) -> int:
    """How many were forgotten. A crash in between leaves the rest for the next day."""
    count = 0
    async for tenant in each_tenant(tools.database):
        gone = BATCH
        while gone == BATCH:
            async with tools.database.tenant_transaction(tenant.id) as tx:
                gone = int((await tx.execute(PURGE, tenant.id, KEPT, BATCH)).rpartition(" ")[2])
            count += gone
    return count


async def purge_article_reads(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await purge_each(tools)

    return await complete_run(tools, run_id, work)


ACTOR = Actor("purge_article_reads", purge_article_reads, time_limit_seconds=LONGEST_SECONDS)
JOB = Job("purge_article_reads", every_seconds=DAY_SECONDS, actor=ACTOR, offset_seconds=AT_FOUR)
