"""Looks at every tenant's log: at its newest entries when it has grown, at all of it in slices (spec 05, R9).

What is wrong is said at every look until it is right again: a line at error level and a count, never a halt, because
nothing here is evidence for others.
"""

from uuid import UUID

import structlog

from eventstore.database.tenants import ListedTenant, each_tenant
from eventstore.fsck.watch import Pace, Watched, watch_log
from workers.actors import Actor, Job, Outcome, Tools
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run

log = structlog.get_logger(__name__)

PACE = Pace()
LONGEST_SECONDS = 900.0


async def check_each(tools: Tools, pace: Pace) -> None:
    """One after the other, so that the service keeps its connections. A crash in between leaves the rest for the next
    tick."""
    async for tenant in each_tenant(tools.database):
        _tell(tools, tenant, await watch_log(tools.database, tenant.id, pace))


def _tell(tools: Tools, tenant: ListedTenant, watched: Watched) -> None:
    if not watched.checks:
        return
    fault = watched.fault
    tools.log_checked("good" if fault is None else "bad", "" if fault is None else fault.check)
    if fault is not None:
        where = {"code": fault.code, "path": fault.place, "reason": fault.problem}
        log.error("log_damaged", tenant=str(tenant.id), name=fault.check, **where)


async def check_logs(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await check_each(tools, PACE)

    return await complete_run(tools, run_id, work)


ACTOR = Actor("check_logs", check_logs, time_limit_seconds=LONGEST_SECONDS)
JOB = Job("check_logs", every_seconds=PACE.tick_seconds, actor=ACTOR)
