"""An event as the audit trail, a story's history and the change feed show it (spec 01, sections 4.1, 5.1 and 5.2)."""

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, Struct

from domain.audit_shape import Fields
from domain.audit_shapes import AUDIT_SHAPES, FREE_FORM
from domain.capability import CapabilityConsumed, CapabilityMinted
from domain.event import Recorded
from domain.observation import Observed
from domain.usage.events import TokenUsageCorrected, TokenUsageDeleted, TokenUsageReported

OF_STORIES = (TokenUsageReported, TokenUsageCorrected, TokenUsageDeleted, CapabilityMinted, CapabilityConsumed)
"""Events of other streams that belong to the history of a story."""
OBSERVED = "observe."
IMPERSONATING = "superadmin:impersonating:"
EFFECTIVE_ROLE = "effective_role:"


class AuditActor(Struct, frozen=True):
    """``type`` is one of api_key, system, superadmin, human."""

    type: str
    id: UUID | None
    label: str
    metadata: dict[str, Any]


class AuditSubject(Struct, frozen=True):
    """What an entry is found by."""

    entity_type: str
    entity_id: UUID
    action: str
    project_id: UUID | None
    story_id: UUID | None = None
    """The story whose history the entry belongs to as well, when its entity is something else."""


class States(Struct, frozen=True):
    old: dict[str, Any] | None
    new: Any
    """An object, or its JSON."""
    metadata: dict[str, Any]


class AuditEntry(Struct, frozen=True, kw_only=True):
    id: UUID
    tenant_id: UUID
    position: int
    subject: AuditSubject
    actor: AuditActor
    old_state: dict[str, Any] | None
    new_state: Any
    metadata: dict[str, Any]
    inserted_at: str


def audit_entry(tenant_id: UUID, recorded: Recorded) -> AuditEntry:
    """The only translation of events into entries. The same event has the same entry, with the same id, every time."""
    states, actor = states_of(recorded), actor_of(recorded)
    return AuditEntry(
        id=entry_id(tenant_id, recorded.position), tenant_id=tenant_id, position=recorded.position,
        subject=subject_of(recorded), actor=actor, old_state=states.old, new_state=states.new,
        metadata={**states.metadata, **actor.metadata}, inserted_at=wire_text(recorded.at),
    )  # fmt: skip


def entry_id(tenant_id: UUID, position: int) -> UUID:
    return uuid5(tenant_id, f"audit:{position}")


def subject_of(recorded: Recorded) -> AuditSubject:
    event, stream = recorded.event, recorded.stream
    if isinstance(event, Observed):
        return AuditSubject(event.entity_type, event.entity_id, OBSERVED + event.name, event.project_id)
    shape = AUDIT_SHAPES[type(event)]
    project_id = stream.id if stream.kind == "project" else getattr(event, "project_id", None) or None
    story_id = event.story_id if isinstance(event, OF_STORIES) else None
    return AuditSubject(shape.entity_type, stream.id, shape.action, project_id, story_id)


def states_of(recorded: Recorded) -> States:
    """Raises KeyError for an event type that is not in the table."""
    shape = AUDIT_SHAPES[type(recorded.event)]
    if shape.whole:
        return States(None, _value(recorded, shape.whole), {})
    new = None if shape.new is None else {**shape.becomes, **_members(recorded, shape.new)}
    old = None if shape.old is None else _members(recorded, shape.old)
    if shape.changed_only and old and new:
        old = {name: value for name, value in old.items() if name in new}
    return States(old, new, _members(recorded, shape.more))


def wire_text(at: datetime) -> str:
    """UTC with microseconds and Z."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def actor_of(recorded: Recorded) -> AuditActor:
    """From the entry's actor: a key first, then its label, then its dispatches from the root.

    A superadmin inside a tenant is followed by the role that it took. Whatever has no key is the system, apart from the
    operator, who is a person at the server.
    """
    first, *rest = recorded.actor
    label = rest[0] if rest else first
    kind, id_ = actor_type_and_id(recorded.actor)
    metadata: dict[str, Any] = {}
    if kind == "api_key" and rest[1:]:
        metadata = {"lineage": rest[1:]}
    if kind == "superadmin":
        metadata = _impersonation(recorded, str(id_), label, rest[1:])
    return AuditActor(kind, id_, label, metadata)


@lru_cache(4096)
def actor_type_and_id(actor: tuple[str, ...]) -> tuple[str, UUID | None]:
    """What an entry is found by of its actor."""
    kind, _, identity = actor[0].partition(":")
    match kind:
        case "api_key":
            return "api_key", UUID(identity)
        case "superadmin_key":
            return "superadmin", UUID(identity)
        case "operator":
            return "human", None
        case _:
            return "system", None


def _impersonation(recorded: Recorded, key_id: str, label: str, rest: list[str]) -> dict[str, Any]:
    if not label.startswith(IMPERSONATING):
        return {}
    roles = [each.removeprefix(EFFECTIVE_ROLE) for each in rest if each.startswith(EFFECTIVE_ROLE)]
    role = roles[0] if roles and roles[0] != "superadmin" else None
    return {"impersonated_by": key_id, "impersonated_at": wire_text(recorded.at), "effective_role": role}


def _members(recorded: Recorded, fields: Fields) -> dict[str, Any]:
    return {member: value for member, field in fields.items() if (value := _value(recorded, field)) is not UNSET}


def _value(recorded: Recorded, field: str) -> Any:
    """As JSON can hold it; UNSET for a member that the event leaves out."""
    if field == "@id":
        return recorded.stream.id
    value = recorded.at if field == "@at" else getattr(recorded.event, field)
    if isinstance(value, datetime):
        return wire_text(value)
    return msgspec.Raw(value.encode()) if field in FREE_FORM and isinstance(value, str) else value
