"""What is to be read in, as its events leave it, and how the worker is getting on with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.knowledge.ingestion import (
    Earlier,
    Ingestion,
    IngestionFinished,
    IngestionRequested,
    dedupe_of,
    evolve_ingestion,
)
from eventstore.database.transaction import SystemTx, TenantTx
from eventstore.log.command import EVERY, Model
from projections.rows.entity import Entity

INGESTIONS = Entity(name="ingestion", state=Ingestion, identity="ingestion_id", evolve=evolve_ingestion)

EARLIER = """
    SELECT asked.dedupe, e.ingestion_id, e.requested_at
      FROM unnest($2::text[]) AS asked (dedupe)
     CROSS JOIN LATERAL (
           SELECT i.ingestion_id, i.requested_at
             FROM app.ingestion AS i
            WHERE i.tenant_id = $1 AND i.dedupe = asked.dedupe AND i.state <> 'discarded'
            ORDER BY i.requested_at DESC
            LIMIT 1) AS e
"""

TENANTS = "SELECT tenant_id FROM app.tenants_ingesting($1)"

TAKE = """
    INSERT INTO app.ingestion_attempt AS t (tenant_id, ingestion_id, attempts, due_at, attempted_at)
    SELECT $1, i.ingestion_id, 1, now() + $2, now()
      FROM app.ingestion AS i
      LEFT JOIN app.ingestion_attempt AS a ON a.tenant_id = $1 AND a.ingestion_id = i.ingestion_id
     WHERE i.tenant_id = $1 AND i.state = 'queued' AND (a.ingestion_id IS NULL OR NOT a.noted AND a.due_at <= now())
     ORDER BY i.requested_at
     LIMIT 1
        ON CONFLICT (tenant_id, ingestion_id) DO UPDATE
       SET attempts = t.attempts + 1, due_at = excluded.due_at, attempted_at = excluded.attempted_at
     WHERE t.due_at <= now() AND NOT t.noted
 RETURNING t.ingestion_id, t.attempts
"""

PUT_OFF = """
    UPDATE app.ingestion_attempt
       SET due_at = now() + $3, error = $4
     WHERE tenant_id = $1 AND ingestion_id = $2
"""

NOTED = """
    UPDATE app.ingestion_attempt
       SET noted = TRUE, error = $3
     WHERE tenant_id = $1 AND ingestion_id = $2
"""

RECENT = """
    SELECT i.ingestion_id, i.state, i.source_type, i.url, i.content_hash, i.error, i.article_count, i.requested_at,
           i.finished_at, a.attempts, a.attempted_at, a.error AS last_error
      FROM app.ingestion AS i
      LEFT JOIN app.ingestion_attempt AS a ON a.tenant_id = $1 AND a.ingestion_id = i.ingestion_id
     WHERE i.tenant_id = $1 AND i.requested_at > $2
     ORDER BY i.requested_at DESC, i.ingestion_id
     LIMIT 50
"""


class Taken(Struct, frozen=True):
    ingestion: Ingestion
    attempt: int


class EarlierIngestion(Model[str, Earlier]):
    """By what makes two jobs the same."""

    name = "earlier_ingestion"
    events = (IngestionRequested, IngestionFinished)

    async def load(self, tx: TenantTx, keys: Sequence[str]) -> Mapping[str, Earlier]:
        rows = await tx.fetch(EARLIER, tx.tenant_id, list(keys))
        return {row["dedupe"]: Earlier(row["dedupe"], row["ingestion_id"], row["requested_at"]) for row in rows}

    def initial(self, key: str) -> Earlier:
        return Earlier(key)

    def touched(self, recorded: Recorded) -> Sequence[str]:
        event: Any = recorded.event
        if isinstance(event, IngestionRequested):
            return [dedupe_of(event.content_hash, event.source_type, event.project_id)]
        return EVERY if event.state == "discarded" else ()

    def evolve(self, state: Earlier, recorded: Recorded) -> Earlier:
        if isinstance(recorded.event, IngestionRequested):
            return Earlier(state.dedupe, recorded.stream.id, recorded.at)
        return Earlier(state.dedupe) if state.ingestion_id == recorded.stream.id else state


EARLIER_INGESTION = EarlierIngestion()


async def tenants_ingesting(tx: SystemTx, most: int) -> Sequence[UUID]:
    return [row["tenant_id"] for row in await tx.fetch(TENANTS, most)]


async def take_ingestion(tx: TenantTx, lease: timedelta) -> Taken | None:
    """The oldest that nobody works on."""
    row = await tx.fetchrow(TAKE, tx.tenant_id, lease)
    if row is None:
        return None
    found = (await INGESTIONS.load(tx, [row["ingestion_id"]])).get(row["ingestion_id"])
    return None if found is None else Taken(found, row["attempts"])


async def put_off_ingestion(tx: TenantTx, ingestion_id: UUID, pause: timedelta, error: str) -> None:
    await tx.execute(PUT_OFF, tx.tenant_id, ingestion_id, pause, error)


async def note_ingested(tx: TenantTx, ingestion_id: UUID, error: str | None) -> None:
    await tx.execute(NOTED, tx.tenant_id, ingestion_id, error)


async def recent_ingestions(tx: TenantTx, since: datetime) -> Sequence[Any]:
    """The newest first."""
    return await tx.fetch(RECENT, tx.tenant_id, since)
