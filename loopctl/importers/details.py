"""What sources say of an item beside its words, in the members that a story has for it; the rest stays in its metadata.

Each source has its own words for a priority and its own way to write a time: only those that can be read are taken.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from loopctl.importers.items import Item, texts_of

MOST_LABELS = 20
LONGEST_LABEL = 100
LONGEST_ASSIGNEE = 200
LONGEST_EXTERNAL_ID = 255
LONGEST_TIME = 40
PRIORITIES: Mapping[str, int] = {
    **dict.fromkeys(("urgent", "critical", "blocker", "highest", "p0"), 0),
    **dict.fromkeys(("high", "major", "p1"), 1),
    **dict.fromkeys(("medium", "normal", "p2"), 2),
    **dict.fromkeys(("low", "minor", "p3"), 3),
    **dict.fromkeys(("lowest", "trivial", "p4"), 4),
}
TIMES: Mapping[str, str] = {
    "created_at": "created_at", "start_at": "started_at", "updated_at": "updated_at", "closed_at": "closed_at",
    "due_at": "due_at",
}  # fmt: skip
"""By the name in `Item.kept`."""
MEMBERS = (
    "external_source", "external_id", "external_times", "labels", "priority", "assignee", "claimed_criteria", "parent",
)  # fmt: skip


class Details(Struct, frozen=True):
    """``said`` are members of a story, ``kept`` goes into the metadata, ``changed`` says what did not fit."""

    said: dict[str, Any]
    kept: dict[str, Any]
    changed: Sequence[str]


def details_of(source: str, item: Item, parent: str | None) -> Details:
    """``parent`` is the number of the story that it is a part of."""
    kept: dict[str, Any] = dict(item.kept)
    said: dict[str, Any] = {}
    changed: list[str] = []
    if len(item.external_id) <= LONGEST_EXTERNAL_ID:
        said |= {"external_source": source, "external_id": item.external_id}
    else:
        kept |= {"source": source, "id": item.external_id}
    if times := {name: kept.pop(own) for own, name in TIMES.items() if _is_time(kept.get(own))}:
        said["external_times"] = times
    if (priority := priority_of(kept.get("priority"))) is not None:
        said["priority"] = priority
        del kept["priority"]
    if labels := list(dict.fromkeys(texts_of(kept.get("labels")))):
        said["labels"] = [label for label in labels if len(label) <= LONGEST_LABEL][:MOST_LABELS]
        if len(said["labels"]) == len(labels):
            del kept["labels"]
        else:
            changed.append(f"{item.place}: {len(said['labels'])} of {len(labels)} labels; all are in its metadata")
    for name in ("assignee", "assignees"):
        names = ", ".join(texts_of(kept.get(name)))
        if names and len(names) <= LONGEST_ASSIGNEE:
            said["assignee"] = names
            del kept[name]
    if ticked := [f"AC-{at}" for at, each in enumerate(item.criteria, 1) if each.ticked]:
        said["claimed_criteria"] = ticked
    if parent is not None:
        said["parent"] = parent
        kept.pop("parent", None)
    return Details(said, kept, changed)


def priority_of(given: Any) -> int | None:
    """Of a number or a word for one; None for what is neither."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given if 0 <= given <= 4 else None
    return PRIORITIES.get(given.strip().lower()) if isinstance(given, str) else None


def _is_time(given: Any) -> bool:
    """As ISO 8601 writes a date, or a date and a time."""
    if not isinstance(given, str) or len(given) > LONGEST_TIME:
        return False
    try:
        datetime.fromisoformat(given)
    except ValueError:
        return False
    return True
