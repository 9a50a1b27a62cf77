"""A backlog as a directory: one JSON file for each story, in directories for epics."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop

EPIC = re.compile(r"epic_([0-9]+)(?:_(.*))?")
FILE = re.compile(r"us_([0-9]+(?:[._][0-9]+)?)")
NUMBER = re.compile(r"(?:US-)?([0-9]+(?:[._][0-9]+)?)", re.IGNORECASE)
TAKEN = ("id", "title", "epic", "acceptance_criteria", "dependencies", "estimated_hours", "description", "metadata")
"""Members that have a place of their own; every other one goes into the metadata."""


class StoryFile(Struct, frozen=True):
    """``folder`` is its epic: the directory it is in."""

    path: Path
    folder: str
    number: str
    said: dict[str, Any]


class Epic(Struct, frozen=True):
    """``renumbered`` is the number that its directory says, when an other directory has it already."""

    number: int
    title: str
    stories: Sequence[StoryFile]
    renumbered: int | None = None

    def number_of(self, story: StoryFile) -> str:
        return story.number if self.renumbered is None else f"{self.number}.{story.number.partition('.')[2]}"


def read_directory(directory: Path, warn: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """What an import sends. ``warn`` is told what could not be taken as it is. Raises Stop."""
    folders: dict[str, list[StoryFile]] = {}
    for file in _stories(directory):
        folders.setdefault(file.folder, []).append(file)
    if not folders:
        raise Stop(
            Exit.USAGE,
            f"There are no stories in {directory}.",
            "They are files us_<number>.json in epic_<number>_<name>/",
        )
    epics = _numbered(folders, warn)
    edges = _Edges(epics, warn)
    return {
        "epics": [{"number": epic.number, "title": epic.title, "stories": _items(epic)} for epic in epics],
        "story_dependencies": [edge for epic in epics for story in epic.stories for edge in edges.of(epic, story)],
    }


def _stories(directory: Path) -> Iterator[StoryFile]:
    for path in sorted(directory.rglob("us_*.json")):
        try:
            said = decode(path.read_bytes())
        except (OSError, MsgspecError) as error:
            raise Stop(Exit.USAGE, f"{path} cannot be read: {error}.") from None
        if not isinstance(said, dict):
            raise Stop(Exit.USAGE, f"{path} is no story: it is no object.")
        match = NUMBER.fullmatch(str(said.get("id", ""))) or FILE.fullmatch(path.stem)
        if match is None:
            raise Stop(Exit.USAGE, f"{path} has no number: neither its id nor its name is one.")
        yield StoryFile(path, _folder(path.relative_to(directory), said), match[1].replace("_", "."), said)


def _folder(path: Path, said: dict[str, Any]) -> str:
    for part in path.parts[:-1]:
        if EPIC.fullmatch(part):
            return part
    epic = said.get("epic")
    named = str(epic.get("id", "")) if isinstance(epic, dict) else ""
    if EPIC.fullmatch(named):
        return named
    raise Stop(Exit.USAGE, f"{path} belongs to no epic: put it into a directory epic_<number>_<name>.")


def _numbered(folders: dict[str, list[StoryFile]], warn: Callable[[str], None]) -> list[Epic]:
    """Two directories of one number are two epics: the later one, by name, gets the next number that is free."""
    said = {folder: int(match[1]) for folder in folders if (match := EPIC.fullmatch(folder))}
    taken: set[int] = set()
    epics = []
    for folder, number in sorted(said.items(), key=lambda each: (each[1], each[0])):
        free = number if number not in taken else max(*said.values(), *taken) + 1
        taken.add(free)
        if free != number:
            warn(f"{folder}: epic {number} exists already, this one becomes epic {free}; its stories {free}.*")
        files = sorted(folders[folder], key=lambda file: [int(part) for part in file.number.split(".")])
        epics.append(Epic(free, _title(folder, files), files, None if free == number else number))
    return sorted(epics, key=lambda epic: epic.number)


def _title(folder: str, files: Sequence[StoryFile]) -> str:
    """What most of its stories call it."""
    names = Counter(
        epic["name"] for file in files if isinstance(epic := file.said.get("epic"), dict) and "name" in epic
    )
    match = EPIC.fullmatch(folder)
    return names.most_common(1)[0][0] if names else ((match and match[2]) or folder).replace("_", " ").capitalize()


def _items(epic: Epic) -> list[dict[str, Any]]:
    return [_item(epic, story) for story in epic.stories]


def _item(epic: Epic, story: StoryFile) -> dict[str, Any]:
    said = story.said
    number = epic.number_of(story)
    metadata = {**(said.get("metadata") or {}), **{name: said[name] for name in said if name not in TAKEN}}
    if number != story.number:
        metadata["imported_id"] = said.get("id", story.number)
    item = {
        "number": number,
        "title": said.get("title") or story.path.stem,
        "description": said.get("description") or _sentence(said.get("story")),
        "acceptance_criteria": [_criterion(each) for each in said.get("acceptance_criteria") or ()],
        "estimated_hours": said.get("estimated_hours"),
        "metadata": metadata,
    }
    return {name: value for name, value in item.items() if value not in (None, "")}


def _criterion(said: Any) -> Any:
    return {"description": said} if isinstance(said, str) else said


def _sentence(story: Any) -> str | None:
    if not isinstance(story, dict):
        return story if isinstance(story, str) else None
    parts = (("As a", "as_a"), ("I want to", "i_want_to"), ("so that", "so_that"))
    said = [f"{words} {story[name]}" for words, name in parts if story.get(name)]
    return ", ".join(said) + "." if said else None


class _Edges:
    """Dependencies by number. A number that two directories have is meant in the same directory first."""

    def __init__(self, epics: Sequence[Epic], warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._everywhere: dict[str, str] = {}
        for epic in epics:
            for story in epic.stories:
                self._everywhere.setdefault(story.number, epic.number_of(story))

    def of(self, epic: Epic, story: StoryFile) -> Iterator[dict[str, str]]:
        here = {each.number: epic.number_of(each) for each in epic.stories}
        waits_for = dict.fromkeys(map(str, story.said.get("dependencies") or ()))
        for named in waits_for:
            match = NUMBER.fullmatch(named)
            number = match[1].replace("_", ".") if match else named
            found = here.get(number) or self._everywhere.get(number)
            if found is None:
                self._warn(f"{story.path.name}: {named} is not in this backlog; the dependency is left out")
                continue
            yield {"story": epic.number_of(story), "depends_on": found}
