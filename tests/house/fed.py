"""How a pattern or a reader of text from outside is asked, and texts that are hard on it."""

from collections.abc import Callable
from typing import NamedTuple

from bench.growing import Repeated


class Fed(NamedTuple):
    """How a pattern is asked, the longest text that it is given, and texts that make it try again and again."""

    how: str
    most: int
    texts: tuple[Repeated, ...]


def fed(how: str, most: int, *texts: str) -> Fed:
    """``texts`` are head, piece and tail, with blanks between them that stand for nothing."""
    return Fed(how, most, tuple(Repeated(*(part.encode() for part in text.split(" ")[:3])) for text in texts))


DIGITS = " 7 x"
LETTERS = " a !"
BLANKS = Repeated(b"", b"\t", b"x")


class Reader(NamedTuple):
    read: Callable[[bytes], object]
    most: int
    texts: tuple[Repeated, ...]
