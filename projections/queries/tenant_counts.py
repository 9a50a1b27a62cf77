"""How much there is in a tenant, counted inside that tenant: there is no query over the rows of several."""

from datetime import datetime

from msgspec import Struct

from eventstore.database.transaction import TenantTx

COUNTS = """
    SELECT (SELECT count(*) FROM app.project AS p WHERE p.tenant_id = $1) AS projects,
           (SELECT count(*) FROM app.epic AS e WHERE e.tenant_id = $1) AS epics,
           (SELECT count(*) FROM app.agent AS a WHERE a.tenant_id = $1) AS agents,
           (SELECT count(*)
              FROM app.agent AS a
              LEFT JOIN app.last_seen AS s ON s.tenant_id = $1 AND s.seen_id = a.agent_id
             WHERE a.tenant_id = $1 AND a.status = 'active'
               AND greatest(s.seen_at, a.created_at) >= $2) AS active_agents,
           (SELECT count(*) FROM app.api_key AS k WHERE k.tenant_id = $1 AND k.revoked_at IS NULL) AS api_keys,
           coalesce(sum(stories), 0)::bigint AS stories,
           coalesce(sum(pending), 0)::bigint AS pending,
           coalesce(sum(contracted), 0)::bigint AS contracted,
           coalesce(sum(assigned), 0)::bigint AS assigned,
           coalesce(sum(implementing), 0)::bigint AS implementing,
           coalesce(sum(reported_done), 0)::bigint AS reported_done,
           coalesce(sum(unverified), 0)::bigint AS unverified,
           coalesce(sum(verified), 0)::bigint AS verified,
           coalesce(sum(rejected), 0)::bigint AS rejected
      FROM app.epic_progress
     WHERE tenant_id = $1
"""


class TenantCounts(Struct, frozen=True, kw_only=True):
    """``api_keys`` are those not revoked; the rest from ``pending`` on are stories by either of their statuses."""

    projects: int = 0
    epics: int = 0
    agents: int = 0
    active_agents: int = 0
    api_keys: int = 0
    stories: int = 0
    pending: int = 0
    contracted: int = 0
    assigned: int = 0
    implementing: int = 0
    reported_done: int = 0
    unverified: int = 0
    verified: int = 0
    rejected: int = 0

    def __add__(self, other: "TenantCounts") -> "TenantCounts":
        names = self.__struct_fields__
        return TenantCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})


async def count_tenant(tx: TenantTx, seen_since: datetime) -> TenantCounts:
    """``active_agents`` are those seen since then."""
    row = await tx.fetchrow(COUNTS, tx.tenant_id, seen_since)
    return TenantCounts(**dict(row or {}))
