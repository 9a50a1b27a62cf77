"""What an answer says that was not kept of what was sent."""

from collections.abc import Mapping
from typing import Any

from loopctl.cli.output import note

MOST_LINES = 20
WORDS = {"ignored": "Not known, and not kept", "not_imported": "Known, and set by no import"}


def say_what_was_left(body: Any, files: Mapping[str, str] | None = None) -> None:
    """``files`` says by path what is from which file."""
    for name, words in WORDS.items():
        places = body.get(name) if isinstance(body, dict) else None
        if not isinstance(places, list) or not places:
            continue
        note(f"{words}:")
        for place in places[:MOST_LINES]:
            file = (files or {}).get(".".join(str(place).split(".")[:2]), "")
            note(f"  {place}{f' ({file})' if file else ''}")
        if more := len(places[MOST_LINES:]) + body.get(f"{name}_more", 0):
            note(f"  … and {more} more")
