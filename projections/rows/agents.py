"""Agents, as their events leave them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct

from domain.agent import Agent, AgentRegistered, AgentUpdated, evolve_agent
from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

AGENTS = Entity(name="agent", state=Agent, identity="agent_id", evolve=evolve_agent)

AGENT_NAMES = """
    SELECT asked.name,
           (SELECT a.agent_id FROM app.agent AS a WHERE a.tenant_id = $1 AND a.name = asked.name LIMIT 1) AS holder
      FROM unnest($2::text[]) AS asked (name)
"""

ONE = """
    SELECT a.*, s.seen_at
      FROM app.agent AS a
      LEFT JOIN app.last_seen AS s ON s.tenant_id = a.tenant_id AND s.seen_id = a.agent_id
     WHERE a.tenant_id = $1 AND a.agent_id = $2
"""

LIST = """
    SELECT a.*, s.seen_at, count(*) OVER () AS total
      FROM app.agent AS a
      LEFT JOIN app.last_seen AS s ON s.tenant_id = a.tenant_id AND s.seen_id = a.agent_id
     WHERE a.tenant_id = $1 AND ($2::text IS NULL OR a.agent_type = $2) AND ($3::text IS NULL OR a.status = $3)
     ORDER BY CASE $4::text WHEN 'agent_type' THEN a.agent_type WHEN 'status' THEN a.status END,
              CASE $4::text
                   WHEN 'inserted_at' THEN a.created_at
                   WHEN 'last_seen_at' THEN greatest(s.seen_at, a.created_at)
              END,
              a.name, a.agent_id
     LIMIT $5 OFFSET $6
"""


class AgentName(Model[str, UUID | None]):
    """The agent that has this name, which no other of the tenant ever gets."""

    name = "agent_name"
    events = (AgentRegistered,)

    async def load(self, tx: TenantTx, keys: Sequence[str]) -> Mapping[str, UUID | None]:
        rows = await tx.fetch(AGENT_NAMES, tx.tenant_id, list(keys))
        return {row["name"]: row["holder"] for row in rows}

    def initial(self, _: str) -> UUID | None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[str]:
        registered: Any = recorded.event
        return [registered.name]

    def evolve(self, _: UUID | None, recorded: Recorded) -> UUID | None:
        return recorded.stream.id


AGENT_NAME = AgentName()


COSIGNERS = """
    SELECT asked.key,
           (SELECT a.agent_id
              FROM app.agent AS a
             WHERE a.tenant_id = $1 AND substring(a.cosigner FROM '[^+]*[+][^+]*[+](.*)') = asked.key
             LIMIT 1) AS holder
      FROM unnest($2::text[]) AS asked (key)
"""


class CosignerKey(Model[str, UUID | None]):
    """The agent that signs heads with this key, which is the last part of a vkey."""

    name = "cosigner_key"
    events = (AgentUpdated,)

    async def load(self, tx: TenantTx, keys: Sequence[str]) -> Mapping[str, UUID | None]:
        rows = await tx.fetch(COSIGNERS, tx.tenant_id, list(keys))
        return {row["key"]: row["holder"] for row in rows}

    def initial(self, _: str) -> UUID | None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[str]:
        updated: Any = recorded.event
        return [] if updated.cosigner is UNSET else [key_part(updated.cosigner)]

    def evolve(self, _: UUID | None, recorded: Recorded) -> UUID | None:
        return recorded.stream.id


COSIGNER_KEY = CosignerKey()


def key_part(vkey: str) -> str:
    """Without the name, which tells two agents apart, and the key id that follows from it."""
    return vkey.split("+", 2)[2]


async def find_agent(tx: TenantTx, agent_id: UUID) -> tuple[Agent, datetime] | None:
    """With when it was last seen: at its registration at least."""
    row = await tx.fetchrow(ONE, tx.tenant_id, agent_id)
    return _seen(row) if row else None


class AgentFilter(Struct, frozen=True):
    """``None`` filters nothing."""

    agent_type: str | None = None
    status: str | None = None
    sort_by: str = "name"


async def list_agents(
    tx: TenantTx, wanted: AgentFilter, limit: int, offset: int
) -> tuple[Sequence[tuple[Agent, datetime]], int]:
    """Each with when it was last seen; and how many there are on all pages."""
    filters = (tx.tenant_id, wanted.agent_type, wanted.status, wanted.sort_by)
    rows = await tx.fetch(LIST, *filters, limit, offset)
    counted = rows or (await tx.fetch(LIST, *filters, 1, 0) if offset else [])
    return [_seen(row) for row in rows], counted[0]["total"] if counted else 0


def _seen(row: Any) -> tuple[Agent, datetime]:
    agent = AGENTS.from_row(row)
    return agent, max(agent.created_at, row["seen_at"] or agent.created_at)
