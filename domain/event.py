"""What an event is: a fact, in the past tense, kept for ever."""

from collections.abc import Mapping
from datetime import datetime
from types import UnionType
from typing import ClassVar, Generic, NewType, TypeGuard, TypeVar, get_args
from uuid import UUID

from msgspec import Struct

JsonText = NewType("JsonText", str)
"""Free-form JSON of a client, as text: an entry's own JSON has no fractions (spec 05, section 4.2), a client's may."""

ERASED = "[erased]"
ERASED_JSON = JsonText('{"erased":true}')

LARGEST_DATA = 62_000
"""Bytes of an event's data that are sure to fit into an entry with its head."""


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New fields go last and have a default; nothing is renamed or removed; a changed meaning is a new event."""

    TAG: ClassVar[str]
    """Spelling in the log: noun.past_tense. Never changed."""
    STREAM: ClassVar[str | None] = None
    """Kind of the streams that it happens in; None when that is the noun of its tag."""
    ERASABLE: ClassVar[Mapping[str, str]] = {}
    """Texts that can be erased, with what then stands in their place. The log has only that, and a commitment to the
    text, which is kept beside it (eventstore/log/payloads.py)."""
    TEXTS_APART: ClassVar[bool] = False
    """Whether those texts may come to more than an entry takes. Then the decision bounds them."""

    @classmethod
    def stream_kind(cls) -> str:
        return cls.STREAM or cls.TAG.partition(".")[0]


Kinds = TypeVar("Kinds", bound=Event)


class Events(Generic[Kinds]):
    """The members of a union of event types. The union is for the type checker, which names every fold that forgets one
    of them; this is the same for the running code: ``Events[AgentEvent](AgentEvent)``."""

    def __init__(self, union: UnionType | type[Event]) -> None:
        self.types: tuple[type[Event], ...] = get_args(union) or (union,)
        self._types = frozenset(self.types)

    def has(self, event: Event) -> TypeGuard[Kinds]:
        """By the exact type: asked of every event that is folded, where `isinstance` of a union costs microseconds."""
        return type(event) in self._types


class Stream(Struct, frozen=True, order=True):
    """The events of one entity. ``kind`` as in the log (``story``), ``id`` the entity's."""

    kind: str
    id: UUID


class Recorded(Struct, frozen=True):
    """An event with its place: ``position`` in the tenant's log, ``version`` in its stream, both from 0."""

    position: int
    stream: Stream
    version: int
    at: datetime
    actor: tuple[str, ...]
    event: Event
