"""Agents on the wire (spec 01, section 2.5)."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.times import wire_time
from domain.agent import Agent, AgentFields, AgentStatus, AgentType, RegisterAgent
from domain.event import JsonText

Text = Annotated[str, Meta(max_length=65_536)]
Metadata = Annotated[dict[str, Any], Meta(max_length=64)]


class RegisterAgentBody(Struct, frozen=True, kw_only=True):
    name: Text | None = None
    agent_type: Text | None = None
    metadata: Metadata | None = None

    def command(self, key_id: UUID) -> RegisterAgent:
        kind = next((each for each in get_args(AgentType) if each == self.agent_type), None)
        return RegisterAgent(
            name=self.name or "", agent_type=kind, metadata=_as_text(self.metadata or {}), key_id=key_id
        )


class UpdateAgentBody(Struct, frozen=True, kw_only=True):
    status: AgentStatus | None = None
    metadata: Metadata | None = None

    def fields(self) -> AgentFields:
        return AgentFields(
            status=UNSET if self.status is None else self.status,
            metadata=UNSET if self.metadata is None else _as_text(self.metadata),
        )


class AgentsQuery(PageQuery, frozen=True, kw_only=True):
    agent_type: Annotated[Literal["orchestrator", "implementer"], Meta(description="Only these.")] | UnsetType = UNSET
    status: Annotated[Literal["active", "idle", "deactivated"], Meta(description="Only these.")] | UnsetType = UNSET
    sort_by: Annotated[
        str, Meta(description="name, agent_type, status, last_seen_at or inserted_at; ascending. Default name.")
    ] = "name"


def agent_body(tenant_id: UUID, agent: Agent, last_seen_at: datetime) -> dict[str, Any]:
    return {
        "id": agent.agent_id,
        "tenant_id": tenant_id,
        "name": agent.name,
        "agent_type": agent.agent_type,
        "status": agent.status,
        "last_seen_at": wire_time(last_seen_at),
        "metadata": msgspec.Raw(agent.metadata.encode()),
        "inserted_at": wire_time(agent.created_at),
        "updated_at": wire_time(agent.updated_at),
    }


def _as_text(value: Any) -> JsonText:
    return JsonText(msgspec.json.encode(value).decode())
