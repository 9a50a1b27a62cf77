"""Back into the files of spec-kit and Backlog.md: what is verified here is ticked there, and nothing else is changed.

A tick that is there stays: nothing is unticked, because a claim of the other tool is not ours to take back.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from loopctl.importers.backlog_md import CRITERIA, DONE
from loopctl.importers.items import Problems, SourceFile
from loopctl.importers.known import external_id_of
from loopctl.importers.markdown import BOX, HEADING, front_matter, outside_fences
from loopctl.importers.sources import SOURCES

TickedSource = Literal["spec-kit", "backlog-md"]
IS_DONE = "Done"


class Ticked(Struct, frozen=True):
    """``files`` are those that change, ``items`` the external ids that were ticked anew."""

    files: Mapping[str, str]
    items: Sequence[str]


def verified_of(source: str, exported: Mapping[str, Any]) -> set[str]:
    """External ids of the stories of that source that are verified here."""
    found = set()
    for epic in exported["epics"]:
        for story in epic["stories"]:
            named = external_id_of(source, story)
            if story["verified_status"] == "verified" and named is not None:
                found.add(named)
    return found


def ticked(source: TickedSource, files: Sequence[SourceFile], verified: Collection[str]) -> Ticked:
    """Raises Unreadable."""
    reading = SOURCES[source].read(files)
    places = {item.place: item.external_id for item in reading.items if item.external_id in verified}
    changed: dict[str, str] = {}
    items: list[str] = []
    for file in files:
        rows = file.text.splitlines(keepends=True)
        if source == "spec-kit":
            now, names = _of_tasks(file.name, rows, places)
        elif file.name in places:
            now = _of_task(file, rows)
            names = [places[file.name]] if now != rows else []
        else:
            continue
        if now != rows:
            changed[file.name] = "".join(now)
            items += names
    return Ticked(changed, items)


def _of_tasks(name: str, rows: Sequence[str], places: Mapping[str, str]) -> tuple[list[str], list[str]]:
    now, names = list(rows), []
    for at, row in enumerate(rows):
        item = places.get(f"{name}: line {at + 1}")
        if item is not None and (changed := _ticked(row)) != row:
            now[at] = changed
            names.append(item)
    return now, names


def _of_task(file: SourceFile, rows: Sequence[str]) -> list[str]:
    """The boxes of its criteria, and its status."""
    now, inside = list(rows), False
    _, _, before = front_matter(Problems(), file.name, file.text)
    for at, row in outside_fences(rows[before:]):
        if heading := HEADING.fullmatch(row.rstrip()):
            inside = (heading[2] or "").rstrip("# ").strip().lower() in CRITERIA
        elif inside:
            now[before + at] = _ticked(row)
    for at, row in enumerate(rows[:before]):
        name, _, value = row.partition(":")
        if name == "status" and value.strip().strip("'\"").lower() not in DONE:
            now[at] = f"status: {IS_DONE}{row[len(row.rstrip()) :]}"
    return now


def _ticked(row: str) -> str:
    box = BOX.fullmatch(row.rstrip())
    return row if box is None or box[1] != " " else row[: box.start(1)] + "x" + row[box.end(1) :]
