"""JSON texts of other people: one member or item is put in or taken out, and every other byte stays where it is.

Comments and commas before a closing bracket are understood, as editors write them into their settings.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

SPACE = re.compile(r"(?:[ \t\r\n\ufeff]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
SCALAR = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null')
INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
DEEPEST = 100
Way = tuple[str, ...]
"""Names of members, one inside of the other."""


class NotUnderstood(Exception):
    """``line`` counts from 1."""

    def __init__(self, problem: str, line: int) -> None:
        self.problem = problem
        self.line = line
        super().__init__(f"line {line}: {problem}")


class Part(Struct, frozen=True):
    """A value with its place in the text. ``begin`` is the place of a member's name."""

    value: Any
    start: int
    end: int
    begin: int
    members: Mapping[str, "Part"] | None = None
    items: Sequence["Part"] | None = None

    @property
    def inner(self) -> Sequence["Part"]:
        return [*self.members.values()] if self.members is not None else self.items or ()


def read(text: str) -> Part:
    """Raises NotUnderstood."""
    reader = _Reader(text)
    found = reader.value(0, 0)
    if reader.skip(found.end) != len(text):
        raise reader.wrong("something stands behind the end", reader.skip(found.end))
    return found


def added(text: str, inside: Sequence[str], name: str | None, value: Any) -> str:
    """With a member, or with an item at the end of an array where there is no name. Objects on the way there are made.

    Raises NotUnderstood where something else than an object or an array stands on the way.
    """
    if not text.strip():
        text = "{}\n"
    part = read(text)
    for depth, step in enumerate(inside):
        members = _members(text, part)
        if step not in members:
            missing: Any = {name: value} if name is not None else [value]
            for outer in reversed(inside[depth + 1 :]):
                missing = {outer: missing}
            return _put(text, part, step, missing)
        part = members[step]
    if name is None and part.items is None:
        raise NotUnderstood(f"{'.'.join(inside)} is no list", _line(text, part.start))
    if name is not None:
        _members(text, part)
    return _put(text, part, name, value)


def without(text: str, inside: Sequence[str], name: str | None, value: Any, ours: Collection[Way] = ()) -> str:
    """Without the member or the item that has this value. ``ours`` are what goes on the way when it is empty."""
    way = [read(text)]
    for step in inside:
        if (way[-1].members or {}).get(step) is None:
            return text
        way.append((way[-1].members or {})[step])
    found = _of(way[-1], name, value)
    if found is None:
        return text
    while tuple(inside[: len(way) - 1]) in ours and len(way[-1].inner) == 1:
        found = way.pop()
    return _taken(text, way[-1], found)


def missing(text: str, inside: Sequence[str]) -> Sequence[Way]:
    """The objects on the way that are not there. Raises NotUnderstood."""
    root = read(text) if text.strip() else None
    ways = [tuple(inside[:depth]) for depth in range(1, len(inside) + 1)]
    return [way for way in ways if root is None or value_at(root, way) is None]


def value_at(part: Part, inside: Sequence[str]) -> Part | None:
    for step in inside:
        found = (part.members or {}).get(step)
        if found is None:
            return None
        part = found
    return part


def replaced(text: str, part: Part, value: Any) -> str:
    return text[: part.start] + _laid_out(text, value, _indent_of(text, part.begin)) + text[part.end :]


def _of(part: Part, name: str | None, value: Any) -> Part | None:
    if name is not None:
        found = (part.members or {}).get(name)
        return found if found is not None and found.value == value else None
    return next((item for item in part.items or () if item.value == value), None)


def _members(text: str, part: Part) -> Mapping[str, Part]:
    if part.members is None:
        raise NotUnderstood("there is no object where one is needed", _line(text, part.start))
    return part.members


