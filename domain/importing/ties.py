"""What the stories of an import say of each other beside their dependencies: parents, and ids elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.graph import find_cycle
from domain.importing.findings import Findings
from domain.importing.payload import Payload, StoryItem
from domain.numbering import parse_story_number
from domain.story_details import Ties

External = tuple[str, str]
"""Source and id there."""


class KnownStory(Struct, frozen=True, kw_only=True):
    """What has to be known of every story of the project."""

    story_id: UUID
    title: str
    epic: int
    """Its number."""
    external: External | None = None
    parent: str | None = None
    """Its number."""


class ImportedTies:
    """``there`` are the stories of the project by number, ``ids`` those that may be named as a parent, new ones too."""

    def __init__(self, payload: Payload, there: Mapping[str, KnownStory], ids: Mapping[str, UUID]) -> None:
        self._ids = ids
        self._items = {item.number: item for item in _items(payload)}
        self._holders: dict[External, str] = {}
        for number, story in there.items():
            if story.external and not self._renamed(number):
                self._holders[story.external] = number
        for number, item in self._items.items():
            if external := _external(item):
                self._holders.setdefault(external, number)
        self._known = {number: story.story_id for number, story in there.items()} | dict(ids)
        self._parents = {number: story.parent for number, story in there.items() if story.parent and number in ids}
        self._parents |= {number: parent for number, item in self._items.items() if (parent := _parent(item))}

    def of(self, item: StoryItem) -> Ties:
        external, parent = _external(item), _parent(item)
        holder = self._holders.get(external, item.number) if external else item.number
        return Ties(
            holder=None if holder == item.number else (self._known[holder], holder),
            parent=(self._ids[parent], parent) if parent is not None and parent in self._ids else None,
        )

    def check_parents(self, found: Findings) -> None:
        """That no story is a part of itself."""
        cycle = find_cycle({number: [parent] for number, parent in self._parents.items()})
        named = next((self._items[number] for number in cycle if number in self._items), None)
        if named:
            way = " -> ".join(cycle)
            found.inconsistent(
                f"{named.path}.parent", f"Cycle detected: {way}", f"makes a story a part of itself: {way}"
            )

    def _renamed(self, number: str) -> bool:
        """Whether the import gives it another id."""
        item = self._items.get(number)
        return item is not None and _external(item) is not None


def _items(payload: Payload) -> Iterator[StoryItem]:
    return (story for epic in payload.epics for story in epic.stories)


def _external(item: StoryItem) -> External | None:
    source, id_ = _text(item.given.get("external_source")), _text(item.given.get("external_id"))
    return (source, id_) if source and id_ else None


def _parent(item: StoryItem) -> str | None:
    given = item.given.get("parent")
    number = parse_story_number(str(given)) if isinstance(given, str | int) else None
    return number.text if number else None


def _text(given: Any) -> str:
    return given.strip() if isinstance(given, str) else ""
