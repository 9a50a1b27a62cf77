"""What a client may say of a story, and what of it is refused: bounds, forms, and how it is kept."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from itertools import chain, count
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.event import JsonText
from domain.fields import BLANK, LONGEST_DESCRIPTION, LONGEST_JSON, LONGEST_TITLE, Problems, must_be
from domain.numbering import StoryNumber, parse_story_number
from domain.story_details import DETAILS, checked_details

CRITERION_TEXTS = ("id", "criterion", "description")
MOST_CRITERIA = 200
LARGEST_HOURS = 1_000_000
HOURS = re.compile(r"[0-9]{1,7}(\.[0-9]{1,20})?")
"""A text for a number of hours: other spellings of a decimal are read differently by everybody."""
SMALLEST_HOURS = Decimal("0.000001")
BINDINGS = {
    "test": ("path", "test_name"),
    "code": ("path", "line_range", "pattern"),
    "route": ("method", "path"),
    "migration": ("table", "column"),
    "manual": ("description",),
}
"""Types of verification criteria with the members that each must have."""


class StoryFields(Struct, frozen=True, kw_only=True):
    """What a client may say of a story. Left out: not said; None: cleared. Those of which any JSON is taken are checked
    with the others."""

    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    acceptance_criteria: Sequence[Any] | UnsetType = UNSET
    estimated_hours: float | str | UnsetType | None = UNSET
    metadata: JsonText | UnsetType = UNSET
    external_source: Any = UNSET
    external_id: Any = UNSET
    external_times: Any = UNSET
    labels: Any = UNSET
    priority: Any = UNSET
    assignee: Any = UNSET
    claimed_criteria: Any = UNSET
    parent: Any = UNSET
    """Its number."""
    parent_id: Any = UNSET


def checked_number(problems: Problems, text: str, *, taken: bool) -> StoryNumber:
    number = parse_story_number(text)
    if not text.strip():
        problems.add("number", BLANK)
    elif number is None:
        problems.add("number", 'must be "major" or "major.minor", each from 0 to 9999')
    elif taken:
        problems.add("number", f"story {number.text} already exists in the project; import with merge=true updates it")
    return number or StoryNumber(0, 0, "0")


def checked_story(problems: Problems, fields: StoryFields) -> dict[str, Any]:
    """Only what was said, as an event keeps it."""
    said: dict[str, Any] = {}
    if fields.title is not UNSET:
        said["title"] = problems.required("title", fields.title, LONGEST_TITLE)
    if fields.description is not UNSET:
        said["description"] = problems.optional("description", fields.description, LONGEST_DESCRIPTION)
    if fields.acceptance_criteria is not UNSET:
        said["acceptance_criteria"] = checked_criteria(problems, fields.acceptance_criteria)
    if fields.estimated_hours is not UNSET:
        said["estimated_hours"] = _checked_hours(problems, fields.estimated_hours)
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
        said["metadata"] = fields.metadata
    said |= checked_details(
        problems, {name: value for name in DETAILS if (value := getattr(fields, name)) is not UNSET}
    )
    return said


def checked_criteria(problems: Problems, items: Sequence[Any]) -> JsonText:
    if len(items) > MOST_CRITERIA:
        problems.add("acceptance_criteria", f"should have at most {MOST_CRITERIA} item(s)")
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            problems.add("acceptance_criteria", must_be('a list of maps, such as {"id": "AC-1", "description": "…"}'))
        elif "verification_criterion" in item and (wrong := binding_problem(item["verification_criterion"])):
            problems.add(f"acceptance_criteria[{place}].verification_criterion", wrong)
    return JsonText(msgspec.json.encode([*map(_trimmed, items)]).decode())


def _trimmed(item: Any) -> Any:
    """As other names and titles: blanks around a text are not part of it."""
    if not isinstance(item, dict):
        return item
    texts = {name: value.strip() for name in CRITERION_TEXTS if isinstance(value := item.get(name), str)}
    return {**item, **texts}


def trimmed_all(criteria: JsonText) -> JsonText:
    return JsonText(msgspec.json.encode([*map(_trimmed, msgspec.json.decode(criteria))]).decode())


def binding_problem(binding: Any) -> str | None:
    """What is wrong with a verification criterion (spec 01, section 2.9)."""
    if not isinstance(binding, dict):
        return "must be a map"
    members = BINDINGS.get(str(binding.get("type")))
    if members is None:
        return f"type must be one of {', '.join(BINDINGS)}"
    missing = [member for member in members if member not in binding]
    return f"needs {', '.join(missing)}" if missing else None


def criteria_hash(title: str, acceptance_criteria: JsonText) -> str:
    """SHA-256 in hexadecimal of what a contract is about."""
    return sha256(b"\n".join((title.encode(), acceptance_criteria.encode()))).hexdigest()


def criterion_id(story_id: UUID, ac_id: str) -> UUID:
    """Of an acceptance criterion: the same whenever it is made from the story."""
    return uuid5(story_id, ac_id)


def _checked_hours(problems: Problems, hours: float | str | None) -> str | None:
    if hours is None or (isinstance(hours, str) and not hours.strip()):
        return None
    try:
        number = Decimal(str(hours))
    except InvalidOperation:
        problems.add("estimated_hours", must_be(f"a number from 0 to {LARGEST_HOURS}"))
        return None
    if not number.is_finite() or number > LARGEST_HOURS:
        problems.add("estimated_hours", must_be(f"a number from 0 to {LARGEST_HOURS}"))
        return None
    if number < 0:
        problems.add("estimated_hours", "must be greater than or equal to 0")
        return None
    if isinstance(hours, str) and not HOURS.fullmatch(hours.strip()):
        problems.add("estimated_hours", must_be(f"a number from 0 to {LARGEST_HOURS}"))
        return None
    # Rounded before it is written out: 1e-999999999 is a short way to say a very long number.
    return f"{number.quantize(SMALLEST_HOURS).normalize():f}"


def named_items(acceptance_criteria: JsonText) -> dict[str, Any]:
    """By ``ac_id``. An item whose id another has already is named by its place."""
    found: dict[str, Any] = {}
    for place, item in enumerate(msgspec.json.decode(acceptance_criteria), 1):
        names = chain((text_of(item.get("id")), f"AC-{place}"), (f"AC-{place}#{more}" for more in count(2)))
        found[next(name for name in names if name and name not in found)] = item
    return found


def text_of(value: Any) -> str:
    """Clients write ids and descriptions as other things too; only texts and whole numbers can name something."""
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
