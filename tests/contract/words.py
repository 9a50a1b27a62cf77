"""What every refusal has to say: what, where, and what to do, in two lines."""

from collections.abc import Mapping
from typing import Any

from msgspec import json

LONGEST_TEXT = 300
LONGEST_ERROR = 2500
"""Bytes of the whole error: ids and states stand in it too."""

OF_TRANSITIONS = ("current_state", "attempted_action", "hints")
NOT_OF_TRANSITIONS = {
    "conflict", "version_conflict", "dependency_exists", "import_conflict", "idempotency_key_reused",
}  # fmt: skip
"""Conflicts over other things than the state of a story."""


def complaints(code: str, message: str, facts: Mapping[str, Any]) -> list[str]:
    """What is wrong with the words of a refusal. ``facts`` are its other members."""
    texts = [
        message,
        *facts.get("hints", ()),
        *(text for each in (facts.get("details") or {}).values() for text in each),
    ]
    found = [f"too long: {text[:60]}…" for text in texts if isinstance(text, str) and len(text) > LONGEST_TEXT]
    found += [f"says nothing: {text}" for text in texts if isinstance(text, str) and _is_bare(text)]
    if len(json.encode(facts)) > LONGEST_ERROR:
        found.append("too long in all")
    if code == "validation_failed" and not facts.get("details"):
        found.append("names no field")
    if "Conflict" in message and code not in NOT_OF_TRANSITIONS:
        found += [f"has no {name}" for name in OF_TRANSITIONS if not facts.get(name)]
    return found


def _is_bare(text: str) -> bool:
    return text.strip(" .:") in ("", "Conflict", "is invalid", "has invalid format", "Forbidden")


def told(error: Mapping[str, Any]) -> list[str]:
    """The same of an error as it came over the wire."""
    return complaints(
        error["code"],
        error["message"],
        {name: value for name, value in error.items() if name not in ("code", "message")},
    )
