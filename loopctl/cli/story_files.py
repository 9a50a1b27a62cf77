"""A backlog as files: stories alone, in lists, in epics or as whole imports, in directories for epics.

What a file says wins over what its name and its directory suggest. docs/import.md says what is taken.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.story_items import EPIC, StoryFile, called, kept_aside, story_item
from loopctl.cli.story_numbers import NOTHING_KNOWN, Epic, Group, Known, Warn, numbered

OF_EPIC = ("description", "phase", "position", "metadata")

Read = Callable[[Path], Any]


class Backlog(Struct, frozen=True):
    """What an import sends. ``files`` says by path (``epics[3].stories[7]``) where each part is from; "" is all."""

    payload: dict[str, Any]
    files: Mapping[str, str]


def read_files(
    path: Path, read: Read, warn: Warn = lambda _: None, known: Callable[[], Known] = lambda: NOTHING_KNOWN
) -> Backlog:
    """Of a directory, or of one file. ``warn`` is told what is not taken as it is; ``known`` is asked for what the
    project has, when something has to be numbered or named. Raises Stop."""
    if not path.is_dir():
        said = read(path)
        if isinstance(said, dict) and ("epics" in said or not _is_backlog(said)):
            return Backlog(said, {"": path.name})
        return _backlog(list(_stories(path.name, said, Path(path.name))), warn, known())
    found: list[StoryFile] = []
    for file in sorted(path.rglob("*.json")):
        inside = file.relative_to(path)
        if not any(part.startswith(".") for part in inside.parts):
            inside_it = list(_stories(str(inside), read(file), inside))
            if not inside_it:
                raise Stop(Exit.USAGE, f"{inside} has no stories in it.")
            found += inside_it
    if not found:
        raise Stop(
            Exit.USAGE, f"There are no stories in {path}.", "They are files epic_<number>_<name>/us_<number>.json"
        )
    return _backlog(found, warn, known())


def _is_backlog(said: Mapping[str, Any]) -> bool:
    """Stories, or a story, outside of epics; everything else is for the server to judge."""
    return isinstance(said.get("stories"), list) or ("title" in said and ("id" in said or "number" in said))


def _stories(place: str, said: Any, inside: Path) -> Iterator[StoryFile]:
    """Of one file, whichever shape it has. Raises Stop for none that is known."""
    folder = next((part for part in reversed(inside.parts[:-1]) if EPIC.fullmatch(part)), "")
    if isinstance(said, dict) and isinstance(said.get("epics"), list):
        if said.get("story_dependencies") or said.get("epic_dependencies"):
            raise Stop(Exit.USAGE, f"{place} is a whole import with dependencies of its own.", "Import it by itself.")
        for row, epic in enumerate(said["epics"]):
            yield from _of_epic(f"{place}: epics[{row}]", epic, folder)
    elif isinstance(said, dict) and isinstance(said.get("stories"), list):
        yield from _of_epic(place, said, folder)
    elif isinstance(said, list):
        yield from _of_epic(place, {"stories": said}, folder)
    else:
        yield _story(StoryFile(place=place, said=said, stem=inside.stem, folder=folder))


def _of_epic(place: str, epic: Any, folder: str) -> Iterator[StoryFile]:
    if not isinstance(epic, dict) or not isinstance(epic.get("stories", []), list):
        raise Stop(Exit.USAGE, f"{place} is no epic: it is no object with stories in it.")
    around = {name: value for name, value in epic.items() if name != "stories"}
    for row, said in enumerate(epic.get("stories", [])):
        where = f"{place}.stories[{row}]" if ": " in place else f"{place}: stories[{row}]"
        yield _story(StoryFile(place=where, said=said, folder=folder, around=around))


def _story(story: StoryFile) -> StoryFile:
    if not isinstance(story.said, dict):
        raise story.wrong("is no story: it is no object.")
    if story.number() is None and story.name() is None:
        raise story.wrong("has no number: neither its id nor its name is one.", 'Give it one: "number": "1.2"')
    return story


def _backlog(found: Sequence[StoryFile], warn: Warn, known: Known) -> Backlog:
    grouped: dict[tuple[int, str], list[StoryFile]] = {}
    for story in found:
        grouped.setdefault(_group(story), []).append(story)
    groups = [
        Group(number=number, place=place, title=_title(stories), stories=stories)
        for (number, place), stories in grouped.items()
    ]
    epics = _joined(numbered(groups, known, warn))
    _say_what_is_kept_aside(found, warn)
    files = {
        f"epics[{row}].stories[{place}]": story.place
        for row, epic in enumerate(epics)
        for place, story in enumerate(epic.stories)
    }
    payload = {
        "epics": [_epic_item(epic, known) for epic in epics],
        "story_dependencies": list(_dependencies(epics, known, warn)),
    }
    return Backlog(payload, files)


def _group(story: StoryFile) -> tuple[int, str]:
    """Number of its epic, and where that is from."""
    number = story.epic()[0]
    in_folder = EPIC.fullmatch(story.folder)
    if number is None and in_folder:
        number = int(in_folder[1])
    named = story.number() or story.name() or ""
    if number is None and named.partition(".")[0].isdigit() and "." in named:
        number = int(named.partition(".")[0])
    if not number:
        raise story.wrong("belongs to no epic.", 'Put it into a directory epic_<number>_<name>, or say "epic": 3')
    return number, story.folder


def _title(stories: Iterable[StoryFile]) -> str:
    """What most of them call it; "" when none does."""
    names = Counter(title for story in stories if (title := story.epic()[1]))
    return names.most_common(1)[0][0] if names else ""


def _joined(epics: Sequence[Epic]) -> list[Epic]:
    """One for each number."""
    found: dict[int, Epic] = {}
    for epic in epics:
        before = found.get(epic.number)
        found[epic.number] = epic if before is None else Epic(
            number=epic.number, place=before.place or epic.place, title=before.title or epic.title,
            stories=[*before.stories, *epic.stories], numbers=[*before.numbers, *epic.numbers],
        )  # fmt: skip
    return [found[number] for number in sorted(found)]


def _epic_item(epic: Epic, known: Known) -> dict[str, Any]:
    """One that is there keeps its title when no file names another: a directory's name only suggests one."""
    around = next((story.around for story in epic.stories if story.around), {})
    suggested = "" if epic.number in known.epics.values() else _words(epic.place) or f"Epic {epic.number}"
    title = epic.title or suggested
    return {
        "number": epic.number,
        **({"title": title} if title else {}),
        **{name: around[name] for name in OF_EPIC if around.get(name) is not None},
        "stories": [story_item(story, number) for story, number in zip(epic.stories, epic.numbers, strict=True)],
    }


