"""The Markdown that backlogs are kept in: front matter, headings, ticked boxes. A subset, read line by line."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from loopctl.importers.items import MOST_PROBLEMS, Criterion, Problems, text_of

BOX = re.compile(r"\s{0,12}[-*+] \[([ xX])\] ?(.*)")
HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)?")
NUMBERED = re.compile(r"#[0-9]{1,4} (.*)")
MEMBER = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,63}):(?:[ \t]+(\S.*)?)?")
FENCES = ("```", "~~~")
MOST_MEMBERS = 200


class Section(Struct, frozen=True):
    """``level`` is 0 for what stands before the first heading; ``line`` that of the heading, from 1."""

    level: int
    title: str
    line: int
    lines: Sequence[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


def front_matter(problems: Problems, place: str, text: str) -> tuple[dict[str, Any], list[str], int]:
    """The members between the first two lines of dashes; the lines after them, and how many stand before those."""
    rows = text.splitlines()
    if not rows or rows[0].strip() != "---":
        return {}, rows, 0
    end = next((at for at, row in enumerate(rows[1:], 1) if row.strip() == "---"), None)
    if end is None:
        problems.add(place, "its front matter has no end: a line of three dashes")
        return {}, [], 0
    return _members(problems, place, rows[1:end]), rows[end + 1 :], end + 1


def _members(problems: Problems, place: str, rows: Sequence[str]) -> dict[str, Any]:
    """What follows a member's line, by two blanks or more, is more of its text; by a dash, an item of its list."""
    found: dict[str, Any] = {}
    more: dict[str, list[str]] = {}
    name = ""
    for number, row in enumerate(rows, 2):
        text = row.strip()
        if not text or text.startswith("#"):
            continue
        if member := MEMBER.fullmatch(row.rstrip()):
            name = member[1]
            if name in found:
                problems.add(f"{place}: line {number}", f"{name} is there twice")
            found[name] = _value(member[2] or "")
        elif name and (text.startswith("- ") or row[0] in " \t"):
            more.setdefault(name, []).append(text)
        else:
            problems.add(f"{place}: line {number}", "is no member of a front matter: name: value")
        if len(found) > MOST_MEMBERS or len(problems.found) > MOST_PROBLEMS:
            problems.add(place, f"has more than {MOST_MEMBERS} members in its front matter, or none that can be read")
            break
    return {name: _with(value, more.get(name, ())) for name, value in found.items()}


def _with(value: Any, more: Sequence[str]) -> Any:
    if not more:
        return value
    if all(text.startswith("- ") for text in more):
        return [_scalar(text[2:]) for text in more]
    first = "" if value in (">", ">-", "|", "|-") else text_of(value)
    return _scalar(" ".join(filter(None, (first, *more))))


def _value(text: str) -> Any:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [each for part in _parts(text[1:-1]) if (each := _scalar(part))]
    return _scalar(text)


def _parts(text: str) -> Iterator[str]:
    """Between commas that stand in no quotes."""
    part, quote = "", ""
    for letter in text:
        if letter == quote:
            quote = ""
        elif not quote and letter in "'\"" and not part.strip():
            quote = letter
        if letter == "," and not quote:
            yield part
            part = ""
        else:
            part += letter
    yield part


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        inner = text[1:-1]
        return inner.replace("''", "'") if text[0] == "'" else inner.replace('\\"', '"').replace("\\\\", "\\")
    return "" if text in ("null", "~") else text


def sections(rows: Sequence[str], before: int = 0) -> list[Section]:
    """By headings. What stands in a fence is none. ``before`` is how many lines of the file came earlier."""
    found: list[Section] = []
    level, title, start = 0, "", 0
    for number, row in outside_fences(rows):
        if heading := HEADING.fullmatch(row.rstrip()):
            found.append(Section(level, title, before + start, rows[start:number]))
            level, title, start = len(heading[1]), (heading[2] or "").rstrip("# ").strip(), number + 1
    return [*found, Section(level, title, before + start, rows[start:])]


def outside_fences(rows: Sequence[str]) -> Iterator[tuple[int, str]]:
    """With their places. What stands in a fence is an example."""
    fence = ""
    for number, row in enumerate(rows):
        mark = next((each for each in FENCES if row.lstrip().startswith(each)), "")
        if mark and fence in ("", mark):
            fence = "" if fence else mark
        elif not fence:
            yield number, row


def boxes(rows: Sequence[str]) -> list[Criterion]:
    """The ticked and unticked lines. A number before the text (``#1``) is the list's, not the text's."""
    found = []
    for _, row in outside_fences(rows):
        if match := BOX.fullmatch(row.rstrip()):
            numbered = NUMBERED.fullmatch(match[2].strip())
            text = (numbered[1] if numbered else match[2]).strip()
            if text:
                found.append(Criterion(text, match[1] != " "))
    return found


def without_comments(text: str) -> str:
    """What an HTML comment says is for tools: markers of sections."""
    first, *others = text.split("<!--")
    return "".join((first, *(each.partition("-->")[2] for each in others))).strip()