def _put(text: str, part: Part, name: str | None, value: Any) -> str:
    outer = _indent_of(text, part.begin)
    indent = outer + _unit(text)
    told = _laid_out(text, value, indent)
    if name is not None:
        told = f"{json.dumps(name)}: {told}"
    if part.inner:
        last = part.inner[-1]
        if "\n" in text[part.start : part.inner[0].begin]:
            indent = _indent_of(text, part.inner[0].begin)
            told = _laid_out(text, value, indent)
            told = told if name is None else f"{json.dumps(name)}: {told}"
        return f"{text[: last.end]},\n{indent}{told}{text[last.end :]}"
    comments = text[part.start + 1 : part.end - 1].rstrip()
    return f"{text[: part.start + 1]}\n{indent}{told}{comments}\n{outer}{text[part.end - 1 :]}"


def _taken(text: str, part: Part, gone: Part) -> str:
    inner = part.inner
    place = next(place for place, each in enumerate(inner) if each is gone)
    if place:
        return text[: inner[place - 1].end] + text[gone.end :]
    if len(inner) > 1:
        return text[: gone.begin] + text[inner[1].begin :]
    comma = _skipped(text, gone.end)
    behind = text[gone.end : comma] + (text[comma + 1 : part.end - 1] if text[comma] == "," else "")
    comments = (text[part.start + 1 : gone.begin] + behind).strip()
    return text[: part.start + 1] + (f"{comments}\n" if comments else "") + text[part.end - 1 :]


def _laid_out(text: str, value: Any, indent: str) -> str:
    told = json.dumps(value, indent=_unit(text), ensure_ascii=False)
    return told.replace("\n", f"\n{indent}")


def _unit(text: str) -> str:
    found = INDENT.search(text)
    return found[1] if found else "  "


def _indent_of(text: str, place: int) -> str:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _skipped(text: str, place: int) -> int:
    found = SPACE.match(text, place)
    return found.end() if found else place


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, place: int) -> int:
        return _skipped(self._text, place)

    def wrong(self, problem: str, place: int) -> NotUnderstood:
        return NotUnderstood(problem, _line(self._text, place))

    def value(self, place: int, depth: int, begin: int | None = None) -> Part:
        start = self.skip(place)
        begin = start if begin is None else begin
        if depth > DEEPEST:
            raise self.wrong("it is nested too deeply", start)
        match self._text[start : start + 1]:
            case "{":
                return self._object(start, depth, begin)
            case "[":
                return self._array(start, depth, begin)
        found = SCALAR.match(self._text, start)
        if found is None:
            raise self.wrong("a value is missing" if start < len(self._text) else "it ends too early", start)
        return Part(self._scalar(found[0], start), start, found.end(), begin)

    def _object(self, start: int, depth: int, begin: int) -> Part:
        members: dict[str, Part] = {}
        place = self.skip(start + 1)
        while self._text[place : place + 1] != "}":
            named = STRING.match(self._text, place)
            if named is None:
                raise self.wrong("a name in double quotes is missing", place)
            name = self._scalar(named[0], place)
            colon = self.skip(named.end())
            if self._text[colon : colon + 1] != ":":
                raise self.wrong("a colon is missing", colon)
            if name in members:
                raise self.wrong(f"{name} is there twice", place)
            members[name] = self.value(colon + 1, depth + 1, place)
            place = self._next(members[name].end, "}")
        value = {name: member.value for name, member in members.items()}
        return Part(value, start, place + 1, begin, members=members)

    def _array(self, start: int, depth: int, begin: int) -> Part:
        items: list[Part] = []
        place = self.skip(start + 1)
        while self._text[place : place + 1] != "]":
            items.append(self.value(place, depth + 1))
            place = self._next(items[-1].end, "]")
        return Part([item.value for item in items], start, place + 1, begin, items=items)

    def _next(self, end: int, closing: str) -> int:
        place = self.skip(end)
        if self._text[place : place + 1] == ",":
            return self.skip(place + 1)
        if self._text[place : place + 1] != closing:
            raise self.wrong(f"a comma or {closing} is missing", place)
        return place

    def _scalar(self, told: str, place: int) -> Any:
        try:
            return json.loads(told)
        except ValueError:
            raise self.wrong(f"{told[:40]} is no JSON", place) from None
