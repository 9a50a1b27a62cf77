"""A project as a folder of Markdown: `epic-1/epic.md`, `epic-1/1.1.md`. Every member that is not a text is JSON, in one
line of the front matter; criteria are boxes, ticked when the story is verified; the description stands last, as it is.

Read again, it is the same import. Ticks and whatever stands between the parts are for people, and say nothing.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode, encode

from loopctl.exporters.members import EPIC, STORY, edges_of, waits_of, without_defaults
from loopctl.importers.items import Problems, SourceFile

NAMES = ("*.md",)
EPIC_FILE = "epic.md"
CRITERIA = "## Acceptance criteria"
DESCRIPTION = "## Description"
WAITS = "depends_on"
BOX = re.compile(r"- \[[ xX]\] (\S.*)")
PLAIN = re.compile(r"(AC-[0-9]{1,6}): (\S.*)")
TEXTS = ("description", "acceptance_criteria")


def to_markdown(exported: Mapping[str, Any]) -> dict[str, str]:
    """Texts by path below the folder."""
    files: dict[str, str] = {}
    stories, epics = waits_of(exported, "story_dependencies"), waits_of(exported, "epic_dependencies")
    for epic in exported["epics"]:
        folder = f"epic-{epic['number']}"
        files[f"{folder}/{EPIC_FILE}"] = _file(epic, EPIC, epics.get(epic["number"], []))
        for story in epic["stories"]:
            files[f"{folder}/{story['number']}.md"] = _file(story, STORY, stories.get(story["number"], []))
    return files


def from_markdown(files: Sequence[SourceFile]) -> tuple[dict[str, Any], dict[str, str]]:
    """An import, and which file each of its parts is from. Raises Unreadable."""
    problems = Problems()
    folders: dict[str, tuple[str, dict[str, Any]]] = {}
    stories: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    waits: dict[str, dict[Any, list[Any]]] = {"story_dependencies": {}, "epic_dependencies": {}}
    for file in files:
        folder, _, name = file.name.rpartition("/")
        found, others = _read(problems, file)
        kind = "epic_dependencies" if name == EPIC_FILE else "story_dependencies"
        waits[kind].setdefault(found.get("number"), []).extend(others)
        if name == EPIC_FILE:
            folders[folder] = (file.name, found)
        else:
            stories.setdefault(folder, []).append((file.name, found))
    for folder in stories.keys() - folders.keys():
        problems.add(folder or "the folder", f"has stories and no {EPIC_FILE}")
    if not folders:
        problems.add("the folder", f"has no epics in it: epic-1/{EPIC_FILE}")
    problems.raise_any()
    epics, places = [], {}
    for row, folder in enumerate(sorted(folders)):
        places[f"epics[{row}]"], epic = folders[folder]
        inside = stories.get(folder, [])
        places |= {f"epics[{row}].stories[{at}]": name for at, (name, _) in enumerate(inside)}
        epics.append({**epic, "stories": [story for _, story in inside]})
    return {"epics": epics, **{kind: edges_of(each, kind) for kind, each in waits.items()}}, places


def _file(item: Mapping[str, Any], members: Sequence[str], waits: Sequence[Any]) -> str:
    said = without_defaults({name: item.get(name) for name in members})
    lines = ["---", *(f"{name}: {_json(value)}" for name, value in said.items() if name not in TEXTS)]
    lines += [f"{WAITS}: {_json(waits)}"] * bool(waits)
    lines += ["---", ""]
    if criteria := said.get("acceptance_criteria"):
        mark = "x" if item.get("verified_status") == "verified" else " "
        lines += [CRITERIA, "", *(f"- [{mark}] {_box(each)}" for each in criteria), ""]
    if "description" in said:
        lines += [DESCRIPTION, "", said["description"]]
    return "\n".join(lines) + "\n"


def _box(criterion: Any) -> str:
    """As people write one, where that says all of it."""
    if isinstance(criterion, dict) and criterion.keys() == {"id", "criterion"}:
        text = f"{criterion['id']}: {criterion['criterion']}"
        found = PLAIN.fullmatch(text)
        if found and (found[1], found[2]) == (criterion["id"], criterion["criterion"]) and text == text.rstrip():
            return text
    return _json(criterion)


def _json(value: Any) -> str:
    return encode(value).decode()


def _read(problems: Problems, file: SourceFile) -> tuple[dict[str, Any], list[Any]]:
    """Its members, and what it waits for."""
    rows = file.text.split("\n")
    end = next((at for at, row in enumerate(rows[1:], 1) if row.rstrip() == "---"), 0)
    if rows[0].rstrip() != "---" or not end:
        problems.add(file.name, "has no front matter: members between two lines of three dashes")
        return {}, []
    found = _members(problems, file.name, rows[1:end])
    waits = found.pop(WAITS, [])
    if not isinstance(waits, list):
        problems.add(file.name, f"{WAITS} is no list")
        waits = []
    body = rows[end + 1 :]
    start = next((at for at, row in enumerate(body) if row.rstrip() == DESCRIPTION), len(body))
    criteria = [_criterion(problems, file.name, box[1]) for row in body[:start] if (box := BOX.fullmatch(row.rstrip()))]
    if criteria:
        found["acceptance_criteria"] = criteria
    if text := "\n".join(body[start + 2 :]).removesuffix("\n"):
        found["description"] = text
    return found, waits


def _members(problems: Problems, name: str, rows: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, row in enumerate(rows, 2):
        member, colon, text = row.partition(":")
        if not row.strip():
            continue
        if not colon or member in found or member in TEXTS:
            problems.add(f"{name}: line {at}", "is no member of its own: name: value, each once")
            continue
        try:
            found[member] = decode(text.strip())
        except (DecodeError, RecursionError):
            problems.add(f"{name}: line {at}", f"{member} is no JSON: put texts into quotes")
    return found


def _criterion(problems: Problems, name: str, text: str) -> Any:
    if text.startswith(("{", '"')):
        try:
            return decode(text)
        except (DecodeError, RecursionError):
            problems.add(name, "has a criterion that begins as JSON and is none")
    named = PLAIN.fullmatch(text)
    return {"id": named[1], "criterion": named[2]} if named else {"criterion": text}
