"""Evidence of tests: a row for each event that tells of one, gone with its story."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.event import Recorded
from domain.lifecycle.events import EvidenceReported
from domain.lifecycle.evidence import changes_checks
from domain.story import StoryDeleted
from eventstore.database.transaction import TenantTx

TABLES = ("app.evidence",)

INSERT = """
    INSERT INTO app.evidence
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.evidence, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""
OUTDATE = """
    UPDATE app.evidence AS e
       SET current = false
      FROM unnest($2::uuid[], $3::bigint[]) AS changed (story_id, position)
     WHERE e.tenant_id = $1 AND e.story_id = changed.story_id AND e.position < changed.position AND e.current
"""
FORGET = "DELETE FROM app.evidence WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"

OF_STORY = """
    SELECT *, count(*) OVER () AS total FROM app.evidence
     WHERE tenant_id = $1 AND story_id = $2
     ORDER BY position DESC
     LIMIT $3 OFFSET $4
"""
ONE = "SELECT * FROM app.evidence WHERE tenant_id = $1 AND evidence_id = $2"


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    rows = [row_of(each, each.event) for each in recorded if isinstance(each.event, EvidenceReported)]
    if rows:
        await tx.execute(INSERT, tx.tenant_id, msgspec.json.encode(rows).decode())
    changed = {each.stream.id: each.position for each in recorded if changes_checks(each.event)}
    if changed:
        await tx.execute(OUTDATE, tx.tenant_id, list(changed), list(changed.values()))
    gone = [each.stream.id for each in recorded if isinstance(each.event, StoryDeleted)]
    if gone:
        await tx.execute(FORGET, tx.tenant_id, gone)


def row_of(each: Recorded, event: EvidenceReported) -> dict[str, Any]:
    row = msgspec.structs.asdict(event)
    return {**row, "story_id": each.stream.id, "current": True, "created_at": each.at, "position": each.position}


async def list_evidence(tx: TenantTx, story_id: UUID, limit: int, offset: int) -> Sequence[Any]:
    """Newest first; each row says the total."""
    return await tx.fetch(OF_STORY, tx.tenant_id, story_id, limit, offset)


async def find_evidence(tx: TenantTx, evidence_id: UUID) -> Any:
    """None when there is none."""
    rows = await tx.fetch(ONE, tx.tenant_id, evidence_id)
    return rows[0] if rows else None
