"""Erasing texts of recorded events: kept beside the log, which goes on proving what was recorded (spec 05, R16)."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID, uuid5

from msgspec import Struct, structs

from domain.errors import Conflict, Invalid, NotFound
from domain.event import Event, Events, Recorded, Stream
from domain.fields import Problems

LONGEST_REASON = 255


class PayloadErased(Event, frozen=True, kw_only=True):
    """The texts ``members`` of the event at position ``seq`` are gone. Of them nothing is said but why."""

    TAG: ClassVar[str] = "payload.erased"
    seq: int
    reason: str
    event: str
    """The tag of the event."""
    entity_kind: str
    entity_id: UUID
    members: Sequence[str]


ErasureEvent = PayloadErased
ERASURE_EVENTS = Events[ErasureEvent](ErasureEvent)


class Erasable(Struct, frozen=True):
    """What an entry has of texts. ``members`` are those that are still there; ``committed``: there were some."""

    tag: str
    entity_kind: str
    entity_id: UUID
    committed: bool
    members: tuple[str, ...]


def erasure_stream(tenant_id: UUID) -> Stream:
    """All erasures of a tenant."""
    return Stream("payload", uuid5(tenant_id, "payload"))


def erase_payload(found: Erasable | None, position: int, reason: str) -> PayloadErased:
    """Raises Invalid, NotFound, and Conflict for what is gone already."""
    problems = Problems()
    why = problems.required("reason", reason, LONGEST_REASON)
    problems.raise_any()
    if found is None:
        raise NotFound("Not found")
    if not found.committed:
        raise Invalid(
            position=f"is of a {found.tag} event without a text that can be erased", code="nothing_to_erase"
        )  # fmt: skip
    if not found.members:
        raise Conflict("The texts of this event were erased before.", code="payload_erased")
    return PayloadErased(
        seq=position, reason=why, event=found.tag, entity_kind=found.entity_kind, entity_id=found.entity_id,
        members=found.members,
    )  # fmt: skip


def evolve_erasable(found: Erasable | None, recorded: Recorded) -> Erasable | None:
    if found is not None and isinstance(recorded.event, PayloadErased):
        return structs.replace(found, members=())
    return found
