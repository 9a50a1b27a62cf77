"""What was once written into a log is read for ever, and the same event is always written in the same way."""

from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from msgspec import UNSET, Struct, UnsetType

from domain.event import Event
from domain.events import EVENTS
from eventstore.log.codec import Codec
from tests.golden.forms import FOLDER, codec_of, judge, made, stored


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TAG)
def test_an_event_type_is_read_and_written_as_ever(kind: type[Event]) -> None:
    """Went red for a type without a file, and when a byte of a file was changed."""
    verdict = judge(kind, stored(kind.TAG))
    assert verdict.state == "current", f"{verdict.problem} (python -m tests.golden adds what is new)"


def test_stored_bytes_whose_event_type_is_gone_are_found() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {kind.TAG for kind in EVENTS}


class Item(Struct, frozen=True):
    sku: str


class Ordered(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "test.ordered"
    count: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "slow"


class Grown(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "test.ordered"
    count: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "slow"
    note: str | None = None


class GrownByWhatIsLeftOut(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "test.ordered"
    count: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "slow"
    note: str | UnsetType = UNSET


class NewRequiredField(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "test.ordered"
    count: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "slow"
    customer: str


class Renamed(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "test.ordered"
    number: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "slow"


class OtherDefault(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "test.ordered"
    count: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "fast"


class WrittenOtherwise(Event, frozen=True, kw_only=True, omit_defaults=True):
    TAG: ClassVar[str] = "test.ordered"
    count: int
    items: tuple[Item, ...]
    speed: Literal["slow", "fast"] = "slow"


FIRST = made(Ordered, codec_of(Ordered))


def state_of(kind: type[Event], codec: Codec | None = None) -> str:
    return judge(kind, FIRST, codec or codec_of(kind)).state


def test_a_type_without_stored_bytes_is_new() -> None:
    assert judge(Ordered, [], codec_of(Ordered)).state == "new"


def test_an_unchanged_type_is_current() -> None:
    assert state_of(Ordered) == "current"


@pytest.mark.parametrize("kind", [Grown, GrownByWhatIsLeftOut])
def test_a_field_with_a_default_is_growth_and_its_new_bytes_stand_beside_the_old(kind: type[Event]) -> None:
    """Went red while a new member of story.updated, whose default is to be left out, had no stored bytes."""
    assert state_of(kind) == "grown"
    codec = codec_of(kind)
    assert judge(kind, [*FIRST, *made(kind, codec)], codec).state == "current"


@pytest.mark.parametrize("kind", [NewRequiredField, Renamed, OtherDefault, WrittenOtherwise])
def test_what_breaks_old_entries_is_refused(kind: type[Event]) -> None:
    assert state_of(kind) == "broken"


def test_an_upcaster_that_loses_what_was_recorded_is_refused() -> None:
    def forgets(old: dict[str, object]) -> dict[str, object]:
        return {**old, "count": 0}

    assert state_of(Ordered, Codec([Ordered], {"test.ordered": forgets})) == "broken"
    assert state_of(Ordered, Codec([Ordered], {"test.ordered": lambda old: old})) == "current"


class Many(Event, frozen=True, kw_only=True):
    """A field of each kind that events have."""

    TAG: ClassVar[str] = "test.many"
    id: UUID
    items: tuple[Item, ...] = ()
    flag: bool = False
    anything: dict[str, Any]


def test_the_least_has_required_fields_only_and_the_most_has_all() -> None:
    least, most = (form.event for form in made(Many, codec_of(Many)))
    assert (least["items"], least["flag"], least["anything"]) == ([], False, {})
    assert most["items"][0]["sku"].startswith("sku ")
    assert most["flag"] is True
    assert most["anything"]
