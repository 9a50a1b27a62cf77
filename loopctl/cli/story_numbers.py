"""The numbers of a backlog: what files say is kept, and what they do not say is counted so that nothing meets."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.story_items import NUMBER, StoryFile, without_zeros

MOST_NAMED = 20
Warn = Callable[[str], None]


class Known(Struct, frozen=True):
    """What the project has already, for a merge: numbers that were made up are found again and not given twice."""

    epics: Mapping[str, int] = {}
    """By title."""
    imported: Mapping[tuple[int, str], str] = {}
    """By epic and the id that a story had in its file."""
    taken: frozenset[str] = frozenset()


NOTHING_KNOWN = Known()


class Group(Struct, frozen=True, kw_only=True):
    """Stories of one epic from one place. ``title`` is "" when nothing names it, ``place`` then what it may be from."""

    number: int
    place: str
    title: str
    stories: Sequence[StoryFile]


class Epic(Struct, frozen=True, kw_only=True):
    """``numbers`` are what its stories get, in their order."""

    number: int
    place: str
    title: str
    stories: Sequence[StoryFile]
    numbers: Sequence[str]


def numbered(groups: Sequence[Group], known: Known, warn: Warn) -> list[Epic]:
    """Two groups of one number are one epic, unless their stories meet: then the later one, by place, gets the next
    number that is free, and its stories with it. Raises Stop for stories that name the same number."""
    own = {named for group in groups for story in group.stories if (named := _own(story))}
    free = max((*(group.number for group in groups), *known.epics.values()), default=0) + 1
    taken: dict[int, set[str]] = {}
    epics = []
    for group in sorted(groups, key=lambda each: (each.number, each.place)):
        numbers = {named for story in group.stories if (named := _own(story))}
        number, meets = group.number, bool(taken.get(group.number, set()) & numbers)
        if meets and not any(story.number() for story in group.stories):
            number = known.epics.get(group.title, free)
            free += number == free
            warn(f"{group.place}: there is an epic {group.number} with the same numbers already; this one is {number}")
        taken.setdefault(number, set()).update(numbers)
        epics.append(_epic(group, number, known, own, warn))
    _check_once(epics)
    return epics


def _epic(group: Group, number: int, known: Known, own: Collection[str], warn: Warn) -> Epic:
    stories = sorted(group.stories, key=_order)
    kept = [_kept(story, group, number) for story in stories]
    used = {*filter(None, kept), *own, *known.taken}
    last = max((int(each.partition(".")[2]) for each in used if each.startswith(f"{number}.")), default=0)
    numbers, counted = [], []
    for story, named in zip(stories, kept, strict=True):
        given = named or known.imported.get((number, str(story.said.get("id", story.stem))))
        if given is None:
            last += 1
            given = f"{number}.{last}"
        numbers.append(given)
        if given != _own(story):
            counted.append(f"{story.name()} as {given}")
    if counted:
        warn(f"{group.place}: stories are counted anew, {', '.join(counted)}")
    return Epic(number=number, place=group.place, title=group.title, stories=stories, numbers=numbers)


def _own(story: StoryFile) -> str | None:
    """The number that it has by its own word, or by its file's."""
    named = story.number() or story.name()
    return without_zeros(named) if named and NUMBER.fullmatch(named) else None


def _kept(story: StoryFile, group: Group, number: int) -> str | None:
    """None when it has to be counted."""
    own = _own(story)
    if own is None or story.number():
        return own
    major, _, minor = own.partition(".")
    if number != group.number:
        return f"{number}.{minor or major}"
    return own if minor or "id" in story.said else f"{number}.{major}"


def _order(story: StoryFile) -> list[tuple[int, str]]:
    """2.10 after 2.9; letters after digits."""
    named = story.number() or story.name() or ""
    return [(int(part), "") if part.isdigit() else (10**9, part) for part in named.split(".")]


def _check_once(epics: Iterable[Epic]) -> None:
    places: dict[str, list[str]] = {}
    for epic in epics:
        for story, number in zip(epic.stories, epic.numbers, strict=True):
            places.setdefault(number, []).append(story.place)
    twice = [f"{number} in {' and '.join(where)}" for number, where in places.items() if len(where) > 1]
    if twice:
        more = f" and {len(twice) - MOST_NAMED} more" if len(twice) > MOST_NAMED else ""
        raise Stop(
            Exit.USAGE, f"Stories have the same number: {'; '.join(twice[:MOST_NAMED])}{more}.",
            "Give each a number of its own, in the member number.",
        )  # fmt: skip
