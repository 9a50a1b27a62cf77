"""What a project has already of a source, read from its export: numbers are found again and never given twice."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct


class KnownStory(Struct, frozen=True, kw_only=True):
    number: str
    epic: int
    verified: bool
    title: str
    criteria: Any
    metadata: Mapping[str, Any]


class Known(Struct, frozen=True, kw_only=True):
    """``stories`` by external id, ``epics`` by the key that they were made under; ``last`` is the highest second part
    of a story's number in each epic that ``numbers`` has."""

    stories: Mapping[str, KnownStory] = {}
    epics: Mapping[str, int] = {}
    epic_metadata: Mapping[int, Mapping[str, Any]] = {}
    numbers: Collection[int] = ()
    last: Mapping[int, int] = {}


NOTHING = Known()


def known_of(source: str, exported: Mapping[str, Any]) -> Known:
    stories: dict[str, KnownStory] = {}
    epics: dict[str, int] = {}
    last: dict[int, int] = {}
    numbers: set[int] = set()
    for epic in exported["epics"]:
        number = epic["number"]
        numbers.add(number)
        if (key := _external(source, epic).get("key")) is not None:
            epics[str(key)] = number
        for story in epic["stories"]:
            major, _, minor = story["number"].partition(".")
            numbers.add(int(major))
            last[int(major)] = max(last.get(int(major), 0), int(minor or 0))
            if (named := external_id_of(source, story)) is not None:
                stories[named] = KnownStory(
                    number=story["number"], epic=number, verified=story["verified_status"] == "verified",
                    title=story["title"], criteria=story["acceptance_criteria"], metadata=story["metadata"],
                )  # fmt: skip
    return Known(
        stories=stories, epics=epics, numbers=numbers, last=last,
        epic_metadata={epic["number"]: epic["metadata"] for epic in exported["epics"]},
    )  # fmt: skip


def external_id_of(source: str, story: Mapping[str, Any]) -> str | None:
    """Of a story in an export, in that source; in its metadata where it is too long, or from an older import."""
    if story.get("external_id") is not None and story.get("external_source") == source:
        return str(story["external_id"])
    named = _external(source, story).get("id")
    return None if named is None else str(named)


def _external(source: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
    external = (item.get("metadata") or {}).get("external")
    found: Mapping[str, Any] = external if isinstance(external, dict) and external.get("source") == source else {}
    return found
