"""Items as an import of ours: numbers that stay what they were, one epic for each group, and what has no member of its
own in ``metadata.external``.

A source's "closed" and its ticks are claims: they stand in the metadata, and a story that comes in new may come in as
reported, which others still have to review and verify. Nothing comes in as verified.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, structs
from msgspec.json import encode

from loopctl.importers.details import details_of
from loopctl.importers.items import Item, Reading, Unreadable
from loopctl.importers.known import Known, KnownStory
from loopctl.importers.waiting import Edges, edges_of

MOST_MINORS = 9999
LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 50_000
LARGEST_STORY = 55_000
"""Bytes of JSON; an entry of the log has room for a little more."""
MOST_CRITERIA = 200
NO_EPIC = "Without an epic"


class Built(Struct, frozen=True):
    """``places`` says by path (``epics[3].stories[7]``) where each part is from, ``numbers`` what each external id
    became."""

    payload: dict[str, Any]
    places: Mapping[str, str]
    numbers: Mapping[str, str]
    report: dict[str, Any]


class _Epic(Struct):
    number: int
    head: dict[str, Any]
    place: str
    items: list[tuple[str, Item]]
    """With the numbers of the stories."""


class _Building:
    def __init__(self, source: str, reading: Reading, known: Known, *, reported: bool) -> None:
        self._source, self._reading, self._known, self._reported = source, reading, known, reported
        self._epics: dict[str, _Epic] = {}
        self._by_number: dict[int, _Epic] = {}
        self._by_id = {item.external_id: item for item in reading.items}
        self._free = max(known.numbers, default=0) + 1
        self._last = dict(known.last)
        self.numbers: dict[str, str] = {}
        self.changed: list[str] = []
        self.counts: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    def build(self) -> Built:
        for item in self._reading.items:
            if item.is_epic:
                self._epic_of(item.external_id, item.title, item)
        for item in self._reading.items:
            if not item.is_epic:
                self._place(item)
        edges = edges_of(self._reading.items, self.numbers, self._epic_numbers())
        return self._built(edges)

    def _place(self, item: Item) -> None:
        known = self._known.stories.get(item.external_id)
        key, title, of = self._where(item)
        epic = self._known_epic(known) if known else self._epic_of(key, title, of)
        part = 1
        while known is None and self._last.get(epic.number, 0) >= MOST_MINORS:
            part += 1
            epic = self._epic_of(f"{key} ({part})", f"{title} ({part})", None)
        number = known.number if known else self._next(epic)
        self.numbers[item.external_id] = number
        epic.items.append((number, item))

    def _where(self, item: Item) -> tuple[str, str, Item | None]:
        """Key, title and item of its epic: the nearest epic above it, else its group."""
        seen, above = {item.external_id}, item.epic
        while above and above not in seen and (parent := self._by_id.get(above)):
            if parent.is_epic:
                return parent.external_id, parent.title, parent
            seen.add(above)
            above = parent.epic
        title = item.group or NO_EPIC
        return f"group {title}", title, None

    def _known_epic(self, known: KnownStory) -> _Epic:
        """A story stays in the epic that it is in."""
        if known.epic not in self._by_number:
            self._add(f"number {known.epic}", _Epic(known.epic, {"number": known.epic}, "", []))
        return self._by_number[known.epic]

    def _add(self, key: str, epic: _Epic) -> _Epic:
        self._epics[key] = self._by_number[epic.number] = epic
        return epic

    def _epic_of(self, key: str, title: str, item: Item | None) -> _Epic:
        if key in self._epics:
            return self._epics[key]
        known = self._known.epics.get(key)
        if known in self._by_number:
            return self._by_number[known]
        number = known if known is not None else self._free
        self._free += known is None
        external = {"source": self._source, "key": key}
        if item:
            external |= {"id": item.external_id, **self._external(item, item.kept)}
            self._kept.update(item.kept.keys())
        head: dict[str, Any] = {"number": number, "title": self._title(item.place if item else title, title)}
        if item and (text := self._description(with_criteria(item))):
            head["description"] = text
        head["metadata"] = {**self._known.epic_metadata.get(number, {}), "external": external}
        if item:
            self.numbers[item.external_id] = f"epic {number}"
        return self._add(key, _Epic(number, head, item.place if item else "", []))

    def _epic_numbers(self) -> dict[str, int]:
        """Of those that are items."""
        return {item.external_id: self._epics[item.external_id].number for item in self._reading.items if item.is_epic}

    def _next(self, epic: _Epic) -> str:
        self._last[epic.number] = self._last.get(epic.number, 0) + 1
        return f"{epic.number}.{self._last[epic.number]}"

    def _built(self, edges: Edges) -> Built:
        epics = [self._by_number[number] for number in sorted(self._by_number)]
        payload = {
            "epics": [
                {**epic.head, "stories": [self._story(number, item, edges) for number, item in epic.items]}
                for epic in epics
            ],
            "story_dependencies": [{"story": one, "depends_on": other} for one, other in edges.stories],
            "epic_dependencies": [{"epic": one, "depends_on": other} for one, other in edges.epics],
        }
        places = {
            f"epics[{row}].stories[{place}]": item.place
            for row, epic in enumerate(epics)
            for place, (_, item) in enumerate(epic.items)
        } | {f"epics[{row}]": epic.place for row, epic in enumerate(epics) if epic.place}
        return Built(payload, places, self.numbers, self._report(epics, edges))

    def _story(self, number: str, item: Item, edges: Edges) -> dict[str, Any]:
        known = self._known.stories.get(item.external_id)
        details = details_of(self._source, item, self._parent(item))
        self._kept.update(details.kept.keys())
        criteria = [
            {"id": f"AC-{at}", "criterion": each.text} for at, each in enumerate(item.criteria[:MOST_CRITERIA], 1)
        ]
        story: dict[str, Any] = {
            "number": number, "title": self._title(item.place, item.title), "description": self._description(item),
            "acceptance_criteria": criteria, "estimated_hours": item.hours, **details.said,
            "metadata": {**(known.metadata if known else {}), "external": self._external(item, details.kept, edges)},
        }  # fmt: skip
        if not story["metadata"]["external"]:
            del story["metadata"]["external"]
        self.changed += details.changed
        self.counts["criteria ticked there"] += sum(each.ticked for each in item.criteria)
        self.counts["claimed to be done there"] += item.claimed_done
        if len(item.criteria) > MOST_CRITERIA:
            self.changed.append(f"{item.place}: the first {MOST_CRITERIA} of {len(item.criteria)} criteria")
        if known is None and item.claimed_done and self._reported:
            story["initial_agent_status"] = "reported_done"
        if known and known.verified and (known.title, known.criteria) != (story["title"], criteria):
            self.changed.append(f"{item.place}: {number} is verified here, its title and criteria stay as they are")
            del story["title"], story["acceptance_criteria"]
        self._shorten(item, story)
        return {name: value for name, value in story.items() if value is not None}

    def _parent(self, item: Item) -> str | None:
        """Number of the story that it is a part of; None where following the parents comes back to it."""
        seen, above = {item.external_id}, self._above(item)
        while above and above.external_id not in seen:
            seen.add(above.external_id)
            above = self._above(above)
        if above:
            self.changed.append(f"{item.place}: is a part of itself there, and of nothing here")
        parent = self._above(item)
        return self.numbers[parent.external_id] if parent and not above else None

    def _above(self, item: Item) -> Item | None:
        """The item that it is a part of, where that is no epic."""
        for name in (item.epic, item.kept.get("parent")):
            found = self._by_id.get(name) if isinstance(name, str) else None
            if found and not found.is_epic:
                return found
        return None

    def _external(self, item: Item, kept: Mapping[str, Any], edges: Edges | None = None) -> dict[str, Any]:
        waits = edges.kept.get(item.external_id, []) if edges else []
        found = {
            "status": item.status or None, "claims_done": item.claimed_done or None, "waits_for": waits or None,
            "epic": item.epic or None, **kept,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def _title(self, place: str, title: str) -> str:
        one_line = " ".join(title.split())
        if len(one_line) <= LONGEST_TITLE:
            return one_line
        self.changed.append(f"{place}: the title is cut to {LONGEST_TITLE} letters")
        return one_line[: LONGEST_TITLE - 1] + "…"

    def _description(self, item: Item) -> str:
        if len(item.description) <= LONGEST_DESCRIPTION:
            return item.description
        self.changed.append(f"{item.place}: the description is cut to {LONGEST_DESCRIPTION:,} letters")
        return item.description[: LONGEST_DESCRIPTION - 1] + "…"

    def _shorten(self, item: Item, story: dict[str, Any]) -> None:
        """What one entry of the log has room for: comments go first, the oldest before the newer, then the text."""
        comments = story["metadata"].get("external", {}).get("comments")
        dropped = 0
        while len(encode(story)) > LARGEST_STORY and comments:
            half = max(1, len(comments) // 2)
            del comments[:half]
            dropped += half
        if dropped:
            self.changed.append(f"{item.place}: {dropped} comments are left out, a story has no room for them")
        if (over := len(encode(story)) - LARGEST_STORY) > 0:
            text = story["description"].encode()
            story["description"] = text[: max(0, len(text) - over - 8)].decode(errors="ignore") + "…"
            self.changed.append(f"{item.place}: the description is cut, a story has no room for all of it")

    def _report(self, epics: Sequence[_Epic], edges: Edges) -> dict[str, Any]:
        stories = sum(len(epic.items) for epic in epics)
        return {
            "source": self._source,
            "items": len(self._reading.items),
            "epics": len(epics),
            "stories": stories,
            "dependencies": len(edges.stories) + len(edges.epics),
            **{name.replace(" ", "_"): count for name, count in self.counts.items() if count},
            "in_metadata": dict(sorted(self._kept.items())),
            "no_place": dict(sorted(self._reading.no_place.items())),
            "skipped": self._reading.skipped,
            "changed": [*self.changed, *edges.left_out],
        }


def build(source: str, reading: Reading, known: Known, *, reported: bool = False) -> Built:
    """``reported`` lets new stories that their source calls done come in as reported. Raises Unreadable for items that
    meet or wait for themselves."""
    _check_once(reading.items)
    return _Building(source, reading, known, reported=reported).build()


def with_criteria(epic: Item) -> Item:
    """An epic has no criteria of its own here: they stand in its description."""
    boxes = "\n".join(f"- [{'x' if each.ticked else ' '}] {each.text}" for each in epic.criteria)
    if not boxes or boxes in epic.description:
        return epic
    return structs.replace(epic, description="\n\n".join(filter(None, (epic.description, boxes))))


def _check_once(items: Sequence[Item]) -> None:
    places: dict[str, list[str]] = {}
    for item in items:
        places.setdefault(item.external_id, []).append(item.place)
    twice = [
        f"{where[1]}: {name} is there twice, first in {where[0]}" for name, where in places.items() if len(where) > 1
    ]
    if twice:
        raise Unreadable(twice)
