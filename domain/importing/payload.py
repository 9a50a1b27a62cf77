"""The form of an import, checked before anything is looked up: steps 2 to 7 of the contract, all of them at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from domain.errors import Invalid
from domain.fields import BLANK, must_be
from domain.importing.findings import Findings
from domain.numbering import parse_story_number

MOST_EPICS = 500
MOST_STORIES = 10_000
MOST_DEPENDENCIES = 20_000
"""Of both kinds together; the contract has no bound, and each is an event of its own."""

DIGITS = re.compile(r"0*[0-9]{1,9}")
NOT_AN_ARRAY = "must be an array"
NOT_A_MAP = "must be a map"
EXPECTED = '{"epics": [{"number": 1, "title": "…", "stories": [{"number": "1.1", "title": "…"}]}]}'
NOTHING = f"There is nothing to import. Expected is {EXPECTED}, dependencies beside the epics if there are any."
LOOSE = f"Stories stand inside their epic, not at the top. Expected is {EXPECTED}."


class Given(Struct, frozen=True, kw_only=True):
    """The parts of an import as they came in: any JSON."""

    epics: Any = None
    story_dependencies: Any = None
    epic_dependencies: Any = None
    project: Any = None
    """Of an export: what it says of the project itself, which no import sets."""
    stories: Any = None
    """Where none belong; said by those who leave out the epics."""


class StoryItem(Struct, frozen=True):
    """``number`` without prefix and leading zeros, or as it came when it is none; "" when it is no text either."""

    path: str
    number: str
    given: Mapping[str, Any]


class EpicItem(Struct, frozen=True):
    """``place`` is its index among the epics. ``number`` is 0 when it is none."""

    place: int
    path: str
    number: int
    given: Mapping[str, Any]
    stories: Sequence[StoryItem]


class Payload(Struct, frozen=True):
    """``given`` still holds the dependencies, which are read when their numbers can be looked up. ``found`` is what is
    wrong so far; the decision adds what it finds, and says all of it."""

    epics: Sequence[EpicItem]
    given: Given
    found: Findings

    @property
    def story_numbers(self) -> Iterator[str]:
        return (story.number for epic in self.epics for story in epic.stories)


def read_payload(given: Given) -> Payload:
    """Raises Invalid for an import that is empty or too large."""
    found = Findings()
    epics = _array(found, "epics", given.epics)
    _check_sizes(given, epics)
    _check_not_empty(given, epics)
    if not isinstance(given.project, dict | None):
        found.wrong("project", NOT_A_MAP)
    items = [
        _epic_item(found, place, epic) for place, epic in enumerate(epics) if _is_map(found, f"epics[{place}]", epic)
    ]
    payload = Payload(items, given, found)
    _check_once(found, "epic", ((epic.path, epic.number) for epic in payload.epics if epic.number))
    stories = (story for epic in payload.epics for story in epic.stories)
    _check_once(found, "story", ((story.path, story.number) for story in stories if story.number))
    return payload


def _array(found: Findings, path: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list | None):
        found.wrong(path, NOT_AN_ARRAY)
        return ()
    return value or ()


def _check_sizes(given: Given, epics: Sequence[Any]) -> None:
    lists = [epic["stories"] for epic in epics if isinstance(epic, dict) and isinstance(epic.get("stories"), list)]
    edges = [each for each in (given.story_dependencies, given.epic_dependencies) if isinstance(each, list)]
    for noun, count, most in (
        ("epics", len(epics), MOST_EPICS),
        ("stories", sum(map(len, lists)), MOST_STORIES),
        ("dependencies", sum(map(len, edges)), MOST_DEPENDENCIES),
    ):
        if count > most:
            raise Invalid(f"An import has at most {most} {noun}; this one has {count}.", code="import_invalid")


def _check_not_empty(given: Given, epics: Sequence[Any]) -> None:
    if epics or given.story_dependencies or given.epic_dependencies or not isinstance(given.epics, list | None):
        return
    raise Invalid(NOTHING if given.stories is None else LOOSE, code="import_invalid", epics="is empty")


def _epic_item(found: Findings, place: int, epic: Mapping[str, Any]) -> EpicItem:
    path = f"epics[{place}]"
    _check_title(found, path, epic)
    number = _epic_number(found, f"{path}.number", epic.get("number"))
    rows = enumerate(_array(found, f"{path}.stories", epic.get("stories")))
    stories = [
        _story_item(found, here, story)
        for row, story in rows
        if _is_map(found, here := f"{path}.stories[{row}]", story)
    ]
    return EpicItem(place, path, number, epic, stories)


def _story_item(found: Findings, path: str, story: Mapping[str, Any]) -> StoryItem:
    _check_title(found, path, story)
    criteria = _array(found, f"{path}.acceptance_criteria", story.get("acceptance_criteria"))
    for place, each in enumerate(criteria):
        if not isinstance(each, dict):
            found.wrong(f"{path}.acceptance_criteria[{place}]", 'must be a map such as {"criterion": "…"}')
    return StoryItem(path, _story_number(found, f"{path}.number", story.get("number")), story)


def _is_map(found: Findings, path: str, item: Any) -> bool:
    if not isinstance(item, dict):
        found.wrong(path, NOT_A_MAP)
    return isinstance(item, dict)


def _check_title(found: Findings, path: str, item: Mapping[str, Any]) -> None:
    if not isinstance(item.get("title"), str | None):
        found.wrong(f"{path}.title", must_be("a text"))


def _epic_number(found: Findings, path: str, given: Any) -> int:
    if isinstance(given, str) and DIGITS.fullmatch(given.strip()):
        given = int(given)
    if given is None or (isinstance(given, str) and not given.strip()):
        found.wrong(path, BLANK)
    elif not isinstance(given, int) or isinstance(given, bool):
        found.wrong(path, "must be an integer")
    elif given <= 0:
        found.wrong(path, "must be greater than 0")
    else:
        return given
    return 0


def _story_number(found: Findings, path: str, given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if given is None or (isinstance(given, str) and not given.strip()):
        found.wrong(path, BLANK)
    elif not isinstance(given, str):
        found.wrong(path, 'must be a string such as "1.2"')
    else:
        number = parse_story_number(given)
        return number.text if number else given.strip()
    return ""


def _check_once(found: Findings, noun: str, numbers: Iterator[tuple[str, object]]) -> None:
    first: dict[object, str] = {}
    for path, number in numbers:
        if number in first:
            where = f"{first[number]}.number and {path}.number"
            found.inconsistent(
                f"{path}.number", f"Duplicate {noun} number: {number} at {where}",
                f"{noun} {number} is at {first[number]}.number already",
            )  # fmt: skip
        first.setdefault(number, path)
