"""Our section in other people's text files: between two marks, at the end unless it is there already."""

from msgspec import Struct


class Marks(Struct, frozen=True):
    begin: str
    end: str


MARKDOWN = Marks("<!-- loopctl setup: begin -->", "<!-- loopctl setup: end -->")
TOML = Marks("# loopctl setup: begin", "# loopctl setup: end")


class BrokenMarks(Exception):
    """One of the marks is there without the other, twice, or in the wrong order."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"line {line}")


def section_of(text: str, marks: Marks) -> str | None:
    """What stands between the marks. Raises BrokenMarks."""
    place = _place(text, marks)
    return None if place is None else text[place[0] + len(marks.begin) + 1 : place[1]]


def with_section(text: str, marks: Marks, section: str) -> str:
    """``section`` ends its last line. Raises BrokenMarks."""
    told = f"{marks.begin}\n{section}{marks.end}"
    if (place := _place(text, marks)) is not None:
        return text[: place[0]] + told + text[place[1] + len(marks.end) :]
    before = text if not text or text.endswith("\n") else text + "\n"
    return f"{before}{chr(10) if before else ''}{told}\n"


def without_section(text: str, marks: Marks) -> str:
    """Raises BrokenMarks."""
    place = _place(text, marks)
    if place is None:
        return text
    before, after = text[: place[0]], text[place[1] + len(marks.end) :].removeprefix("\n")
    return (before.removesuffix("\n") if before.endswith("\n\n") else before) + after


def _place(text: str, marks: Marks) -> tuple[int, int] | None:
    begin, end = text.find(marks.begin), text.find(marks.end)
    if begin < 0 and end < 0:
        return None
    once = text.count(marks.begin) == text.count(marks.end) == 1
    if not once or end < begin:
        raise BrokenMarks(text.count("\n", 0, max(begin, end, 0)) + 1)
    return begin, end
