"""A backlog as a directory: one JSON file for each story, in directories for epics."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.story_items import story_item

EPIC = re.compile(r"epic_([0-9]+)(?:_(.*))?")
NAME = re.compile(r"(?:us[-_ ]?)?([0-9]+(?:[._][0-9a-z]+)*)", re.IGNORECASE)
MINOR = re.compile(r"[0-9]{1,4}")

Warn = Callable[[str], None]


class StoryFile(Struct, frozen=True):
    """``folder`` is its epic: the directory it is in. ``name`` is its id without US-."""

    path: Path
    folder: str
    name: str
    said: Mapping[str, Any]


class Epic(Struct, frozen=True):
    """``numbers`` are what its stories get, by their names."""

    number: int
    title: str
    stories: Sequence[StoryFile]
    numbers: Mapping[str, str]


def read_directory(directory: Path, warn: Warn = lambda _: None) -> dict[str, Any]:
    """What an import sends. ``warn`` is told what could not be taken as it is. Raises Stop."""
    folders: dict[str, list[StoryFile]] = {}
    for file in _stories(directory):
        folders.setdefault(file.folder, []).append(file)
    if not folders:
        raise Stop(
            Exit.USAGE, f"There are no stories in {directory}.", "They are files epic_<number>_<name>/us_<number>.json"
        )
    epics = _epics(folders, warn)
    everywhere = {name: number for epic in reversed(epics) for name, number in epic.numbers.items()}
    return {
        "epics": [{"number": epic.number, "title": epic.title, "stories": _items(epic)} for epic in epics],
        "story_dependencies": [
            edge for epic in epics for story in epic.stories for edge in _edges(epic, story, everywhere, warn)
        ],
    }


def _stories(directory: Path) -> Iterator[StoryFile]:
    for path in sorted(directory.rglob("us_*.json")):
        try:
            said = decode(path.read_bytes())
        except (OSError, MsgspecError) as error:
            raise Stop(Exit.USAGE, f"{path} cannot be read: {error}.") from None
        if not isinstance(said, dict):
            raise Stop(Exit.USAGE, f"{path} is no story: it is no object.")
        name = _name(str(said.get("id", ""))) or _name(path.stem)
        if name is None:
            raise Stop(Exit.USAGE, f"{path} has no number: neither its id nor its name is one.")
        yield StoryFile(path, _folder(path.relative_to(directory), said), name, said)


def _name(text: str) -> str | None:
    match = NAME.fullmatch(text.strip())
    return match[1].replace("_", ".") if match else None


def _folder(path: Path, said: Mapping[str, Any]) -> str:
    epic = said.get("epic")
    named = str(epic.get("id", "")) if isinstance(epic, dict) else ""
    for part in (*path.parts[:-1], named):
        if EPIC.fullmatch(part):
            return part
    raise Stop(Exit.USAGE, f"{path} belongs to no epic: put it into a directory epic_<number>_<name>.")


def _epics(folders: Mapping[str, list[StoryFile]], warn: Warn) -> list[Epic]:
    """Two directories of one number are two epics: the later one, by name, gets the next number that is free."""
    said = sorted((int(match[1]), folder) for folder in folders if (match := EPIC.fullmatch(folder)))
    free = said[-1][0] + 1
    taken: set[int] = set()
    epics = []
    for wanted, folder in said:
        number = wanted
        if wanted in taken:
            number, free = free, free + 1
            warn(f"{folder}: there is an epic {wanted} already, this one becomes epic {number}")
        taken.add(number)
        stories = sorted(folders[folder], key=_order)
        numbers = _numbers(number, stories)
        counted = [
            f"{name} as {given}" for name, given in numbers.items() if name.partition(".")[2] != given.partition(".")[2]
        ]
        if counted:
            warn(f"{folder}: its stories are counted anew, {counted[0]} to {counted[-1]}")
        epics.append(Epic(number, _title(folder, stories), stories, numbers))
    return sorted(epics, key=lambda epic: epic.number)


def _order(story: StoryFile) -> list[tuple[int, str]]:
    """2.10 after 2.9; letters after digits."""
    return [(int(part), "") if part.isdigit() else (10**9, part) for part in story.name.split(".")]


def _numbers(epic: int, stories: Sequence[StoryFile]) -> dict[str, str]:
    """A story's number has two parts. What has more gets the next second part that is free."""
    kept = {story.name: minor for story in stories if MINOR.fullmatch(minor := story.name.partition(".")[2])}
    following = max(map(int, kept.values()), default=0) + 1
    numbers = {}
    for story in stories:
        minor = kept.get(story.name, "")
        if not minor:
            minor, following = str(following), following + 1
        numbers[story.name] = f"{epic}.{int(minor)}"
    return numbers


def _title(folder: str, stories: Sequence[StoryFile]) -> str:
    """What most of its stories call it."""
    epics = [story.said.get("epic") for story in stories]
    names = [str(epic["name"]) for epic in epics if isinstance(epic, dict) and epic.get("name")]
    match = EPIC.fullmatch(folder)
    words = ((match and match[2]) or folder).replace("_", " ").capitalize()
    return max(names, key=names.count, default=words)


def _items(epic: Epic) -> list[dict[str, Any]]:
    return [story_item(story.said, epic.numbers[story.name], story.name) for story in epic.stories]


def _edges(epic: Epic, story: StoryFile, everywhere: Mapping[str, str], warn: Warn) -> Iterator[dict[str, str]]:
    """A name that two directories have means the story in the same directory."""
    for named in dict.fromkeys(map(str, story.said.get("dependencies") or ())):
        name = _name(named) or named
        found = epic.numbers.get(name) or everywhere.get(name)
        if found is None:
            warn(f"{story.path.name}: {named} is not in this backlog; the dependency is left out")
            continue
        yield {"story": epic.numbers[story.name], "depends_on": found}
