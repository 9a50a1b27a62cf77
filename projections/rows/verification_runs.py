"""Verification runs: a row for each event that tells of one, gone with its story."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.event import Recorded
from domain.lifecycle.events import VerificationRunReported
from domain.story import StoryDeleted
from eventstore.database.transaction import TenantTx

TABLES = ("app.verification_run",)

INSERT = """
    INSERT INTO app.verification_run
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.verification_run, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""
FORGET = "DELETE FROM app.verification_run WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"

OF_STORY = """
    SELECT *, count(*) OVER () AS total FROM app.verification_run
     WHERE tenant_id = $1 AND story_id = $2
     ORDER BY position DESC
     LIMIT $3 OFFSET $4
"""
ONE = "SELECT * FROM app.verification_run WHERE tenant_id = $1 AND run_id = $2"


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    rows = [row_of(each, each.event) for each in recorded if isinstance(each.event, VerificationRunReported)]
    if rows:
        await tx.execute(INSERT, tx.tenant_id, msgspec.json.encode(rows).decode())
    gone = [each.stream.id for each in recorded if isinstance(each.event, StoryDeleted)]
    if gone:
        await tx.execute(FORGET, tx.tenant_id, gone)


def row_of(each: Recorded, event: VerificationRunReported) -> dict[str, Any]:
    row = msgspec.structs.asdict(event)
    return {**row, "story_id": each.stream.id, "created_at": each.at, "position": each.position}


async def list_runs(tx: TenantTx, story_id: UUID, limit: int, offset: int) -> Sequence[Any]:
    """Newest first; each row says the total."""
    return await tx.fetch(OF_STORY, tx.tenant_id, story_id, limit, offset)


async def find_run(tx: TenantTx, run_id: UUID) -> Any:
    """None when there is none."""
    rows = await tx.fetch(ONE, tx.tenant_id, run_id)
    return rows[0] if rows else None
