"""Deliveries of webhooks: written in the transaction of their events, and no read model, because attempts are in no
event. What is sent, and when, is the worker's affair (workers/webhooks/)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.lifecycle.events import ArtifactReported
from domain.webhook import WebhookTested
from domain.webhook_sent import TRIGGERS
from eventstore.database.transaction import TenantTx
from projections.rows.audit_index import columns_of

QUEUE = "SELECT app.queue_webhooks($1, $2, $3, $4, $5, $6)"

QUEUE_TESTS = """
    INSERT INTO app.webhook_delivery (tenant_id, webhook_id, position, event_type, subject_id, test, created_at)
    SELECT $1, given.webhook_id, given.position, given.event_type, given.webhook_id, TRUE, given.at
      FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[])
           AS given (webhook_id, position, event_type, at)
"""

ONE = "SELECT * FROM app.webhook_delivery WHERE tenant_id = $1 AND webhook_id = $2 AND position = $3"

LIST = """
    SELECT position, event_type, state, attempts, next_at, last_attempt_at, delivered_at, error, created_at,
           count(*) OVER () AS total
      FROM app.webhook_delivery
     WHERE tenant_id = $1
       AND webhook_id = $2
       AND ($3::text IS NULL OR state = $3)
       AND ($4::text IS NULL OR event_type = $4)
       AND ($5::timestamptz IS NULL OR created_at >= $5)
       AND ($6::timestamptz IS NULL OR created_at <= $6)
     ORDER BY position DESC
     LIMIT $7 OFFSET $8
"""

BEGIN_ANEW = """
    UPDATE app.webhook_delivery
       SET state = 'pending', attempts = 0, next_at = now(), lease_token = NULL, delivered_at = NULL
     WHERE tenant_id = $1 AND webhook_id = $2 AND position = ANY ($3::bigint[]) AND state <> 'pending'
"""

WRITE_AGAIN = """
    INSERT INTO app.webhook_delivery AS d (tenant_id, webhook_id, position, event_type, subject_id, created_at)
    SELECT $1::uuid, $2::uuid, given.position, given.event_type, given.subject_id, given.at
      FROM unnest($3::bigint[], $4::text[], $5::uuid[], $6::timestamptz[])
           AS given (position, event_type, subject_id, at)
        ON CONFLICT (tenant_id, webhook_id, position) DO UPDATE
       SET state = 'pending', attempts = 0, next_at = now(), lease_token = NULL, delivered_at = NULL
     WHERE d.state <> 'pending'
"""

TO_REPLAY = """
    SELECT position
      FROM app.webhook_delivery
     WHERE tenant_id = $1
       AND webhook_id = $2
       AND state = ANY ($3::text[])
       AND ($4::timestamptz IS NULL OR created_at >= $4)
       AND ($5::timestamptz IS NULL OR created_at <= $5)
       AND ($6::bigint IS NULL OR position >= $6)
       AND ($7::bigint IS NULL OR position <= $7)
     ORDER BY position
     LIMIT $8
"""

FORGET = "DELETE FROM app.webhook_delivery WHERE tenant_id = $1 AND webhook_id = $2"


class Wanted(Struct, frozen=True, kw_only=True):
    """``None`` filters nothing."""

    state: str | None = None
    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    types, subjects = queued_of(recorded)
    if types is not None:
        projects = columns_of(recorded)[1]
        first = recorded[0]
        await tx.execute(QUEUE, tx.tenant_id, first.position, first.at, types, projects, subjects)
    tests = [(each, each.event) for each in recorded if isinstance(each.event, WebhookTested)]
    if tests:
        await tx.execute(
            QUEUE_TESTS, tx.tenant_id, [each.stream.id for each, _ in tests], [each.position for each, _ in tests],
            [event.event_type for _, event in tests], [each.at for each, _ in tests],
        )  # fmt: skip


def queued_of(recorded: Sequence[Recorded]) -> tuple[list[str | None] | None, list[UUID] | None]:
    """Of each event the type under which it is sent, and what it happened to: of one story, nothing overtakes anything.
    None where nothing is sent."""
    types = [TRIGGERS.get(type(each.event)) for each in recorded]
    return (types, [subject_of(each) for each in recorded]) if any(types) else (None, None)


def subject_of(recorded: Recorded) -> UUID:
    return recorded.event.story_id if isinstance(recorded.event, ArtifactReported) else recorded.stream.id


async def find_delivery(tx: TenantTx, webhook_id: UUID, position: int) -> Any | None:
    return await tx.fetchrow(ONE, tx.tenant_id, webhook_id, position)


async def list_deliveries(
    tx: TenantTx, webhook_id: UUID, wanted: Wanted, limit: int, offset: int
) -> tuple[Sequence[Any], int]:
    """Newest first; and how many there are on all pages."""
    filters = (tx.tenant_id, webhook_id, wanted.state, wanted.event_type, wanted.since, wanted.until)
    rows = await tx.fetch(LIST, *filters, limit, offset)
    counted = rows or (await tx.fetch(LIST, *filters, 1, 0) if offset else [])
    return rows, counted[0]["total"] if counted else 0
