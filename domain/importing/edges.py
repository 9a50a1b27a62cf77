"""The dependencies of an import, resolved: step 10 of the contract."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from domain.fields import BLANK
from domain.importing.findings import Findings
from domain.importing.payload import NOT_A_MAP, NOT_AN_ARRAY
from domain.numbering import parse_story_number

Number = TypeVar("Number", int, str)
DEPENDENT = {"story": ("story", "story_number"), "epic": ("epic", "epic_number")}
PREREQUISITE = {"story": ("depends_on", "depends_on_story"), "epic": ("depends_on", "depends_on_epic")}


class Scope(Struct, frozen=True):
    """What a dependency may refer to, and which are there already."""

    stories: Collection[str]
    epics: Collection[int]
    story_edges: Collection[tuple[str, str]]
    epic_edges: Collection[tuple[int, int]]
    merge: bool

    @property
    def where(self) -> str:
        return "in this import or the project" if self.merge else "in this import"


def story_edges(found: Findings, given: Any, scope: Scope) -> list[tuple[str, str]]:
    """Those that are not there yet."""
    edges = list(_read("story", found, given, _story_reference))
    _check_known("story", found, edges, scope.stories, scope.where)
    return _new("story", found, edges, scope.story_edges, merge=scope.merge)


def epic_edges(found: Findings, given: Any, scope: Scope) -> list[tuple[int, int]]:
    """Those that are not there yet."""
    edges = list(_read("epic", found, given, _epic_reference))
    _check_known("epic", found, edges, scope.epics, scope.where)
    return _new("epic", found, edges, scope.epic_edges, merge=scope.merge)


Edge = tuple[str, dict[str, Number]]
"""Path of a dependency; its two ends by the names of their members, the dependent first."""


def _read(
    noun: str, found: Findings, given: Any, read: Callable[[Findings, str, Any], Number | None]
) -> Iterator[Edge[Number]]:
    """Those that are well-formed."""
    name = f"{noun}_dependencies"
    if not isinstance(given, list | None):
        found.wrong(name, NOT_AN_ARRAY)
        return
    for place, item in enumerate(given or ()):
        path = f"{name}[{place}]"
        if not isinstance(item, dict):
            found.wrong(path, NOT_A_MAP)
            continue
        ends: dict[str, Number] = {}
        for names in (DEPENDENT[noun], PREREQUISITE[noun]):
            member = _member(found, path, item, names)
            if member and (number := read(found, f"{path}.{member}", item[member])) is not None:
                ends[member] = number
        if len(ends) == 2:
            yield path, ends


def _member(found: Findings, path: str, item: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Which of its two names an end is said under."""
    said = [name for name in names if item.get(name) is not None]
    if len(said) > 1:
        found.wrong(f"{path}.{said[1]}", f"is another name of {said[0]}: say it once")
    elif not said:
        found.wrong(f"{path}.{names[0]}", BLANK)
    return said[0] if len(said) == 1 else None


def _check_known(
    noun: str, found: Findings, edges: Sequence[Edge[Number]], known: Collection[Number], where: str
) -> None:
    for path, ends in edges:
        for member, number in ends.items():
            if number not in known:
                problem, place = f"there is no {noun} {number} {where}", f"{path}.{member}"
                found.inconsistent(place, f"Unresolved dependency reference: {problem}, which {place} names", problem)


def _story_reference(found: Findings, path: str, given: Any) -> str | None:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str):
        found.wrong(path, 'must be a string such as "1.2"')
        return None
    number = parse_story_number(given)
    return number.text if number else given.strip()


def _epic_reference(found: Findings, path: str, given: Any) -> int | None:
    if not isinstance(given, int) or isinstance(given, bool):
        found.wrong(path, "must be an integer")
        return None
    return given


def _new(
    noun: str, found: Findings, edges: Sequence[Edge[Number]], before: Collection[tuple[Number, Number]], *, merge: bool
) -> list[tuple[Number, Number]]:
    """A repeated one is one of the findings, unless a merge skips it."""
    first: dict[tuple[Number, Number], str] = {}
    for path, ends in edges:
        dependent, prerequisite = ends.values()
        edge = (dependent, prerequisite)
        if edge not in first and edge not in before:
            first[edge] = path
        elif not merge:
            message = f"Duplicate dependency: {noun} {dependent} on {prerequisite}"
            found.inconsistent(path, f"{message} at {first[edge]} and {path}", f"is at {first[edge]} already")
    return list(first)
