"""Reviews, verification results and artifacts: one row for each event that tells of one, gone with its story."""

from collections.abc import Sequence
from typing import Any, assert_never
from uuid import UUID

import msgspec

from domain.event import Recorded
from domain.lifecycle.events import (
    VERIFICATION_EVENTS,
    ArtifactReported,
    ReviewCompleted,
    StoryMarkedComplete,
    StoryRejected,
    StoryVerified,
    VerificationEvent,
)
from domain.story import StoryDeleted
from eventstore.database.transaction import TenantTx

TABLES = ("app.review", "app.verification", "app.artifact")

INSERT_REVIEWS = """
    INSERT INTO app.review
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.review, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

INSERT_VERIFICATIONS = """
    INSERT INTO app.verification
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.verification, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

INSERT_ARTIFACTS = """
    INSERT INTO app.artifact
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.artifact, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

FORGET_REVIEWS = "DELETE FROM app.review WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"
FORGET_VERIFICATIONS = "DELETE FROM app.verification WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"
FORGET_ARTIFACTS = "DELETE FROM app.artifact WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"

REVIEWS = """
    SELECT *, count(*) OVER () AS total FROM app.review
     WHERE tenant_id = $1 AND story_id = $2
     ORDER BY position DESC
     LIMIT $3 OFFSET $4
"""

VERIFICATIONS = """
    SELECT *, count(*) OVER () AS total FROM app.verification
     WHERE tenant_id = $1 AND story_id = $2
     ORDER BY position DESC
     LIMIT $3 OFFSET $4
"""

ARTIFACTS = """
    SELECT *, count(*) OVER () AS total FROM app.artifact
     WHERE tenant_id = $1 AND story_id = $2
     ORDER BY position
     LIMIT $3 OFFSET $4
"""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    statements = (INSERT_REVIEWS, INSERT_VERIFICATIONS, INSERT_ARTIFACTS)
    for statement, rows in zip(statements, rows_of(recorded), strict=True):
        await _insert(tx, statement, rows)
    gone = [each.stream.id for each in recorded if isinstance(each.event, StoryDeleted)]
    if gone:
        for statement in (FORGET_REVIEWS, FORGET_VERIFICATIONS, FORGET_ARTIFACTS):
            await tx.execute(statement, tx.tenant_id, gone)


def rows_of(recorded: Sequence[Recorded]) -> tuple[list[dict[str, Any]], ...]:
    """Of reviews, verification results and artifacts."""
    reviews, verifications, artifacts = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    for each in recorded:
        if isinstance(each.event, ReviewCompleted):
            reviews.append(_review(each))
        elif VERIFICATION_EVENTS.has(each.event):
            verifications.append(_verification(each, each.event))
        elif isinstance(each.event, ArtifactReported):
            artifacts.append(_artifact(each))
    return reviews, verifications, artifacts


async def list_reviews(tx: TenantTx, story_id: UUID, limit: int, offset: int) -> Sequence[Any]:
    """Newest first; each row says the total."""
    return await tx.fetch(REVIEWS, tx.tenant_id, story_id, limit, offset)


async def list_verifications(tx: TenantTx, story_id: UUID, limit: int, offset: int) -> Sequence[Any]:
    """Newest first; each row says the total."""
    return await tx.fetch(VERIFICATIONS, tx.tenant_id, story_id, limit, offset)


async def list_artifacts(tx: TenantTx, story_id: UUID, limit: int, offset: int) -> Sequence[Any]:
    """Oldest first; each row says the total."""
    return await tx.fetch(ARTIFACTS, tx.tenant_id, story_id, limit, offset)


async def _insert(tx: TenantTx, statement: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await tx.execute(statement, tx.tenant_id, msgspec.json.encode(rows).decode())


def _review(each: Recorded) -> dict[str, Any]:
    row = msgspec.structs.asdict(each.event)
    return {**row, "story_id": each.stream.id, "created_at": each.at, "position": each.position}


def _verification(each: Recorded, event: VerificationEvent) -> dict[str, Any]:
    result: str
    match event:
        case StoryVerified():
            result, summary = event.result, event.summary
        case StoryRejected():
            result, summary = "fail", event.reason
        case StoryMarkedComplete():
            result, summary = "pass", event.summary
        case _:
            assert_never(event)
    return {
        "verification_id": event.verification_id,
        "story_id": each.stream.id,
        "orchestrator_agent_id": event.orchestrator_agent_id,
        "result": result,
        "summary": summary,
        "findings": event.findings,
        "review_type": event.review_type,
        "iteration": event.iteration,
        "created_at": each.at,
        "position": each.position,
    }


def _artifact(each: Recorded) -> dict[str, Any]:
    row = msgspec.structs.asdict(each.event)
    return {**row, "artifact_id": each.stream.id, "created_at": each.at, "position": each.position}
