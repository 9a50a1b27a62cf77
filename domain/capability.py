"""Capabilities: single-use rights to one step of one story, bound to whoever may take it (spec 01, section 8.1).

A second lock, never the only one: the decision of the step looks at who asks and at the story all the same. Of each
kind a story has one that counts, the newest; a newer one takes its place.
"""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID, uuid5

from msgspec import Struct, structs

from domain.errors import Forbidden
from domain.event import Event, Events, Recorded
from domain.lifecycle.identity import Identity
from domain.story import Story

CapabilityType = Literal["start_cap", "report_cap", "review_complete_cap", "verify_cap"]
CAPABILITY_TYPES: tuple[CapabilityType, ...] = ("start_cap", "report_cap", "review_complete_cap", "verify_cap")
LIFETIME = timedelta(hours=1)

CONSUMED_BY: dict[str, CapabilityType] = {
    "start": "start_cap",
    "report": "report_cap",
    "review-complete": "review_complete_cap",
    "verify": "verify_cap",
}
"""By the step that a capability is for."""
MINTED_BY: dict[str, CapabilityType] = {"claim": "start_cap", "report": "review_complete_cap"}
"""By the step after which whoever took it gets one. The others are picked up by whoever may use them."""


class CapabilityMinted(Event, frozen=True, kw_only=True):
    """For whoever acts under ``lineage``: its dispatches from the root, or its long-lived key."""

    TAG: ClassVar[str] = "capability.minted"
    cap_id: UUID
    typ: CapabilityType
    story_id: UUID
    project_id: UUID
    lineage: Sequence[UUID]
    expires_at: datetime
    nonce: str
    """32 bytes, base64url without padding."""


class CapabilityPickedUp(CapabilityMinted, frozen=True, kw_only=True):
    """As minted, asked for by whoever may take the step now."""

    TAG: ClassVar[str] = "capability.picked_up"


class CapabilityConsumed(Event, frozen=True, kw_only=True):
    """In the same transaction as the step that it was for."""

    TAG: ClassVar[str] = "capability.consumed"
    cap_id: UUID
    typ: CapabilityType
    story_id: UUID
    project_id: UUID


CapabilityEvent = CapabilityMinted | CapabilityPickedUp | CapabilityConsumed
CAPABILITY_EVENTS = Events[CapabilityEvent](CapabilityEvent)


class Capability(Struct, frozen=True, kw_only=True):
    """The newest of its kind of a story; a row of app.capability."""

    slot_id: UUID
    """Of the story and the kind together: what the stream is called."""
    cap_id: UUID
    typ: CapabilityType
    story_id: UUID
    lineage: tuple[UUID, ...]
    issued_at: datetime
    expires_at: datetime
    nonce: str
    minted_position: int
    consumed_position: int | None
    position: int


def slot_of(story_id: UUID, typ: CapabilityType) -> UUID:
    return uuid5(story_id, typ)


class Fresh(Struct, frozen=True):
    """What a new capability is made of that no decision can make."""

    cap_id: UUID
    nonce: str
    at: datetime


class Right(Struct, frozen=True, kw_only=True):
    """What is presented for a step. ``slot`` is the capability that counts, None when there is none."""

    presented: UUID | None = None
    slot: Capability | None = None
    at: datetime | None = None
    of_all: bool = False
    """The tenant wants one of everybody, not of dispatched callers alone."""
    problem: str = ""
    """Of a whole token: why it is none of ours, or not for this."""


NOTHING = Right()


def check_right(right: Right, action: str, who: Identity, since: int | None) -> None:
    """``since`` is the place in the log of what the step follows: an older capability is for work that is no more.
    Raises Forbidden."""
    typ = CONSUMED_BY[action]
    if right.presented is None:
        if right.of_all or who.dispatch_id is not None:
            raise Forbidden(
                f"{action} takes a {typ}: say its cap_id, or pick one up (POST …/recover-cap with cap_type {typ})",
                code="missing_capability",
                attempted_action=action,
                hints=[f"POST recover-cap with cap_type {typ} gives one to whoever may {action} now."],
            )
        return
    if right.problem:
        raise rejected(right.problem, "is not what was issued for this step: pick up another with recover-cap")
    slot = right.slot
    if slot is None or slot.cap_id != right.presented or right.at is None:
        raise rejected("invalid_capability", f"is not the newest {typ} of this story: pick up another with recover-cap")
    if tuple(slot.lineage) != tuple(who.lineage):
        raise Forbidden(
            "The capability belongs to another lineage: pick up your own with recover-cap", code="wrong_lineage"
        )
    if slot.consumed_position is not None:
        raise Forbidden("The capability was used already: each is good once", code="consumed_nonce")
    if slot.expires_at <= right.at:
        raise Forbidden("The capability has expired: pick up another with recover-cap", code="expired_capability")
    if since is not None and slot.minted_position < since:
        raise rejected("wrong_round", "is of an earlier round of work: pick up another with recover-cap")


def rejected(reason: str, text: str) -> Forbidden:
    """For the reasons that have no code of their own."""
    return Forbidden(f"The capability {text}", code="cap_rejected", details={"reason": [reason]})


def consumed(right: Right, story: Story) -> tuple[CapabilityConsumed, ...]:
    """To be recorded with the step. Nothing when none was presented."""
    slot = right.slot
    if right.presented is None or slot is None:
        return ()
    return (CapabilityConsumed(cap_id=slot.cap_id, typ=slot.typ, story_id=story.story_id, project_id=story.project_id),)


def minted(
    kind: type[CapabilityMinted], typ: CapabilityType, story: Story, lineage: Sequence[UUID], fresh: Fresh
) -> CapabilityMinted:
    return kind(
        cap_id=fresh.cap_id, typ=typ, story_id=story.story_id, project_id=story.project_id, lineage=tuple(lineage),
        expires_at=fresh.at + LIFETIME, nonce=fresh.nonce,
    )  # fmt: skip


def prospective(made: CapabilityMinted, at: datetime) -> Capability:
    """What will count once ``made`` is recorded: newer than anything in the log."""
    return Capability(
        slot_id=slot_of(made.story_id, made.typ), cap_id=made.cap_id, typ=made.typ, story_id=made.story_id,
        lineage=tuple(made.lineage), issued_at=at, expires_at=made.expires_at, nonce=made.nonce,
        minted_position=sys.maxsize, consumed_position=None, position=sys.maxsize,
    )  # fmt: skip


def evolve_capability(slot: Capability | None, recorded: Recorded) -> Capability | None:
    event = recorded.event
    if not CAPABILITY_EVENTS.has(event):
        return slot
    if isinstance(event, CapabilityConsumed):
        if slot is None:
            return None
        return structs.replace(slot, consumed_position=recorded.position, position=recorded.position)
    return Capability(
        slot_id=recorded.stream.id, cap_id=event.cap_id, typ=event.typ, story_id=event.story_id,
        lineage=tuple(event.lineage), issued_at=recorded.at, expires_at=event.expires_at, nonce=event.nonce,
        minted_position=recorded.position, consumed_position=None, position=recorded.position,
    )  # fmt: skip
