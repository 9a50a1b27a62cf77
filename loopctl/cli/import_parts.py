"""An import that is larger than a server takes at once, in parts: first the epics with their stories, then what waits
for what."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, structs
from msgspec.json import encode

MOST_BYTES = 10 * 2**20 - 2**16
MOST_EPICS = 500
MOST_STORIES = 10_000
MOST_DEPENDENCIES = 20_000
"""Of one request."""
KINDS = ("story_dependencies", "epic_dependencies")


class Part(Struct, frozen=True, kw_only=True):
    """``merge`` when it adds to what the parts before it made. ``places`` are index and first story of each of its
    epics in the whole."""

    body: Mapping[str, Any]
    merge: bool = False
    places: Sequence[tuple[int, int]] = ()

    def place_in_whole(self, path: str) -> str:
        """``epics[0].stories[2].title`` of this part as a path of the whole import."""
        epic, rest = _index(path, "epics[")
        if epic is None or epic >= len(self.places):
            return path
        first, offset = self.places[epic]
        story, after = _index(rest, ".stories[")
        return f"epics[{first}]{rest}" if story is None else f"epics[{first}].stories[{story + offset}]{after}"


def in_parts(payload: Mapping[str, Any]) -> list[Part]:
    """One part when it is not too large, or not even of a form that could be divided."""
    epics = payload.get("epics")
    whole = [Part(body=payload, places=[(row, 0) for row in range(len(epics))] if isinstance(epics, list) else ())]
    if not isinstance(epics, list) or not all(_can_be_divided(epic) for epic in epics) or _fits(payload, epics):
        return whole
    first, *following = _of_epics(epics)
    others = {name: value for name, value in payload.items() if name not in ("epics", *KINDS)}
    return [structs.replace(first, body={**first.body, **others}), *following, *_of_dependencies(payload)]


def _index(path: str, before: str) -> tuple[int | None, str]:
    inner, closed, rest = path.removeprefix(before).partition("]")
    return (int(inner), rest) if path.startswith(before) and closed and inner.isdigit() else (None, path)


def _can_be_divided(epic: Any) -> bool:
    return isinstance(epic, dict) and isinstance(epic.get("stories"), list | None)


def _fits(payload: Mapping[str, Any], epics: Sequence[Mapping[str, Any]]) -> bool:
    edges = sum(len(each) for kind in KINDS if isinstance(each := payload.get(kind), list))
    stories = sum(len(epic.get("stories") or ()) for epic in epics)
    return (
        len(epics) <= MOST_EPICS and stories <= MOST_STORIES and edges <= MOST_DEPENDENCIES
        and len(encode(payload)) <= MOST_BYTES
    )  # fmt: skip


class _Filling:
    """The part that is being filled."""

    def __init__(self) -> None:
        self.epics: list[dict[str, Any]] = []
        self.places: list[tuple[int, int]] = []
        self.size = self.stories = 0
        self.merge = False

    def takes(self, size: int) -> bool:
        return self.size + size <= MOST_BYTES and self.stories < MOST_STORIES

    def done(self) -> Part:
        return Part(body={"epics": self.epics}, merge=self.merge, places=self.places)


def _of_epics(epics: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """In their order; an epic that is too large for one part goes on in the next, which adds to it."""
    filling = _Filling()
    for row, epic in enumerate(epics):
        head = {name: value for name, value in epic.items() if name != "stories"}
        size = len(encode(head))
        if filling.epics and (filling.merge or len(filling.epics) == MOST_EPICS or not filling.takes(size)):
            yield filling.done()
            filling = _Filling()
        _begin(filling, head, row, 0, size)
        for place, story in enumerate(epic.get("stories") or ()):
            length = len(encode(story)) + 1
            if not filling.takes(length) and filling.stories:
                yield filling.done()
                filling = _Filling()
                filling.merge = True
                _begin(filling, head, row, place, size)
            filling.epics[-1]["stories"].append(story)
            filling.stories += 1
            filling.size += length
    yield filling.done()


def _begin(filling: _Filling, head: Mapping[str, Any], row: int, first: int, size: int) -> None:
    filling.epics.append({**head, "stories": []})
    filling.places.append((row, first))
    filling.size += size + 16


def _of_dependencies(payload: Mapping[str, Any]) -> Iterator[Part]:
    for kind in KINDS:
        edges = payload.get(kind) or []
        for first in range(0, len(edges), MOST_DEPENDENCIES):
            yield Part(body={kind: edges[first : first + MOST_DEPENDENCIES]}, merge=True)


def joined(answers: Sequence[Mapping[str, Any]], parts: Sequence[Part]) -> dict[str, Any]:
    """What the whole import answers: counts added up, places as they are in the whole."""
    if len(answers) == 1:
        return dict(answers[0])
    counts: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for answer, part in zip(answers, parts, strict=True):
        for name, value in answer["import"].items():
            if name == "stories_orphaned":
                before = counts.get(name)
                counts[name] = value if before is None else [each for each in before if each in value]
            elif name == "dependencies_existing":
                counts.setdefault(name, value)
            else:
                counts[name] = counts[name] + value if name in counts else value
        for name, value in answer.items():
            if isinstance(value, list):
                told[name] = [*told.get(name, ()), *map(part.place_in_whole, value)]
            elif name != "import":
                told[name] = told.get(name, 0) + value
    return {"import": counts, **told}
