"""What an event is: a fact, in the past tense, kept for ever."""

from datetime import datetime
from typing import ClassVar, NewType
from uuid import UUID

from msgspec import Struct

JsonText = NewType("JsonText", str)
"""Free-form JSON of a client, as text: an entry's own JSON has no fractions (spec 05, section 4.2), a client's may."""

LARGEST_DATA = 62_000
"""Bytes of an event's data that are sure to fit into an entry with its head."""


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New fields go last and have a default; nothing is renamed or removed; a changed meaning is a new event."""

    TAG: ClassVar[str]
    """Spelling in the log: noun.past_tense. Never changed."""
    STREAM: ClassVar[str | None] = None
    """Kind of the streams that it happens in; None when that is the noun of its tag."""

    @classmethod
    def stream_kind(cls) -> str:
        return cls.STREAM or cls.TAG.partition(".")[0]


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
