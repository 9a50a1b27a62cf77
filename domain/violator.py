"""Violators: what was refused or stopped because it would have broken custody, kept for a person to look at.

They follow from the events that tell of it; a superadmin says what became of each.
"""

from datetime import datetime
from typing import ClassVar, Literal, assert_never
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct, structs

from domain.authenticator import AuthenticatorSuspected
from domain.event import Event, Events, JsonText, Recorded
from domain.fields import Problems
from domain.lifecycle.events import CustodyViolated
from domain.tenant import CustodyHalted

LONGEST_NOTE = 2_000

ViolationType = Literal[
    "self_report_blocked", "self_review_blocked", "self_verify_blocked", "custody_halted", "authenticator_suspected"
]
"""Somebody tried to confirm their own work; custody was halted; a security key's counter went back."""
ViolatorStatus = Literal["pending", "resolved", "ignored"]


class ViolatorResolved(Event, frozen=True, kw_only=True):
    """A person has looked, and it is done with. ``note`` may be empty."""

    TAG: ClassVar[str] = "violator.resolved"
    note: str
    status_was: ViolatorStatus


class ViolatorIgnored(Event, frozen=True, kw_only=True):
    """A person has looked, and nothing follows from it."""

    TAG: ClassVar[str] = "violator.ignored"
    note: str
    status_was: ViolatorStatus


ViolatorEvent = ViolatorResolved | ViolatorIgnored
VIOLATOR_EVENTS = Events[ViolatorEvent](ViolatorEvent)

Violation = CustodyViolated | CustodyHalted | AuthenticatorSuspected
VIOLATIONS = Events[Violation](Violation)
"""What makes one."""


class Violator(Struct, frozen=True, kw_only=True):
    """A row of app.violator. ``entity_type`` and ``entity_id`` name what it happened to; ``detail`` is JSON."""

    violator_id: UUID
    violation_type: str
    entity_type: str
    entity_id: UUID
    discovered_at: datetime
    detail: JsonText
    status: ViolatorStatus = "pending"
    resolved_at: datetime | None = None
    resolution_note: str | None = None
    position: int
    """Of the newest event."""


def violator_id(tenant_id: UUID, position: int) -> UUID:
    """Of the violation that stands at this place of the tenant's log."""
    return uuid5(tenant_id, f"violation/{position}")


def violator_of(tenant_id: UUID, recorded: Recorded) -> Violator | None:
    """None when the event tells of no violation."""
    event = recorded.event
    if not VIOLATIONS.has(event):
        return None
    kind, detail = _told(event)
    detail = {"position": recorded.position, "actor": list(recorded.actor), **detail}
    return Violator(
        violator_id=violator_id(tenant_id, recorded.position), violation_type=kind,
        entity_type=recorded.stream.kind, entity_id=recorded.stream.id, discovered_at=recorded.at,
        detail=JsonText(msgspec.json.encode(detail, order="deterministic").decode()), position=recorded.position,
    )  # fmt: skip


def _told(event: Violation) -> tuple[str, dict[str, object]]:
    match event:
        case CustodyViolated():
            return event.code, {"attempted_action": event.attempted_action, "agent_id": event.agent_id}
        case CustodyHalted():
            return "custody_halted", {
                "reason": event.reason, "evidence": event.evidence, "claimed_size": event.claimed_size
            }  # fmt: skip
        case AuthenticatorSuspected():
            return "authenticator_suspected", {"sign_count_was": event.sign_count_was}
        case _:
            assert_never(event)


def evolve_violator(violator: Violator | None, recorded: Recorded) -> Violator | None:
    """After one more event of its own stream."""
    event = recorded.event
    if violator is None or not VIOLATOR_EVENTS.has(event):
        return violator
    status: ViolatorStatus = "resolved" if isinstance(event, ViolatorResolved) else "ignored"
    return structs.replace(
        violator, status=status, resolved_at=recorded.at, resolution_note=event.note, position=recorded.position
    )


def settle_violator(violator: Violator, status: ViolatorStatus, note: str) -> tuple[ViolatorEvent, ...]:
    """``status`` is resolved or ignored; a person may think again. Nothing when it says so already. Raises Invalid."""
    problems = Problems()
    said = problems.line("note", note, LONGEST_NOTE) or ""
    problems.raise_any()
    if (violator.status, violator.resolution_note) == (status, said):
        return ()
    kind = ViolatorResolved if status == "resolved" else ViolatorIgnored
    return (kind(note=said, status_was=violator.status),)
