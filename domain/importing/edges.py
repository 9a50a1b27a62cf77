"""The dependencies of an import, resolved: step 10 of the contract."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from domain.errors import Invalid
from domain.fields import BLANK
from domain.importing.payload import NOT_A_MAP, NOT_AN_ARRAY, wrong
from domain.numbering import parse_story_number

Number = TypeVar("Number", int, str)
DEPENDENT = {"story": ("story", "story_number"), "epic": ("epic", "epic_number")}
PREREQUISITE = {"story": ("depends_on", "depends_on_story"), "epic": ("depends_on", "depends_on_epic")}


def story_edges(given: Any, known: Collection[str], before: Collection[Any], *, merge: bool) -> list[tuple[str, str]]:
    return _new("story", _resolved("story", given, _story_reference, known), before, merge=merge)


def epic_edges(given: Any, known: Collection[int], before: Collection[Any], *, merge: bool) -> list[tuple[int, int]]:
    return _new("epic", _resolved("epic", given, _epic_reference, known), before, merge=merge)


def _resolved(
    noun: str, given: Any, read: Callable[[str, Any], Number], known: Collection[Number]
) -> list[tuple[Number, Number]]:
    """Raises Invalid for the first that is malformed or names a number that is not there."""
    name = f"{noun}_dependencies"
    if not isinstance(given, list | None):
        raise wrong(name, NOT_AN_ARRAY)
    return [_edge(noun, f"{name}[{place}]", item, read, known) for place, item in enumerate(given or ())]


def _edge(
    noun: str, path: str, item: Any, read: Callable[[str, Any], Number], known: Collection[Number]
) -> tuple[Number, Number]:
    if not isinstance(item, dict):
        raise wrong(path, NOT_A_MAP)
    dependent, prerequisite = (_end(path, item, names, read) for names in (DEPENDENT[noun], PREREQUISITE[noun]))
    for number in (dependent, prerequisite):
        if number not in known:
            raise Invalid(
                f"Unresolved dependency reference: {noun} {number}",
                code="import_invalid",
                **{path: f"no {noun} {number}"},
            )
    return dependent, prerequisite


def _end(path: str, item: dict[str, Any], names: Sequence[str], read: Callable[[str, Any], Number]) -> Number:
    for name in names:
        if item.get(name) is not None:
            return read(f"{path}.{name}", item[name])
    raise wrong(f"{path}.{names[0]}", BLANK)


def _story_reference(path: str, given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str):
        raise wrong(path, 'must be a string such as "1.2"')
    number = parse_story_number(given)
    return number.text if number else given.strip()


def _epic_reference(path: str, given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise wrong(path, "must be an integer")
    return given


def _new(
    noun: str, edges: Sequence[tuple[Number, Number]], before: Collection[Any], *, merge: bool
) -> list[tuple[Number, Number]]:
    """Those that are not there yet. Raises Invalid for a repeated one, which only a merge skips."""
    found: dict[tuple[Number, Number], None] = {}
    for place, edge in enumerate(edges):
        if edge not in found and edge not in before:
            found[edge] = None
        elif not merge:
            raise Invalid(
                f"Duplicate dependency: {noun} {edge[0]} on {edge[1]}",
                code="import_invalid",
                **{f"{noun}_dependencies[{place}]": "is there already"},
            )
    return list(found)
