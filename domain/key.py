"""The API keys of a tenant: made, rotated, revoked; never anything secret."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, assert_never
from uuid import UUID

from msgspec import Struct, structs

from domain.agent import Agent
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.event import Event, Events, Recorded
from domain.fields import BLANK, INVALID, LONGEST_NAME, Problems, must_be_one_of

KeyRole = Literal["agent", "orchestrator", "user"]
KEY_ROLES: tuple[KeyRole, ...] = ("agent", "orchestrator", "user")

DEFAULT_GRACE_HOURS = 24
LONGEST_GRACE_HOURS = 168


class ApiKeyCreated(Event, frozen=True, kw_only=True):
    """``key_prefix`` is all of the key that is ever shown again; its hash never enters the log."""

    TAG: ClassVar[str] = "api_key.created"
    name: str
    role: KeyRole
    key_prefix: str
    agent_id: str | None = None
    expires_at: str | None = None
    dispatch_id: UUID | None = None
    """Of the key of a dispatch; as that dispatch's own event says, so are the others."""
    lineage: Sequence[UUID] = ()
    minters: Sequence[UUID] = ()
    human_root: bool = False


class ApiKeyLinked(Event, frozen=True, kw_only=True):
    """The agent that this key has registered, and is from now on."""

    TAG: ClassVar[str] = "api_key.linked"
    agent_id: str


class ApiKeyRotated(Event, frozen=True, kw_only=True):
    """Another key takes this one's place; until ``expires_at`` both are good."""

    TAG: ClassVar[str] = "api_key.rotated"
    replaced_by: str
    expires_at: str


class ApiKeyRevoked(Event, frozen=True, kw_only=True):
    """With it ends everything that was dispatched with this key."""

    TAG: ClassVar[str] = "api_key.revoked"
    dispatch_id: UUID | None = None
    """Of the key of a dispatch."""


