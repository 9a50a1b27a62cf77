"""API keys, as their events leave them: nothing in here is secret."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from domain.dispatch import ENDS_MANY, DispatchRevoked, evolve_key_or_end
from domain.event import Event, Recorded
from domain.key import (
    API_KEY_EVENTS,
    ApiKey,
    ApiKeyCreated,
    ApiKeyLinked,
    ApiKeyRevoked,
    ApiKeyRotated,
    evolve_key,
)
from eventstore.database.transaction import TenantTx
from eventstore.log.command import EVERY, Model
from projections.rows.entity import Entity

# In place, because the trigger that keeps a key's identity compares the row before with the row after.
KEYS = Entity(
    name="api_key", state=ApiKey, identity="key_id", evolve=evolve_key_or_end, replaces=True, spreading=ENDS_MANY
)

UNREVOKED = """
    SELECT asked.at,
           (SELECT count(*) FROM app.api_key AS k
             WHERE k.tenant_id = $1 AND k.revoked_at IS NULL AND k.dispatch_id IS NULL)
         + (SELECT count(*) FROM app.api_key AS k
             WHERE k.tenant_id = $1 AND k.revoked_at IS NULL AND k.dispatch_id IS NOT NULL AND k.expires_at > asked.at)
           AS unrevoked
      FROM unnest($2::timestamptz[]) AS asked (at)
"""

OF_AGENTS = """
    SELECT k.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.api_key AS k WHERE k.tenant_id = $1 AND k.agent_id = asked.id
     ) AS k
"""

LIST = """
    SELECT k.*, s.seen_at, count(*) OVER () AS total
      FROM app.api_key AS k
      LEFT JOIN app.last_seen AS s ON s.tenant_id = k.tenant_id AND s.seen_id = k.key_id
     WHERE k.tenant_id = $1
       AND ($2 OR (k.revoked_at IS NULL AND (k.dispatch_id IS NULL OR k.expires_at > $3)))
     ORDER BY k.created_at DESC, k.key_id DESC
     LIMIT $4 OFFSET $5
"""


class UnrevokedKeys(Model[datetime, int]):
    """How many keys of the tenant are not revoked. Those that have expired count, but for the keys of dispatches, which
    are made to expire; so the number is of a time."""

    name = "unrevoked_keys"
    volatile = True
    events: tuple[type[Event], ...] = (ApiKeyCreated, *ENDS_MANY)

    async def load(self, tx: TenantTx, keys: Sequence[datetime]) -> Mapping[datetime, int]:
        rows = await tx.fetch(UNREVOKED, tx.tenant_id, list(dict.fromkeys(keys)))
        return {row["at"]: row["unrevoked"] for row in rows}

    def initial(self, _: datetime) -> int:
        return 0

    def touched(self, _: Recorded) -> Sequence[datetime]:
        return EVERY

    def evolve(self, count: int, recorded: Recorded) -> int:
        """Of a key that was revoked, what ends with it is counted when the next batch looks."""
        match recorded.event:
            case ApiKeyCreated():
                return count + 1
            case DispatchRevoked(ended=ended):
                return count - ended
            case _:
                return count - 1


class KeysOfAgent(Model[UUID, Sequence[ApiKey]]):
    """All keys that were ever an agent's, by the agent's id; () for no agent. What of them is still good depends on
    the time, so the decision looks. Loaded for each batch: an event of a key does not say whose it is."""

    name = "keys_of_agent"
    volatile = True
    events = (ApiKeyCreated, ApiKeyLinked)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Sequence[ApiKey]]:
        found: dict[Any, tuple[ApiKey, ...]] = {}
        for row in await tx.fetch(OF_AGENTS, tx.tenant_id, list(dict.fromkeys(keys))):
            found[row["agent_id"]] = (*found.get(row["agent_id"], ()), KEYS.from_row(row))
        return found

    def initial(self, _: UUID) -> Sequence[ApiKey]:
        return ()

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        event = recorded.event
        if not API_KEY_EVENTS.has(event):
            return ()
        match event:
            case ApiKeyCreated() | ApiKeyLinked():
                return [UUID(event.agent_id)] if event.agent_id else ()
            case ApiKeyRotated() | ApiKeyRevoked():
                return ()
            case _:
                assert_never(event)

    def evolve(self, keys: Sequence[ApiKey], recorded: Recorded) -> Sequence[ApiKey]:
        made = evolve_key(None, recorded)
        return (*keys, made) if made else keys


UNREVOKED_KEYS = UnrevokedKeys()
KEYS_OF_AGENT = KeysOfAgent()


async def list_keys(
    tx: TenantTx, at: datetime, *, revoked: bool, limit: int | None, offset: int
) -> tuple[Sequence[tuple[ApiKey, Any]], int]:
    """Newest first, each with the time of its last use; and how many there are on all pages."""
    rows = await tx.fetch(LIST, tx.tenant_id, revoked, at, limit, offset)
    counted = rows or (await tx.fetch(LIST, tx.tenant_id, revoked, at, 1, 0) if offset else [])
    return [(KEYS.from_row(row), row["seen_at"]) for row in rows], counted[0]["total"] if counted else 0
