"""Checks of what clients write into fields, in the words of spec 01, section 1.8."""

from collections.abc import Collection

from domain.errors import Invalid

BLANK = "can't be blank"
INVALID = "is invalid"

LONGEST_NAME = 255
LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 50_000
LONGEST_JSON = 65_536
"""Characters of free-form JSON."""


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

    def optional(self, field: str, value: str | None, longest: int) -> str | None:
        """None for nothing but blanks."""
        return self._bounded(field, value, longest) if value is not None and value.strip() else None

    def one_of(self, field: str, value: object, allowed: Collection[object]) -> None:
        if value not in allowed:
            self.add(field, INVALID)

    def raise_any(self) -> None:
        """Raises Invalid when something was found."""
        if self.found:
            raise Invalid(**self.found)

    def _bounded(self, field: str, text: str, longest: int) -> str:
        if len(text) > longest:
            self.add(field, f"should be at most {longest} character(s)")
        return text