ApiKeyEvent = ApiKeyCreated | ApiKeyLinked | ApiKeyRotated | ApiKeyRevoked
API_KEY_EVENTS = Events[ApiKeyEvent](ApiKeyEvent)


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key as its events leave it; a row of app.api_key."""

    key_id: UUID
    name: str
    role: KeyRole
    key_prefix: str
    agent_id: UUID | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None
    dispatch_id: UUID | None = None
    lineage: tuple[UUID, ...] = ()
    """Of the key of a dispatch: from the root to that dispatch."""
    minters: tuple[UUID, ...] = ()
    """Agents of those above it."""
    human_root: bool = False
    position: int
    """Of the newest event."""

    def is_good(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class CreateKey(Struct, frozen=True, kw_only=True):
    """``role`` and ``agent_id`` as the client said them; ``expires_at`` None where it said nothing."""

    name: str
    role: str
    key_prefix: str
    agent_id: UUID | None
    expires_at: datetime | None
    most_keys: int


def create_key(
    command: CreateKey, agent: Agent | None, unrevoked: int, of_agent: Sequence[ApiKey], at: datetime
) -> tuple[ApiKeyCreated, ...]:
    """``of_agent`` are all keys of the agent that was named. Raises Invalid, Forbidden, NotFound."""
    if command.role == "superadmin":
        raise Forbidden("Superadmin keys are made on the server by its operator, not over the API")
    problems = Problems()
    name = problems.required("name", command.name, LONGEST_NAME)
    role = next((each for each in KEY_ROLES if each == command.role), None)
    if role is None:
        problems.add("role", must_be_one_of(KEY_ROLES) if command.role else BLANK)
    elif role == "user" and command.agent_id:
        problems.add("agent_id", f"{INVALID}: a user key belongs to no agent, so leave it out")
    problems.raise_any()
    if command.agent_id and agent is None:
        raise NotFound("Not found")
    _check_agent(role, agent)
    if any(key.role == role and key.is_good(at) for key in of_agent):
        raise Invalid(agent_id="has an active key of this role already: rotate or revoke that one")
    _check_limit(unrevoked, command.most_keys)
    return (
        ApiKeyCreated(
            name=name,
            role=role or "agent",
            key_prefix=command.key_prefix,
            agent_id=str(command.agent_id) if command.agent_id else None,
            expires_at=_moment(command.expires_at) if command.expires_at else None,
        ),
    )


class RotateKey(Struct, frozen=True, kw_only=True):
    """``agent`` is the one that the key belongs to."""

    new_id: UUID
    agent: Agent | None
    key_prefix: str
    grace_hours: int
    most_keys: int


def rotate_key(
    key: ApiKey, command: RotateKey, unrevoked: int, of_agent: Sequence[ApiKey], at: datetime
) -> tuple[ApiKeyCreated, ApiKeyRotated]:
    """Both keys are good until the end of the grace, and none but the newest of an agent and role can be rotated, so
    that there is one that stays. Raises Invalid."""
    if key.revoked_at is not None:
        raise Invalid("A revoked key cannot be rotated: create another one", code="rejected")
    if key.dispatch_id is not None:
        raise Invalid("The key of a dispatch ends with it and is not rotated: mint another dispatch", code="rejected")
    _check_agent(key.role, command.agent)
    others = [other for other in of_agent if other.role == key.role and other.key_id != key.key_id]
    if any(other.is_good(at) and other.replaced_by is None for other in others):
        raise Invalid("The agent has another active key of this role: rotate or revoke that one", code="rejected")
    _check_limit(unrevoked, command.most_keys)
    end = at + timedelta(hours=min(max(command.grace_hours, 0), LONGEST_GRACE_HOURS))
    end = min(end, key.expires_at) if key.expires_at else end
    agent_id = str(key.agent_id) if key.agent_id else None
    created = ApiKeyCreated(name=key.name, role=key.role, key_prefix=command.key_prefix, agent_id=agent_id)
    return created, ApiKeyRotated(replaced_by=str(command.new_id), expires_at=_moment(end))


def revoke_key(key: ApiKey) -> tuple[ApiKeyRevoked, ...]:
    """Nothing when it is revoked already: the time of the first revocation stands."""
    return () if key.revoked_at else (ApiKeyRevoked(dispatch_id=key.dispatch_id),)


def link_key(key: ApiKey, agent_id: UUID) -> ApiKeyLinked:
    """Raises Conflict when the key is an agent already."""
    if key.agent_id is not None:
        raise Conflict(
            f"Conflict: this key has registered agent {key.agent_id} already; another agent needs a key of its own"
        )
    return ApiKeyLinked(agent_id=str(agent_id))


def evolve_key(key: ApiKey | None, recorded: Recorded) -> ApiKey | None:
    """The key after one more event of its stream."""
    event = recorded.event
    if not API_KEY_EVENTS.has(event):
        return key
    if isinstance(event, ApiKeyCreated):
        return ApiKey(
            key_id=recorded.stream.id, name=event.name, role=event.role, key_prefix=event.key_prefix,
            agent_id=UUID(event.agent_id) if event.agent_id else None, created_at=recorded.at,
            expires_at=datetime.fromisoformat(event.expires_at) if event.expires_at else None,
            revoked_at=None, replaced_by=None, dispatch_id=event.dispatch_id, lineage=tuple(event.lineage),
            minters=tuple(event.minters), human_root=event.human_root, position=recorded.position,
        )  # fmt: skip
    if key is None:
        return None
    match event:
        case ApiKeyLinked():
            return structs.replace(key, agent_id=UUID(event.agent_id), position=recorded.position)
        case ApiKeyRotated():
            end, new = datetime.fromisoformat(event.expires_at), UUID(event.replaced_by)
            return structs.replace(key, expires_at=end, replaced_by=new, position=recorded.position)
        case ApiKeyRevoked():
            return structs.replace(key, revoked_at=recorded.at, position=recorded.position)
        case _:
            assert_never(event)


def _check_agent(role: KeyRole | None, agent: Agent | None) -> None:
    """Who confirms the work of others is somebody: an orchestrator's key is that of an orchestrator. Raises Invalid."""
    if role == "orchestrator" and (agent is None or agent.agent_type != "orchestrator"):
        raise Invalid(
            "A key of role orchestrator belongs to an agent of type orchestrator: make a key of role agent, register "
            "the agent with it (POST /api/v1/agents/register), and say its id as agent_id.",
            code="orchestrator_agent_required",
        )


def _check_limit(unrevoked: int, most: int) -> None:
    if unrevoked >= most:
        raise Invalid(
            f"API key limit reached for this tenant ({most}): revoke keys that nobody uses, or raise max_api_keys",
            code="limit_reached",
        )


def _moment(at: datetime) -> str:
    """In UTC with microseconds and Z, as all times in the log."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
