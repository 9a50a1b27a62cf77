"""One story as people write it into a file, as an item of an import."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from loopctl.cli.exits import Exit, Stop
from loopctl.importers.details import PRIORITIES, priority_of

OF_IMPORT = (
    "title", "description", "acceptance_criteria", "estimated_hours", "initial_agent_status", "initial_verified_status",
    "agent_status", "verified_status", "assigned_agent_id", "assigned_at", "reported_done_at", "verified_at",
    "rejected_at", "rejection_reason", "external_source", "external_id", "external_times", "labels", "priority",
    "assignee", "claimed_criteria", "parent",
)  # fmt: skip
"""Members that an import has too, sent as they are."""
READ_HERE = ("id", "number", "epic", "epic_number", "dependencies", "depends_on", "metadata")
TAKEN = frozenset((*OF_IMPORT, *READ_HERE))
"""Every other member goes into the metadata."""

NUMBER = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})?")
NAME = re.compile(r"(?:(?:us|story)[-_ ]?)?([0-9]+(?:[._][0-9a-z]+)*)(?:[- ].*)?", re.IGNORECASE | re.DOTALL)
EPIC = re.compile(r"(?:(?:epic|e)[-_ ]*)?0*([1-9][0-9]{0,8})(?:[-_.: ]+(.*))?", re.IGNORECASE | re.DOTALL)


class StoryFile(Struct, frozen=True, kw_only=True):
    """One story, wherever it stands. ``place`` is what people find it by: a file, and what of it."""

    place: str
    said: Mapping[str, Any]
    stem: str = ""
    """The file's name, when the story is alone in it."""
    folder: str = ""
    """The directory that is named like an epic, "" when there is none."""
    around: Mapping[str, Any] = {}
    """What the epic that it stands in says of itself."""

    def wrong(self, problem: str, hint: str = "") -> Stop:
        return Stop(Exit.USAGE, f"{self.place}: {problem}", hint)

    def number(self) -> str | None:
        """What it calls itself outright, which is never changed."""
        given = self.said.get("number")
        if given is None:
            return None
        named = _plain(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
        if not NUMBER.fullmatch(named):
            raise self.wrong(f'number {given!r} is none: write "major.minor" as a text, each from 0 to 9999.')
        return without_zeros(named)

    def name(self) -> str | None:
        """Its id without US-, else what its file is called; not always a number."""
        given = self.said.get("id")
        if isinstance(given, str | int) and not isinstance(given, bool) and (found := name_in(str(given))):
            return found
        return name_in(self.stem)

    def names(self) -> Iterator[str]:
        """All that others may call it in their dependencies."""
        for given in (self.number(), self.said.get("id"), self.name(), self.stem):
            if isinstance(given, str | int) and str(given).strip():
                yield called(str(given))

    def epic(self) -> tuple[int | None, str]:
        """Number and title of its epic as far as something names them: the story itself, else what it stands in."""
        given = self.said.get("epic_number", self.said.get("epic"))
        told = given if isinstance(given, dict) else {"id": given}
        number, title = _epic_said(told)
        if given is not None and number is None and not self.folder and not self.around:
            raise self.wrong(f"epic {given!r} has no number.", 'Write "epic": 3, or {"number": 3, "title": "…"}')
        around, its_title = _epic_said(self.around)
        return (around if number is None else number), (title or its_title)

    def dependencies(self) -> list[str]:
        """As they are named, each once."""
        found: dict[str, None] = {}
        for member in ("dependencies", "depends_on"):
            given = self.said.get(member)
            for each in given if isinstance(given, list) else [] if given is None else [given]:
                named = each.get("story", each.get("number", each.get("id"))) if isinstance(each, dict) else each
                if not isinstance(named, str | int) or isinstance(named, bool) or not str(named).strip():
                    raise self.wrong(f"{member} has {each!r}, which names no story.", 'It is a list such as ["1.1"]')
                found[str(named).strip()] = None
        return list(found)


def name_in(text: str) -> str | None:
    """What of a text names a story: ``US-1.2`` and ``us_1_2`` are 1.2."""
    match = NAME.fullmatch(text.strip())
    return match[1].replace("_", ".") if match else None


def story_item(story: StoryFile, number: str) -> dict[str, Any]:
    """What is not said is left out, so that a merge leaves it alone. Raises Stop."""
    said = story.said
    for member in said.keys() - TAKEN:
        if known := _meant(member):
            raise story.wrong(f"{member} is not known.", f"Did you mean {known}?")
    item = {"number": number, **{member: said[member] for member in OF_IMPORT if said.get(member) is not None}}
    if isinstance(word := item.get("priority"), str):
        item["priority"] = priority_of(word)
        if item["priority"] is None:
            raise story.wrong(f"priority is {word!r}.", f"It is 0 to 4, or one of {', '.join(PRIORITIES)}.")
    if "acceptance_criteria" in item:
        item["acceptance_criteria"] = _criteria(story, item["acceptance_criteria"])
    if "description" not in item and (sentence := _sentence(said.get("story"))):
        item["description"] = sentence
    if metadata := _metadata(story, number):
        item["metadata"] = metadata
    return item


def kept_aside(story: StoryFile) -> list[str]:
    """Members that go into the metadata because they have no place of their own."""
    return [member for member in story.said if member not in TAKEN]


def _metadata(story: StoryFile, number: str) -> dict[str, Any]:
    given = story.said.get("metadata")
    if not isinstance(given, dict | None):
        raise story.wrong("metadata is no object.")
    metadata = {**{member: story.said[member] for member in kept_aside(story)}, **(given or {})}
    called = story.said.get("id", story.stem)
    if story.number() is None and name_in(str(called)) != number and called:
        metadata["imported_id"] = called
    return metadata


def _criteria(story: StoryFile, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise story.wrong("acceptance_criteria is no list.", 'It is ["…", "…"], or [{"id": "AC-1", "criterion": "…"}]')
    for each in given:
        if not isinstance(each, str | dict):
            raise story.wrong(f"acceptance_criteria has {each!r}, which is neither a text nor an object.")
    return [{"criterion": each} if isinstance(each, str) else each for each in given]


def _sentence(story: Any) -> str | None:
    if not isinstance(story, dict):
        return story if isinstance(story, str) else None
    parts = (("As a", "as_a"), ("I want to", "i_want_to"), ("so that", "so_that"))
    said = [f"{words} {story[name]}" for words, name in parts if story.get(name)]
    return ", ".join(said) + "." if said else None


def _epic_said(told: Mapping[str, Any]) -> tuple[int | None, str]:
    title = next((told[name] for name in ("title", "name") if isinstance(told.get(name), str)), "").strip()
    for name in ("number", "id"):
        match = EPIC.fullmatch(str(told.get(name, "")).strip())
        if match and not isinstance(told[name], bool | float):
            return int(match[1]), title or (match[2] or "").strip()
    return None, title


def _plain(given: str | int) -> str:
    text = str(given).strip()
    return text[3:] if text[:3].lower() == "us-" else text


def without_zeros(number: str) -> str:
    return ".".join(str(int(part)) for part in number.split("."))


def called(text: str) -> str:
    return (name_in(text) or text.strip()).lower()


def _meant(member: str) -> str | None:
    """The known member that this one is another spelling of."""
    return next((known for known in sorted(TAKEN) if _letters(known) == _letters(member)), None)


def _letters(member: str) -> str:
    return "".join(filter(str.isalnum, member)).lower()
