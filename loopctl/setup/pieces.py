"""What setup writes: whole files, marked sections of text files, and single members and items of JSON files.

Each can say what stands in its place (``there``), in the form in which it is recorded (``mark``).
"""

import re
import tomllib
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from loopctl.setup.json_text import NotUnderstood, Part, Way, added, missing, read, replaced, value_at, without
from loopctl.setup.sections import MARKDOWN, TOML, BrokenMarks, Marks, section_of, with_section, without_section

LINE = re.compile(r"line (\d+)")


class Foreign(Exception):
    """Something of somebody else's stands where a piece belongs, or its file is not understood."""

    def __init__(self, path: str, problem: str, line: int = 0) -> None:
        self.place = f"{path}, line {line}" if line else path
        self.problem = problem
        super().__init__(f"{self.place}: {problem}")


class File(Struct, frozen=True, tag="file"):
    """A whole file. Recorded as the hash of what it holds."""

    path: str
    content: str
    executable: bool = False

    @property
    def key(self) -> str:
        return self.path

    def mark(self) -> "File":
        return replace(self, content=_digest(self.content))

    def there(self, text: str) -> "File | None":
        return replace(self, content=_digest(text)) if text else None

    def makes(self, text: str) -> Sequence[Way]:  # noqa: ARG002  # one shape for every piece
        return ()

    def put(self, text: str) -> str:  # noqa: ARG002  # one shape for every piece
        return self.content

    def take(self, text: str, ours: Collection[Way]) -> str:  # noqa: ARG002  # one shape for every piece
        return ""


class Section(Struct, frozen=True, tag="section"):
    """Of a Markdown or TOML file. Recorded as the hash of what stands between its marks."""

    path: str
    content: str

    @property
    def key(self) -> str:
        return f"{self.path} section"

    def mark(self) -> "Section":
        return replace(self, content=_digest(self.content))

    def there(self, text: str) -> "Section | None":
        try:
            found = section_of(text, self._marks)
        except BrokenMarks as error:
            problem = f"the marks do not fit ({self._marks.begin} … {self._marks.end})"
            raise Foreign(self.path, problem, error.line) from None
        return None if found is None else replace(self, content=_digest(found))

    def makes(self, text: str) -> Sequence[Way]:  # noqa: ARG002  # one shape for every piece
        return ()

    def put(self, text: str) -> str:
        self._check(text)
        changed = with_section(text, self._marks, self.content)
        self._check(changed)
        return changed

    def take(self, text: str, ours: Collection[Way]) -> str:  # noqa: ARG002  # one shape for every piece
        return without_section(text, self._marks)

    @property
    def _marks(self) -> Marks:
        return TOML if self.path.endswith(".toml") else MARKDOWN

    def _check(self, text: str) -> None:
        if not self.path.endswith(".toml"):
            return
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            place = LINE.search(str(error))
            raise Foreign(self.path, f"it is no TOML ({error})", int(place[1]) if place else 0) from None


class Member(Struct, frozen=True, tag="member"):
    """Of an object in a JSON file; without a name an item of the list there. Recorded as it is."""

    path: str
    inside: tuple[str, ...]
    name: str | None
    value: Any

    @property
    def key(self) -> str:
        # An item is what it holds: a changed one is another one.
        last = self.name if self.name is not None else f"[{_digest(repr(self.value))[:8]}]"
        return " ".join((self.path, *self.inside, last))

    def mark(self) -> "Member":
        return self

    def there(self, text: str) -> "Member | None":
        found = self._found(text)
        return None if found is None else replace(self, value=found.value)

    def makes(self, text: str) -> Sequence[Way]:
        """Objects and lists that have to be there for it and are not."""
        return missing(text, self.inside)

    def put(self, text: str) -> str:
        found = self._found(text)
        try:
            if found is None:
                return added(text, self.inside, self.name, self.value)
            return replaced(text, found, self.value)
        except NotUnderstood as error:
            raise Foreign(self.path, error.problem, error.line) from None

    def take(self, text: str, ours: Collection[Way]) -> str:
        return without(text, self.inside, self.name, self.value, ours)

    def _found(self, text: str) -> Part | None:
        try:
            outer = value_at(read(text), self.inside) if text.strip() else None
        except NotUnderstood as error:
            raise Foreign(self.path, error.problem, error.line) from None
        if outer is None:
            return None
        if self.name is not None:
            return (outer.members or {}).get(self.name)
        return next((item for item in outer.items or () if item.value == self.value), None)


Piece = File | Section | Member


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
