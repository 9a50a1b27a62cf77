"""Forgets answers that were kept for repetitions after a day (spec 06, section 6.4; spec 02, section 10.1)."""

from uuid import UUID

from eventstore.database.tenants import each_tenant
from workers.actors import Actor, Job, Outcome, Tools
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run

HOUR_SECONDS = 3600
BATCH = 1000
LONGEST_SECONDS = 900.0

PURGE = """
    DELETE FROM app.idempotency
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT i.ctid
                 FROM app.idempotency AS i
                WHERE i.tenant_id = $1 AND i.created_at < now() - INTERVAL '24 hours'
                LIMIT $2))
"""


async def purge_each(tools: Tools) -> int:
    """How many were forgotten. A crash in between leaves the rest for the next hour."""
    count = 0
    async for tenant in each_tenant(tools.database):
        gone = BATCH
        while gone == BATCH:
            async with tools.database.tenant_transaction(tenant.id) as tx:
                gone = int((await tx.execute(PURGE, tenant.id, BATCH)).rpartition(" ")[2])
            count += gone
    return count


async def purge_idempotency(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await purge_each(tools)

    return await complete_run(tools, run_id, work)


ACTOR = Actor("purge_idempotency", purge_idempotency, time_limit_seconds=LONGEST_SECONDS)
JOB = Job("purge_idempotency", every_seconds=HOUR_SECONDS, actor=ACTOR)
