"""The form of an import, checked before anything is looked up: steps 2 to 7 of the contract, in their order."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from domain.errors import Invalid
from domain.fields import BLANK, INVALID
from domain.numbering import parse_story_number

MOST_EPICS = 500
MOST_STORIES = 10_000
MOST_DEPENDENCIES = 20_000
"""Of both kinds together; the contract has no bound, and each is an event of its own."""

DIGITS = re.compile(r"[0-9]{1,10}")
NOT_AN_ARRAY = "must be an array"
NOT_A_MAP = "must be a map"


class Given(Struct, frozen=True, kw_only=True):
    """The three parts of an import as they came in: any JSON."""

    epics: Any = None
    story_dependencies: Any = None
    epic_dependencies: Any = None


class StoryItem(Struct, frozen=True):
    """``number`` without prefix and leading zeros, or as it came when it is none."""

    path: str
    number: str
    given: Mapping[str, Any]


class EpicItem(Struct, frozen=True):
    """``place`` is its index among the epics."""

    place: int
    path: str
    number: int
    given: Mapping[str, Any]
    stories: Sequence[StoryItem]


class Payload(Struct, frozen=True):
    """``given`` still holds the dependencies, which are read when their numbers can be looked up."""

    epics: Sequence[EpicItem]
    given: Given

    @property
    def story_numbers(self) -> Iterator[str]:
        return (story.number for epic in self.epics for story in epic.stories)


def read_payload(given: Given) -> Payload:
    """Raises Invalid for the first thing that is wrong, with its path."""
    epics = _array("epics", given.epics)
    _check_sizes(given, epics)
    for place, epic in enumerate(epics):
        _check_epic(f"epics[{place}]", epic)
    for place, epic in enumerate(epics):
        for row, story in enumerate(epic.get("stories") or ()):
            _check_story(f"epics[{place}].stories[{row}]", story)
    items = [_epic_item(place, epic) for place, epic in enumerate(epics)]
    payload = Payload(items, given)
    _check_once("epic", (epic.number for epic in items))
    _check_once("story", payload.story_numbers)
    return payload


def wrong(path: str, problem: str) -> Invalid:
    return Invalid(**{path: problem})


def _array(path: str, value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong(path, NOT_AN_ARRAY)
    return value


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


def _check_epic(path: str, epic: Any) -> None:
    _check_item(path, epic)
    if not isinstance(epic.get("stories"), list | None):
        raise wrong(f"{path}.stories", NOT_AN_ARRAY)


def _check_story(path: str, story: Any) -> None:
    _check_item(path, story)
    criteria = story.get("acceptance_criteria")
    if not isinstance(criteria, list | None):
        raise wrong(f"{path}.acceptance_criteria", NOT_AN_ARRAY)
    if not all(isinstance(each, dict) for each in criteria or ()):
        raise wrong(f"{path}.acceptance_criteria", INVALID)


def _check_item(path: str, item: Any) -> None:
    """What epics and stories both have."""
    if not isinstance(item, dict):
        raise wrong(path, NOT_A_MAP)
    number, title = item.get("number"), item.get("title")
    if number is None or (isinstance(number, str) and not number.strip()):
        raise wrong(f"{path}.number", BLANK)
    if title is None or (isinstance(title, str) and not title.strip()):
        raise wrong(f"{path}.title", BLANK)
    if not isinstance(title, str):
        raise wrong(f"{path}.title", INVALID)


def _epic_item(place: int, epic: Mapping[str, Any]) -> EpicItem:
    path = f"epics[{place}]"
    number = _epic_number(f"{path}.number", epic["number"])
    stories = [
        StoryItem(here := f"{path}.stories[{row}]", _story_number(f"{here}.number", story["number"]), story)
        for row, story in enumerate(epic.get("stories") or ())
    ]
    return EpicItem(place, path, number, epic, stories)


def _epic_number(path: str, given: Any) -> int:
    if isinstance(given, str) and DIGITS.fullmatch(given.strip()):
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise wrong(path, "must be an integer")
    if given <= 0:
        raise wrong(path, "must be greater than 0")
    return given


def _story_number(path: str, given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str):
        raise wrong(path, 'must be a string such as "1.2"')
    number = parse_story_number(given)
    return number.text if number else given.strip()


def _check_once(noun: str, numbers: Iterator[object]) -> None:
    seen: set[object] = set()
    for number in numbers:
        if number in seen:
            raise Invalid(f"Duplicate {noun} number: {number}", code="import_invalid")
        seen.add(number)
