"""A project as one CSV: a row for each epic and each story. What a spreadsheet would compute, it is told to show."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode, encode

from loopctl.cli.plain import FORMULA
from loopctl.exporters.members import EPIC, STORY, edges_of, waits_of, without_defaults
from loopctl.importers.details import MEMBERS as DETAILS
from loopctl.importers.items import Problems, SourceFile

COLUMNS = (
    "kind", "number", "epic", "title", "description", "acceptance_criteria", "estimated_hours", "agent_status",
    "verified_status", "depends_on", "phase", "position", "metadata", *DETAILS,
)  # fmt: skip
JSON = (
    "acceptance_criteria", "metadata", "estimated_hours", "position", "external_times", "labels", "priority",
    "claimed_criteria",
)  # fmt: skip
MARK = "US-"
"""Before the numbers of stories: a spreadsheet takes 1.10 for 1.1."""
LARGEST_CELL = 1 << 20


def to_csv(exported: Mapping[str, Any]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    stories, epics = waits_of(exported, "story_dependencies"), waits_of(exported, "epic_dependencies")
    for epic in exported["epics"]:
        head = without_defaults({name: epic.get(name) for name in EPIC})
        waits = " ".join(map(str, epics.get(epic["number"], [])))
        writer.writerow(_row({**head, "kind": "epic", "depends_on": waits}))
        for story in epic["stories"]:
            said = without_defaults({name: story.get(name) for name in STORY})
            waits = " ".join(f"{MARK}{number}" for number in stories.get(story["number"], []))
            number = f"{MARK}{story['number']}"
            writer.writerow(
                _row({**said, "kind": "story", "number": number, "epic": epic["number"], "depends_on": waits})
            )
    return out.getvalue()


def from_csv(file: SourceFile) -> tuple[dict[str, Any], dict[str, str]]:
    """An import, and which row each of its parts is from. Raises Unreadable."""
    problems = Problems()
    epics: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    waits: dict[str, dict[Any, list[Any]]] = {"story_dependencies": {}, "epic_dependencies": {}}
    for number, row in _rows(problems, file):
        place = f"{file.name}: row {number}"
        said = _item(problems, place, row)
        if row["kind"] == "epic":
            waits["epic_dependencies"].setdefault(_whole(problems, place, row["number"]), []).extend(
                _whole(problems, place, each) for each in row["depends_on"].split()
            )
            places[f"epics[{len(epics)}]"] = place
            epics[row["number"]] = {**said, "number": _whole(problems, place, row["number"]), "stories": []}
        elif row["kind"] != "story":
            problems.add(place, "is neither an epic nor a story: see its column kind")
        elif row["epic"] not in epics:
            problems.add(place, f"is of epic {row['epic'] or '(none)'}, which has no row before it")
        else:
            named = row["number"].removeprefix(MARK)
            of, at = list(epics).index(row["epic"]), len(epics[row["epic"]]["stories"])
            places[f"epics[{of}].stories[{at}]"] = place
            epics[row["epic"]]["stories"].append({**said, "number": named})
            others = [each.removeprefix(MARK) for each in row["depends_on"].split()]
            waits["story_dependencies"].setdefault(named, []).extend(others)
    problems.raise_any()
    edges = {kind: edges_of(each, kind) for kind, each in waits.items()}
    return {"epics": list(epics.values()), **edges}, places


def _row(said: Mapping[str, Any]) -> list[str]:
    return [_cell(encode(said[name]).decode() if name in JSON else str(said[name])) if name in said else ""
            for name in COLUMNS]  # fmt: skip


def _cell(text: str) -> str:
    """With an apostrophe where a spreadsheet would compute, and where `_said` would take one away."""
    return f"'{text}" if text.startswith(FORMULA) or _is_marked(text) else text


def _said(cell: str) -> str:
    return cell[1:] if _is_marked(cell) else cell


def _is_marked(text: str) -> bool:
    return text.startswith("'") and text[1:].startswith((*FORMULA, "'"))


def _rows(problems: Problems, file: SourceFile) -> list[tuple[int, dict[str, str]]]:
    csv.field_size_limit(LARGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(file.text, newline=""), strict=True))
    except csv.Error as error:
        problems.add(file.name, f"is no CSV: {error}")
        return []
    if not rows or (missing := {"kind", "number"} - {*rows[0]}):
        problems.add(file.name, f"has no columns {', '.join(sorted(missing)) if rows else 'kind, number'}")
        return []
    if unknown := {*rows[0]} - {*COLUMNS}:
        problems.add(file.name, f"has columns that are none of these: {', '.join(sorted(unknown))}")
    found = []
    for number, row in enumerate(rows[1:], 2):
        if any(row):
            cells = dict(zip(rows[0], map(_said, row), strict=False))
            found.append((number, {**dict.fromkeys(COLUMNS, ""), **cells}))
    return found


def _item(problems: Problems, place: str, row: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in COLUMNS:
        if not row[name] or name in ("kind", "number", "epic", "depends_on"):
            continue
        try:
            found[name] = decode(row[name]) if name in JSON else row[name]
        except (DecodeError, RecursionError):
            problems.add(place, f"{name} is no JSON")
    return found


def _whole(problems: Problems, place: str, text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    problems.add(place, f"{text or '(none)'} is no number of an epic")
    return 0
