"""Entries of whatever age become today's events; their bytes stay as they are."""

from typing import ClassVar
from uuid import UUID

import pytest
from msgspec import UNSET, ValidationError, structs

from domain.event import Event
from eventstore.log.codec import Codec, UnknownEvent
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry, encode_entry
from loopctl.tlog.hashing import NO_LEAF


class Raised(Event, frozen=True, kw_only=True):
    """As the first release had it: one amount in whole euros."""

    TAG: ClassVar[str] = "test.raised"
    euros: int


class RaisedToday(Event, frozen=True, kw_only=True):
    """In cents, and with a reason."""

    TAG: ClassVar[str] = "test.raised"
    cents: int
    reason: str | None = None


def to_cents(data: dict[str, object]) -> dict[str, object]:
    euros = data.pop("euros", None)
    return {**data, "cents": euros * 100} if isinstance(euros, int) else data


ENTRY = Entry(
    seq=3, prev=NO_LEAF, ts="2026-03-27T12:00:00.000000Z", type="test.raised", actor=("test",),
    entity=("test", str(UUID(int=9))), eseq=0, eprev=None, salt=bytes(16), data=canonical_json(Raised(euros=7)),
)  # fmt: skip
OLD = encode_entry(ENTRY)


def test_an_old_entry_is_read_through_its_upcaster() -> None:
    assert Codec([RaisedToday], {"test.raised": to_cents}).decode(OLD).event == RaisedToday(cents=700)


def test_an_old_entry_without_an_upcaster_is_refused() -> None:
    """The control."""
    with pytest.raises(ValidationError):
        Codec([RaisedToday]).decode(OLD)


def test_an_entry_of_today_passes_through_the_upcaster_unchanged() -> None:
    codec = Codec([RaisedToday], {"test.raised": to_cents})
    event = RaisedToday(cents=701, reason="more")
    today = encode_entry(structs.replace(ENTRY, data=codec.encode(event)))
    assert codec.decode(today).event == event


def test_an_upcaster_of_no_event_is_refused() -> None:
    """A misspelt tag would leave old entries unread."""
    with pytest.raises(ValueError, match=r"test\.razed"):
        Codec([RaisedToday], {"test.razed": to_cents})


def test_an_entry_of_an_unknown_type_stops_the_reader() -> None:
    with pytest.raises(UnknownEvent, match=r"position 3 holds test\.raised"):
        Codec([]).decode(OLD)


def test_an_entry_without_data_stops_the_reader() -> None:
    """Its payload is stored elsewhere, which this code does not know of."""
    entry = encode_entry(structs.replace(ENTRY, data=UNSET, commit=bytes(32)))
    with pytest.raises(UnknownEvent, match="position 3"):
        Codec([RaisedToday]).decode(entry)
