"""API keys, as their events leave them: nothing in here is secret."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never
from uuid import UUID

from domain.event import Recorded
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
from eventstore.log.command import Model
from projections.rows.entity import Entity

# In place, because the trigger that keeps a key's identity compares the row before with the row after.
KEYS = Entity(name="api_key", state=ApiKey, identity="key_id", evolve=evolve_key, replaces=True)

UNREVOKED = "SELECT count(*) FROM app.api_key WHERE tenant_id = $1 AND revoked_at IS NULL"

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
     WHERE k.tenant_id = $1 AND ($2 OR k.revoked_at IS NULL)
     ORDER BY k.created_at DESC, k.key_id DESC
     LIMIT $3 OFFSET $4
"""


class UnrevokedKeys(Model[None, int]):
    """How many keys of the tenant are not revoked; those that have expired count."""

    name = "unrevoked_keys"
    events = (ApiKeyCreated, ApiKeyRevoked)

    async def load(self, tx: TenantTx, keys: Sequence[None]) -> Mapping[None, int]:
        return dict.fromkeys(keys, await tx.fetchval(UNREVOKED, tx.tenant_id))

    def initial(self, _: None) -> int:
        return 0

    def touched(self, _: Recorded) -> Sequence[None]:
        return [None]

    def evolve(self, count: int, recorded: Recorded) -> int:
        return count + (1 if isinstance(recorded.event, ApiKeyCreated) else -1)


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
    tx: TenantTx, *, revoked: bool, limit: int | None, offset: int
) -> tuple[Sequence[tuple[ApiKey, Any]], int]:
    """Newest first, each with the time of its last use; and how many there are on all pages."""
    rows = await tx.fetch(LIST, tx.tenant_id, revoked, limit, offset)
    counted = rows or (await tx.fetch(LIST, tx.tenant_id, revoked, 1, 0) if offset else [])
    return [(KEYS.from_row(row), row["seen_at"]) for row in rows], counted[0]["total"] if counted else 0
