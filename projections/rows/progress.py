"""How far an epic or a project is, from the counts that are kept of each epic."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx

OF_EPIC = """
    SELECT *, 1 AS epics, CASE WHEN stories > 0 AND stories = verified THEN 1 ELSE 0 END AS epics_completed
      FROM app.epic_progress
     WHERE tenant_id = $1 AND epic_id = $2
"""

OF_PROJECT = """
    SELECT count(*) AS epics, count(*) FILTER (WHERE stories > 0 AND stories = verified) AS epics_completed,
           coalesce(sum(stories), 0) AS stories, coalesce(sum(pending), 0) AS pending,
           coalesce(sum(contracted), 0) AS contracted, coalesce(sum(assigned), 0) AS assigned,
           coalesce(sum(implementing), 0) AS implementing, coalesce(sum(reported_done), 0) AS reported_done,
           coalesce(sum(unverified), 0) AS unverified, coalesce(sum(verified), 0) AS verified,
           coalesce(sum(rejected), 0) AS rejected, coalesce(sum(hours), 0) AS hours,
           coalesce(sum(hours_done), 0) AS hours_done
      FROM app.epic_progress
     WHERE tenant_id = $1 AND project_id = $2
"""

AGENT_STATUSES = ("pending", "contracted", "assigned", "implementing", "reported_done")
VERIFIED_STATUSES = ("unverified", "verified", "rejected")


class Progress(Struct, frozen=True, kw_only=True):
    """Numbers of stories by status; ``hours`` are estimated ones, ``hours_done`` those of verified stories."""

    epics: int
    epics_completed: int
    """Those with stories, all of them verified."""
    stories: int
    pending: int
    contracted: int
    assigned: int
    implementing: int
    reported_done: int
    unverified: int
    verified: int
    rejected: int
    hours: Decimal
    hours_done: Decimal

    def count(self, status: str | None) -> int:
        """Stories in one status of either kind, or all."""
        number: int = getattr(self, status or "stories")
        return number


def percentage(part: int, whole: int) -> float:
    """To one decimal, a half rounded up; 0.0 of nothing. In integers, so that no half gets lost."""
    return (2000 * part + whole) // (2 * whole) / 10 if whole else 0.0


async def epic_progress(tx: TenantTx, epic_id: UUID) -> Progress | None:
    row = await tx.fetchrow(OF_EPIC, tx.tenant_id, epic_id)
    return _progress(row) if row else None


async def project_progress(tx: TenantTx, project_id: UUID) -> Progress:
    """All zero for a project that is not known."""
    return _progress(await tx.fetchrow(OF_PROJECT, tx.tenant_id, project_id))


def _progress(row: Any) -> Progress:
    return Progress(**{name: row[name] for name in Progress.__struct_fields__})
