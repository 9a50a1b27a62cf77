"""Agents: who works on stories, registered by the key that is theirs from then on."""

from datetime import datetime
from typing import ClassVar, Literal, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.event import Event, Events, JsonText, Recorded
from domain.fields import BLANK, LONGEST_JSON, LONGEST_NAME, Problems, must_be_one_of

AgentType = Literal["orchestrator", "implementer"]
AGENT_TYPES: tuple[AgentType, ...] = ("orchestrator", "implementer")
AgentStatus = Literal["active", "idle", "deactivated"]


class AgentRegistered(Event, frozen=True, kw_only=True):
    """``key_id`` is the key that registered it; an event of the key's own binds the two."""

    TAG: ClassVar[str] = "agent.registered"
    name: str
    agent_type: AgentType
    metadata: JsonText
    key_id: str


class AgentUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change."""

    TAG: ClassVar[str] = "agent.updated"
    status_was: AgentStatus
    status: AgentStatus | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET
    cosigner: str | UnsetType = UNSET


AgentEvent = AgentRegistered | AgentUpdated
AGENT_EVENTS = Events[AgentEvent](AgentEvent)


class Agent(Struct, frozen=True, kw_only=True):
    """An agent as its events leave it; a row of app.agent. A deactivated one takes no work."""

    agent_id: UUID
    name: str
    agent_type: AgentType
    status: AgentStatus
    metadata: JsonText
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event."""
    cosigner: str | None = None
    """The key (a vkey) with which it signs the heads of the log that it has seen."""


class RegisterAgent(Struct, frozen=True, kw_only=True):
    name: str
    agent_type: str | None
    """As the client said it."""
    metadata: JsonText
    key_id: UUID


class AgentFields(Struct, frozen=True, kw_only=True):
    status: AgentStatus | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET
    cosigner: str | UnsetType = UNSET
    """A vkey, whose holder has shown to have it."""


def register_agent(name_taken: bool, command: RegisterAgent) -> AgentRegistered:
    """Raises Invalid."""
    problems = Problems()
    name = problems.required("name", command.name, LONGEST_NAME)
    agent_type = next((each for each in AGENT_TYPES if each == command.agent_type), None)
    if agent_type is None:
        problems.add("agent_type", must_be_one_of(AGENT_TYPES) if command.agent_type else BLANK)
    if name_taken:
        problems.add("name", "has already been taken")
    problems.optional("metadata", command.metadata, LONGEST_JSON)
    problems.raise_any()
    return AgentRegistered(
        name=name, agent_type=agent_type or "implementer", metadata=command.metadata,
        key_id=str(command.key_id),
    )  # fmt: skip


def update_agent(agent: Agent, fields: AgentFields, cosigns_for: UUID | None = None) -> tuple[AgentUpdated, ...]:
    """Nothing when nothing changes. ``cosigns_for`` is the agent that has the key already: one key is one witness.
    Raises Invalid."""
    problems = Problems()
    if cosigns_for not in (None, agent.agent_id):
        problems.add("cosigner", "is the key of another agent: each has its own")
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
    problems.raise_any()
    changed = {
        name: value
        for name, value in structs.asdict(fields).items()
        if value is not UNSET and value != getattr(agent, name)
    }
    return (AgentUpdated(status_was=agent.status, **changed),) if changed else ()


def evolve_agent(agent: Agent | None, recorded: Recorded) -> Agent | None:
    """The agent after one more event of its stream."""
    event = recorded.event
    if not AGENT_EVENTS.has(event):
        return agent
    match event:
        case AgentRegistered():
            return Agent(
                agent_id=recorded.stream.id, name=event.name, agent_type=event.agent_type, status="active",
                metadata=event.metadata, created_at=recorded.at, updated_at=recorded.at,
                position=recorded.position,
            )  # fmt: skip
        case AgentUpdated():
            if agent is None:
                return None
            fields = (("status", event.status), ("metadata", event.metadata), ("cosigner", event.cosigner))
            changed = {name: value for name, value in fields if value is not UNSET}
            return structs.replace(agent, **changed, updated_at=recorded.at, position=recorded.position)
        case _:
            assert_never(event)
