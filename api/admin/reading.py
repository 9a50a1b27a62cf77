"""What superadmins read of all tenants: the names through one narrow function, everything else tenant by tenant.

A transaction for each tenant costs a millisecond or two; in return nothing in the database can read the rows of two
tenants at once, for superadmins or for whoever takes over this process.
"""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from api.http.asking import Asking
from api.services import Services
from domain.errors import NotFound
from domain.tenant import Tenant
from projections.queries.tenant_counts import TenantCounts, count_tenant
from projections.rows.tenants import find_email, find_tenant, find_tenants

SEEN_WITHIN = timedelta(hours=24)
AT_A_TIME = 100
"""Tenants on one page of names."""


class Whole(Struct, frozen=True):
    """A tenant and how much there is in it."""

    tenant: Tenant
    email: str | None
    counts: TenantCounts


def inside(asking: Asking, tenant_id: UUID) -> Asking:
    """The superadmin at work on that tenant, as it is and in no role of the tenant's."""
    return structs.replace(asking, caller=structs.replace(asking.caller, tenant_id=tenant_id))


async def read_whole(services: Services, tenant_id: UUID) -> Whole:
    """Raises NotFound."""
    async with services.reading(tenant_id) as tx:
        tenant = await find_tenant(tx)
        if tenant is None:
            raise NotFound("Not found")
        return Whole(tenant, await find_email(tx), await count_tenant(tx, services.utc_now() - SEEN_WITHIN))


async def list_whole(
    services: Services, status: str | None, search: str | None, limit: int, offset: int
) -> tuple[list[Whole], int]:
    """By name; and how many there are on all pages."""
    async with services.reading_names() as tx:
        ids, total = await find_tenants(tx, status, search, limit, offset)
    return [await read_whole(services, tenant_id) for tenant_id in ids], total


async def read_stats(services: Services) -> dict[str, Any]:
    """Over all tenants, one after the other."""
    counts, statuses, halted, read, total = TenantCounts(), Counter[str](), 0, 0, 1
    while read < total:
        page, total = await list_whole(services, None, None, AT_A_TIME, read)
        for whole in page:
            counts += whole.counts
            statuses[whole.tenant.status] += 1
            halted += whole.tenant.custody_halted_at is not None
        read += AT_A_TIME
    return {**_stats(counts, statuses), "tenants_halted": halted}


def _stats(counts: TenantCounts, statuses: Counter[str]) -> dict[str, Any]:
    agent_side = ("pending", "contracted", "assigned", "implementing", "reported_done")
    orchestrator_side = ("unverified", "verified", "rejected")
    return {
        "total_tenants": statuses.total(),
        **{f"tenants_{name}": statuses[name] for name in ("active", "suspended", "deactivated", "pending_enrollment")},
        "total_projects": counts.projects,
        "total_epics": counts.epics,
        "total_stories": counts.stories,
        "total_agents": counts.agents,
        "total_api_keys": counts.api_keys,
        "stories_by_agent_status": {name: getattr(counts, name) for name in agent_side},
        "stories_by_verified_status": {name: getattr(counts, name) for name in orchestrator_side},
        "active_stories": counts.implementing,
        "active_agents": counts.active_agents,
    }
