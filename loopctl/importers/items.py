"""What every source is read into, before anything is numbered."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

MOST_PROBLEMS = 100


class SourceFile(Struct, frozen=True):
    """``name`` is its path below what was named, with slashes."""

    name: str
    text: str


class Criterion(Struct, frozen=True):
    """``ticked`` is what the source claims of it."""

    text: str
    ticked: bool = False


class Item(Struct, frozen=True, kw_only=True):
    """One piece of work. ``place`` is what people find it by: a file, and what of it."""

    place: str
    external_id: str
    title: str
    is_epic: bool = False
    description: str = ""
    criteria: Sequence[Criterion] = ()
    epic: str = ""
    """External id of the epic that it is in; of an item that is none, its parent's epic counts."""
    group: str = ""
    """Title of its epic where that is no item: a milestone, a phase, a directory."""
    waits_for: Sequence[str] = ()
    """External ids."""
    status: str = ""
    """The source's own word."""
    claimed_done: bool = False
    """The source says that it is done, which is a claim here."""
    hours: float | None = None
    kept: Mapping[str, Any] = {}
    """What has no member of its own in a story: it stands in its metadata, under the source's names or ours."""


class Reading(Struct, kw_only=True):
    """What a source comes to. ``no_place`` counts members that nothing is made of, by name; ``skipped`` says what was
    left out whole, and why."""

    items: list[Item] = field(default_factory=list)
    no_place: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)


class Unreadable(Exception):
    """Everything that is wrong with a source, each with its place."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems[:3]))


class Problems:
    """Collects what is wrong, so that one run says all of it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, problem: str) -> None:
        self.found.append(f"{place}: {problem}")

    def raise_any(self) -> None:
        """Raises Unreadable."""
        if self.found:
            raise Unreadable(self.found)


def said(**members: Any) -> dict[str, Any]:
    """Without what is empty: an absent member and an empty one mean the same in every source."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {}, ())}


def text_of(value: Any) -> str:
    """Of a member that should be a text; numbers are read as people write them."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def texts_of(value: Any) -> list[str]:
    """Of a list of texts, or of one."""
    many = value if isinstance(value, list) else [value]
    return [text for each in many if (text := text_of(each))]