def _words(folder: str) -> str:
    match = EPIC.fullmatch(folder)
    return ((match and match[2]) or "").replace("_", " ").replace("-", " ").strip().capitalize()


def _say_what_is_kept_aside(found: Iterable[StoryFile], warn: Warn) -> None:
    aside = Counter(member for story in found for member in kept_aside(story))
    if aside:
        warn(f"Kept in the metadata: {', '.join(f'{member} ({count})' for member, count in sorted(aside.items()))}")


def _dependencies(epics: Sequence[Epic], known: Known, warn: Warn) -> Iterator[dict[str, str]]:
    """A name that several directories have means the story in the same directory."""
    everywhere: dict[str, dict[str, str]] = {}
    own: dict[tuple[str, str], str] = {}
    for epic in epics:
        for story, number in zip(epic.stories, epic.numbers, strict=True):
            for name in (number, *story.names()):
                everywhere.setdefault(name, {})[number] = story.place
                own.setdefault((story.folder, name), number)
    for epic in epics:
        for story, number in zip(epic.stories, epic.numbers, strict=True):
            for named in story.dependencies():
                if (found := _found(story, named, own, everywhere, known)) is None:
                    warn(f"{story.place}: {named} is not in this backlog; the dependency is left out")
                else:
                    yield {"story": number, "depends_on": found}


def _found(
    story: StoryFile, named: str, own: Mapping[tuple[str, str], str], everywhere: Mapping[str, Mapping[str, str]],
    known: Known,
) -> str | None:  # fmt: skip
    name = called(named)
    if (story.folder, name) in own:
        return own[story.folder, name]
    places = everywhere.get(name, {})
    if len(places) > 1:
        raise story.wrong(f"{named} means several stories: {', '.join(places.values())}.", "Name it by its number.")
    return next(iter(places), name if name in known.taken else None)
