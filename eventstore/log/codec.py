"""Events to the bytes that are hashed, and back. Recorded bytes are never made again, only read."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

import msgspec

from domain.event import Event, Recorded, Stream
from loopctl.tlog.canonical import CanonicalJson, canonical_json

Upcast = Callable[[dict[str, object]], dict[str, object]]
"""Old data to what the newest Struct reads. Works on decoded data; the entry itself stays as it is."""


class ReadEntry(msgspec.Struct, frozen=True, gc=False):
    """What a reader of our own log wants of an entry: the rest is for those who check it."""

    seq: int
    ts: datetime
    type: str
    actor: tuple[str, ...]
    entity: tuple[str, UUID]
    eseq: int
    commit: str | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


READER = msgspec.json.Decoder(ReadEntry)


class Written(msgspec.Struct, frozen=True):
    """An event as it is recorded: what its entry says, and the texts that are kept beside it, by member."""

    data: CanonicalJson
    payload: CanonicalJson | None = None


class UnknownEvent(Exception):
    """The log holds an event that this code does not know: it is older than the log. Stop, do not skip."""


class Codec:
    """``events`` are all there are; ``upcasters`` by tag."""

    def __init__(self, events: Sequence[type[Event]], upcasters: Mapping[str, Upcast] | None = None) -> None:
        self._types = {event.TAG: event for event in events}
        if len(self._types) != len(events):
            raise ValueError("two events have the same tag")
        self._upcasters = dict(upcasters or {})
        if unknown := self._upcasters.keys() - self._types.keys():
            raise ValueError(f"upcasters of no event: {sorted(unknown)}")

    def encode(self, event: Event) -> CanonicalJson:
        """Raises TlogError for what canonical JSON cannot express (fractions, integers beyond 2^53)."""
        if self._types.get(event.TAG) is not type(event):
            raise ValueError(f"{type(event).__name__} is not registered")
        return canonical_json(event)

    def write(self, event: Event) -> Written:
        """Raises as ``encode``."""
        if not event.ERASABLE:
            return Written(self.encode(event))
        texts = {name: text for name in event.ERASABLE if isinstance(text := getattr(event, name), str)}
        if not texts:
            return Written(self.encode(event))
        standing = msgspec.structs.replace(event, **{name: event.ERASABLE[name] for name in texts})
        return Written(self.encode(standing), canonical_json(texts))

    def decode(self, raw: bytes, payload: bytes | None = None) -> Recorded:
        """Reads bytes out of our own log, which were checked when they went in. Without its payload, what stands for
        erased texts is in their place. Raises UnknownEvent."""
        return self.recorded(READER.decode(raw), payload)

    def recorded(self, entry: ReadEntry, payload: bytes | None = None) -> Recorded:
        """As ``decode``."""
        if entry.data is msgspec.UNSET:
            raise UnknownEvent(f"position {entry.seq} holds {entry.type} without its data")
        try:
            event = self.read(entry.type, entry.data)
        except UnknownEvent:
            raise UnknownEvent(f"position {entry.seq} holds {entry.type}") from None
        if payload is not None:
            event = msgspec.structs.replace(event, **msgspec.json.decode(payload))
        return Recorded(
            position=entry.seq,
            stream=Stream(*entry.entity),
            version=entry.eseq,
            at=entry.ts,
            actor=entry.actor,
            event=event,
        )

    def read(self, tag: str, data: bytes | msgspec.Raw) -> Event:
        """The event of stored data, of whatever age. Raises UnknownEvent."""
        kind = self._types.get(tag)
        if kind is None:
            raise UnknownEvent(tag)
        upcast = self._upcasters.get(tag)
        if upcast is None:
            return _decoder(kind).decode(data)
        return msgspec.convert(upcast(msgspec.json.decode(data)), kind)


@cache
def _decoder(kind: type[Event]) -> "msgspec.json.Decoder[Event]":
    return msgspec.json.Decoder(kind)
