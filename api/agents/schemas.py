"""Agents on the wire (spec 01, section 2.5)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.times import wire_time
from domain.agent import Agent, AgentFields, AgentStatus, RegisterAgent
from domain.errors import Invalid
from domain.event import JsonText
from eventstore.heads.cosignatures import agent_key
from loopctl.cosigning import owns
from loopctl.tlog.errors import TlogError

Text = Annotated[str, Meta(max_length=65_536)]
Metadata = Annotated[dict[str, Any], Meta(max_length=64)]


class RegisterAgentBody(Struct, frozen=True, kw_only=True):
    name: Text | None = None
    agent_type: Text | None = None
    metadata: Metadata | None = None

    def command(self, key_id: UUID) -> RegisterAgent:
        return RegisterAgent(
            name=self.name or "", agent_type=self.agent_type, metadata=_as_text(self.metadata or {}), key_id=key_id
        )


class UpdateAgentBody(Struct, frozen=True, kw_only=True):
    status: AgentStatus | None = None
    metadata: Metadata | None = None
    cosigner: Annotated[str, Meta(max_length=400, description="Its vkey (cosignature/v1)")] | None = None
    cosigner_proof: Annotated[str, Meta(max_length=100, description="By that key: loopctl agent cosigner")] | None = (
        None
    )

    def fields(self, origin: str, agent_id: UUID) -> AgentFields:
        """Raises Invalid."""
        return AgentFields(
            status=UNSET if self.status is None else self.status,
            metadata=UNSET if self.metadata is None else _as_text(self.metadata),
            cosigner=UNSET if self.cosigner is None else self._checked(self.cosigner, origin, agent_id),
        )

    def _checked(self, vkey: str, origin: str, agent_id: UUID) -> str:
        try:
            key = agent_key(vkey, origin, agent_id)
        except TlogError as error:
            raise Invalid(cosigner=f"is no key of this agent: {error.problem}") from None
        if not owns(key, self.cosigner_proof or ""):
            raise Invalid(cosigner_proof="is not signed with that key: loopctl agent cosigner makes both")
        return vkey


class AgentsQuery(PageQuery, frozen=True, kw_only=True):
    agent_type: Annotated[Literal["orchestrator", "implementer"], Meta(description="Only these.")] | UnsetType = UNSET
    status: Annotated[Literal["active", "idle", "deactivated"], Meta(description="Only these.")] | UnsetType = UNSET
    sort_by: Annotated[
        Literal["name", "agent_type", "status", "last_seen_at", "inserted_at"],
        Meta(description="Ascending; default name."),
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
        "cosigner": agent.cosigner,
        "inserted_at": wire_time(agent.created_at),
        "updated_at": wire_time(agent.updated_at),
    }


def _as_text(value: Any) -> JsonText:
    return JsonText(msgspec.json.encode(value).decode())
