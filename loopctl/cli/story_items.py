"""One story file as an item of an import."""

from collections.abc import Mapping
from typing import Any

TAKEN = frozenset(
    ("id", "title", "epic", "acceptance_criteria", "dependencies", "estimated_hours", "description", "metadata")
)
"""Members that have a place of their own; every other one goes into the metadata."""


def story_item(said: Mapping[str, Any], number: str, name: str) -> dict[str, Any]:
    """``name`` is its id in the file; kept when the number is another."""
    metadata = {**(said.get("metadata") or {}), **{member: said[member] for member in said if member not in TAKEN}}
    if name != number:
        metadata["imported_id"] = said.get("id", name)
    item = {
        "number": number,
        "title": said.get("title") or name,
        "description": said.get("description") or _sentence(said.get("story")),
        "acceptance_criteria": [_criterion(each) for each in said.get("acceptance_criteria") or ()],
        "estimated_hours": said.get("estimated_hours"),
        "metadata": metadata,
    }
    return {member: value for member, value in item.items() if value not in (None, "")}


def _criterion(said: Any) -> Any:
    return {"description": said} if isinstance(said, str) else said


def _sentence(story: Any) -> str | None:
    if not isinstance(story, dict):
        return story if isinstance(story, str) else None
    parts = (("As a", "as_a"), ("I want to", "i_want_to"), ("so that", "so_that"))
    said = [f"{words} {story[name]}" for words, name in parts if story.get(name)]
    return ", ".join(said) + "." if said else None
