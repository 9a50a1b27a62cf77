"""Takes into the log what jobs of the worker have found: they measure, and here it is decided at the head."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct

from api.costs.behaviour import behaviour_found
from api.costs.found import anomaly_found, old_found
from api.knowledge.ingesting import ingested
from api.knowledge.likeness import likeness_found
from api.rounds import in_rounds
from api.services import Submit
from api.skills.regressions import regression_found
from eventstore.database.transaction import Database
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.log.command import Command
from projections.rows.job_findings import Finding, findings_of, forget_finding, tenants_with_findings

MOST_TENANTS = 200
MOST_AT_ONCE = 200

DECIDED: Mapping[str, Callable[[Finding, datetime], Command]] = {
    "cost_anomaly": anomaly_found,
    "token_data": old_found,
    "behaviour": behaviour_found,
    "skill_regression": regression_found,
    "article_likeness": likeness_found,
    "ingestion": ingested,
}
"""By the finding's kind. Of one that is not here a newer worker has made it: it waits for the newer API."""

log = structlog.get_logger("api")


class FoundByJobs(Struct, frozen=True):
    """Every process does this; the log orders them, and whoever comes second finds nothing to do."""

    database: Database
    submit: Submit

    async def run(self, now: Callable[[], datetime]) -> None:
        """Until it is cancelled. ``now`` gives the time in UTC."""
        await in_rounds(self.sweep, now, "findings_not_taken")

    async def sweep(self, now: datetime) -> int:
        """How many were decided about."""
        async with self.database.system_transaction() as tx:
            tenants = await tenants_with_findings(tx, MOST_TENANTS)
        return sum([await self._take(tenant_id, now) for tenant_id in tenants])

    async def _take(self, tenant_id: UUID, now: datetime) -> int:
        async with self.database.tenant_transaction(tenant_id) as tx:
            found = [each for each in await findings_of(tx, MOST_AT_ONCE) if each.kind in DECIDED]
        decided = 0
        for finding in found:
            try:
                await self.submit(tenant_id, DECIDED[finding.kind](finding, now))
            except DatabaseUnavailable:
                raise
            except Exception as error:  # one that cannot be decided about must not hold up the others
                log.warning("finding_failed", tenant=str(tenant_id), name=finding.kind, exc_info=error)
                continue
            # A crash here leaves it to be decided once more, and then nothing is new.
            async with self.database.tenant_transaction(tenant_id) as tx:
                await forget_finding(tx, finding)
            decided += 1
        return decided


@asynccontextmanager
async def taking_findings(found: FoundByJobs, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """As long as the block runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(found.run(now), name="findings of jobs")
        try:
            yield
        finally:
            task.cancel()
