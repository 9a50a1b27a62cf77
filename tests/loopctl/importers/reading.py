"""Fixtures of this folder: backlogs in the shape in which the tools write them, with made-up work in them."""

from pathlib import Path
from typing import Any

from loopctl.cli.importing import mapped, read_source
from loopctl.importers.building import Built, build
from loopctl.importers.items import Item, Reading, SourceFile
from loopctl.importers.known import NOTHING, Known, known_of
from loopctl.importers.sources import SOURCES, SourceName

FIXTURES = Path(__file__).with_name("fixtures")


def imported(source: SourceName, folder: str) -> Built:
    return mapped(source, read_source(source, FIXTURES / folder))


def read_text(source: SourceName, text: str, name: str = "file") -> Reading:
    return SOURCES[source].read([SourceFile(name, text)])


def built(*items: Item, known: Known = NOTHING, reported: bool = True) -> Built:
    return build("test", Reading(items=list(items)), known, reported=reported)


def item(name: str, **members: Any) -> Item:
    return Item(**{"place": f"line {name}", "external_id": name, "title": f"Item {name}", **members})


def known_after(found: Built, source: str = "test", **stories: Any) -> Known:
    """What a project knows that has taken the import; ``stories`` are members of all of them."""
    epics = [
        {
            **epic,
            "stories": [
                {"verified_status": "unverified", "acceptance_criteria": [], **story, **stories}
                for story in epic["stories"]
            ],
        }
        for epic in found.payload["epics"]
    ]
    return known_of(source, {"epics": epics})


def story(found: Built, external_id: str) -> Any:
    """The story of an import that this has become."""
    number = found.numbers[external_id]
    return next(each for epic in found.payload["epics"] for each in epic["stories"] if each["number"] == number)


def waits(found: Built) -> list[tuple[str, str]]:
    """External ids of who waits for whom."""
    names = {number: name for name, number in found.numbers.items()}
    return [(names[each["story"]], names[each["depends_on"]]) for each in found.payload["story_dependencies"]]
