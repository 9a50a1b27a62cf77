"""What a story says of where it is from and where it belongs: of its source, its place among others, what is claimed.

None of it is part of the contract, and none of it confirms anything: an assignee is a text, and a criterion that is
claimed to be met is one that somebody has ticked somewhere.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from domain.errors import NotFound
from domain.event import Event, JsonText
from domain.fields import Problems, must_be, several
from domain.numbering import parse_story_number

MOST_PRIORITY = 4
DEFAULT_PRIORITY = 2
MOST_LABELS = 20
LONGEST_LABEL = 100
LONGEST_SOURCE = 50
LONGEST_EXTERNAL_ID = 255
LONGEST_ASSIGNEE = 200
LONGEST_TIME = 40
MOST_CLAIMED = 200
TimeName = Literal["created_at", "started_at", "updated_at", "closed_at", "due_at"]
TIMES = ("created_at", "started_at", "updated_at", "closed_at", "due_at")
DETAILS = (
    "external_source", "external_id", "external_times", "labels", "priority", "assignee", "claimed_criteria",
)  # fmt: skip
A_TEXT = must_be("a text")
UUID_FORM = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class StoryDetails(Event, frozen=True, kw_only=True):
    """Members of the events that make and change a story. Left out: not said; None: cleared."""

    external_source: str | UnsetType | None = UNSET
    external_id: str | UnsetType | None = UNSET
    """In its source; unique in the project together with it."""
    external_times: JsonText | UnsetType | None = UNSET
    """By `TimeName`: as the source has them."""
    labels: Sequence[str] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=0, le=4, examples=[1])] | UnsetType = UNSET
    """0 is the most urgent, 4 the least."""
    assignee: str | UnsetType | None = UNSET
    """As people write it: it names no agent."""
    claimed_criteria: Sequence[str] | UnsetType = UNSET
    """Each an ``ac_id``."""
    parent_id: UUID | UnsetType | None = UNSET
    parent: str | UnsetType | None = UNSET
    """Its number."""


class Ties(Struct, frozen=True, kw_only=True):
    """What has to be known of other stories of the project before one can be tied to them."""

    holder: tuple[UUID, str] | None = None
    """Id and number of the story that has the external id."""
    parent: tuple[UUID, str] | None = None
    above: Collection[UUID] = ()
    """The parent's id, and those above it."""


def checked_details(problems: Problems, given: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was said, as an event keeps it."""
    said: dict[str, Any] = {}
    for name, longest in (
        ("external_source", LONGEST_SOURCE), ("external_id", LONGEST_EXTERNAL_ID), ("assignee", LONGEST_ASSIGNEE)
    ):  # fmt: skip
        if name in given:
            said[name] = _line(problems, name, given[name], longest)
    if ("external_id" in said) != ("external_source" in said) or bool(said.get("external_id")) != bool(
        said.get("external_source")
    ):
        problems.add("external_id", "goes with external_source: say both, or clear both")
    if "external_times" in given:
        said["external_times"] = _times(problems, given["external_times"])
    if "labels" in given:
        said["labels"] = _texts(problems, "labels", given["labels"], MOST_LABELS, LONGEST_LABEL)
    if "priority" in given:
        said["priority"] = _priority(problems, given["priority"])
    if "claimed_criteria" in given:
        said["claimed_criteria"] = _texts(
            problems, "claimed_criteria", given["claimed_criteria"], MOST_CLAIMED, LONGEST_EXTERNAL_ID
        )
    return said


def checked_claims(problems: Problems, claimed: Sequence[str], criteria: Collection[str]) -> None:
    """A claim is one about a criterion that the story has."""
    if unknown := [name for name in claimed if name not in criteria]:
        problems.add("claimed_criteria", f"names no criterion of the story: {several(unknown)}")


def tied(problems: Problems, own: UUID | None, said: Mapping[str, Any], ties: Ties) -> None:
    """That the external id is free. ``own`` is the story, None when it is new."""
    if said.get("external_id") and ties.holder and ties.holder[0] != own:
        problems.add("external_id", f"is that of story {ties.holder[1]} already")


def checked_parent(
    problems: Problems, own: UUID | None, given: tuple[Any, Any], ties: Ties
) -> dict[str, UUID | str | None]:
    """``given`` are number and id of the parent, of which one is enough; "" or None clears it.

    Raises NotFound for an id that is none in the project.
    """
    wanted = {name: value for name, value in zip(("parent", "parent_id"), given, strict=True) if value is not UNSET}
    if not wanted:
        return {}
    named = [name for name, value in wanted.items() if value is not None and str(value).strip()]
    if not named:
        return {"parent_id": None, "parent": None}
    if "parent_id" in named and ties.parent is None:
        raise NotFound("Not found")
    number = parse_story_number(str(wanted.get("parent") or ""))
    for name in named:
        found = ties.parent and (ties.parent[1] if name == "parent" else str(ties.parent[0]))
        said = (number and number.text) if name == "parent" else str(wanted[name]).strip().lower()
        if found is None or found != said:
            problems.add(name, "is another story than parent_id" if found else "is no story of the project")
    if own is not None and own in ties.above:
        problems.add(named[0], "would make the story a part of itself")
    return {"parent_id": ties.parent[0], "parent": ties.parent[1]} if ties.parent else {}


def parent_reference(number: Any, id_: Any) -> UUID | str | None:
    """How the parent is looked up: by its id where that is one, else by its number. None when none is named."""
    if isinstance(id_, str) and UUID_FORM.fullmatch(id_.strip()):
        return UUID(id_.strip())
    found = parse_story_number(number) if isinstance(number, str) else None
    return found.text if found else None


def _line(problems: Problems, name: str, value: Any, longest: int) -> str | None:
    if not isinstance(value, str | None):
        problems.add(name, A_TEXT)
        return None
    return problems.line(name, value, longest)


def _texts(problems: Problems, name: str, given: Any, most: int, longest: int) -> tuple[str, ...]:
    """Each once, without the blanks around it."""
    if given is None:
        return ()
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        problems.add(name, must_be("a list of texts"))
        return ()
    found = tuple(dict.fromkeys(each.strip() for each in given))
    if not all(found) or any(len(each) > longest for each in found):
        problems.add(name, f"should have texts of 1 to {longest} character(s)")
    if len(found) > most:
        problems.add(name, f"should have at most {most} item(s)")
    return found


def _priority(problems: Problems, given: Any) -> int:
    if given is None:
        return DEFAULT_PRIORITY
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= MOST_PRIORITY:
        problems.add("priority", must_be(f"a whole number from 0, the most urgent, to {MOST_PRIORITY}"))
        return DEFAULT_PRIORITY
    return given


def _times(problems: Problems, given: Any) -> JsonText | None:
    if not isinstance(given, dict | None):
        problems.add("external_times", must_be('a map such as {"created_at": "2026-03-27"}'))
        return None
    said = {name: value for name, value in (given or {}).items() if value is not None}
    for name, value in said.items():
        if name not in TIMES:
            problems.add("external_times", f"knows no {name}: its members are {', '.join(TIMES)}")
        elif not is_time(value):
            problems.add(f"external_times.{name}", must_be("a date or a time as ISO 8601 writes them"))
    kept = {name: said[name] for name in TIMES if name in said}
    return JsonText(msgspec.json.encode(kept).decode()) if kept else None


def is_time(value: Any) -> bool:
    """Whether it is a date, or a date and a time, as ISO 8601 writes them."""
    if not isinstance(value, str) or len(value) > LONGEST_TIME:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
