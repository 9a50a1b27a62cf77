"""Checks of what clients write into fields, in the words of spec 01, section 1.8."""

import re
from collections.abc import Collection, Sequence

from domain.errors import LONGEST_PLACE, Invalid, shortened

BLANK = "can't be blank"
INVALID = "is invalid"

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")
SLUG_FORM = "2 to 63 of a-z, 0-9 and -, with a letter or a digit at both ends"

MOST_NAMED = 5
"""Things that one sentence names; of the others it says how many there are."""

LONGEST_NAME = 255
LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 50_000
LONGEST_JSON = 65_536
"""Characters of free-form JSON."""


def must_be(what: str) -> str:
    """The contract's two words, and what to write instead."""
    return f"{INVALID}: must be {what}"


def must_be_one_of(allowed: Collection[object]) -> str:
    return must_be(f"one of {', '.join(map(str, allowed))}")


def several(names: Sequence[str], between: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = len(names) - MOST_NAMED
    shown = between.join(shortened(name, LONGEST_PLACE) for name in names[:MOST_NAMED])
    return shown if more <= 0 else f"{shown} and {more} more"


class Problems:
    """Collects what is wrong, so that one answer names everything."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, field: str, problem: str) -> None:
        """The first problem of a field counts."""
        self.found.setdefault(field, problem)

    def required(self, field: str, value: str | None, longest: int) -> str:
        """Trimmed; "" when it is missing, which the answer then says."""
        text = (value or "").strip()
        if not text:
            self.add(field, BLANK)
        return self._bounded(field, text, longest)

    def line(self, field: str, value: str | None, longest: int) -> str | None:
        """Trimmed; None for nothing but blanks."""
        return self._bounded(field, value.strip(), longest) if value is not None and value.strip() else None

    def optional(self, field: str, value: str | None, longest: int) -> str | None:
        """A long text as it is; None for nothing but blanks."""
        return self._bounded(field, value, longest) if value is not None and value.strip() else None

    def one_of(self, field: str, value: object, allowed: Collection[object]) -> None:
        if value not in allowed:
            self.add(field, must_be_one_of(allowed))

    def raise_any(self) -> None:
        """Raises Invalid when something was found."""
        if self.found:
            raise Invalid(**self.found)

    def _bounded(self, field: str, text: str, longest: int) -> str:
        if len(text) > longest:
            self.add(field, f"should be at most {longest} character(s)")
        return text
