"""What jobs of the worker have found that belongs into a log: rows until it is decided about (domain/usage/anomaly.py
and others). The worker writes them, the API takes them out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import SystemTx, TenantTx

NOTE = """
    INSERT INTO app.job_finding AS f (tenant_id, finding_id, kind, subject_id, topic, details)
    SELECT $1, given.finding_id, $2, given.subject_id, given.topic, given.details
      FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[]) AS given (finding_id, subject_id, topic, details)
        ON CONFLICT (tenant_id, kind, subject_id, topic) DO UPDATE
       SET details = excluded.details
"""

TENANTS = "SELECT tenant_id FROM app.tenants_with_findings($1)"

OF_TENANT = """
    SELECT finding_id, kind, subject_id, details, found_at
      FROM app.job_finding
     WHERE tenant_id = $1
     ORDER BY found_at, finding_id
     LIMIT $2
"""

FORGET = "DELETE FROM app.job_finding WHERE tenant_id = $1 AND finding_id = $2 AND details = $3"


class Finding(Struct, frozen=True, kw_only=True):
    """``details`` is JSON, of a form that the kind says."""

    finding_id: UUID
    kind: str
    subject_id: UUID
    details: str
    found_at: datetime


class Found(Struct, frozen=True):
    """To be noted, under an id that no other has. Of one subject and topic the last stays."""

    finding_id: UUID
    subject_id: UUID
    topic: str
    details: str


async def note_findings(tx: TenantTx, kind: str, found: Sequence[Found]) -> None:
    if found:
        columns = ([getattr(each, name) for each in found] for name in Found.__struct_fields__)
        await tx.execute(NOTE, tx.tenant_id, kind, *columns)


async def tenants_with_findings(tx: SystemTx, most: int) -> Sequence[UUID]:
    return [row["tenant_id"] for row in await tx.fetch(TENANTS, most)]


async def findings_of(tx: TenantTx, most: int) -> Sequence[Finding]:
    """The oldest first."""
    rows = await tx.fetch(OF_TENANT, tx.tenant_id, most)
    return [Finding(**{name: row[name] for name in Finding.__struct_fields__}) for row in rows]


async def forget_finding(tx: TenantTx, finding: Finding) -> None:
    """Unless something newer was found of the same since it was read."""
    await tx.execute(FORGET, tx.tenant_id, finding.finding_id, finding.details)
