"""What is wrong with a log, and where."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct

from loopctl.tlog.errors import TlogError

Check = Literal[
    "bundle", "keys", "entries", "entities", "payloads", "rotations", "heads", "tiles", "freshness", "receipt",
    "stored", "custody", "digests",
]  # fmt: skip
"""Which question was answered with no. ``stored``: what a database keeps beside the bytes.
``custody``: what a story's steps say."""


class Finding(Struct, frozen=True):
    """``code`` is for machines. ``place`` is an entry (``entry 4711``), a tile (``tile/1/000, hash 3``), a line
    (``checkpoint, line 2``) or a file of the bundle. None of them quotes what the bundle holds."""

    check: Check
    code: str
    place: str
    problem: str


class Fault(Exception):
    """The log is not what it claims to be. Nothing that follows the place has been looked at."""

    def __init__(self, check: Check, code: str, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.finding = Finding(check, code, place, problem)


class Unreadable(Exception):
    """There is no log to judge: the file is missing, cut off, or no bundle at all."""


@contextmanager
def faults(check: Check, whole: str = "") -> Iterator[None]:
    """Turns what the formats refuse into a fault; ``whole`` is what their place is a part of."""
    try:
        yield
    except TlogError as error:
        raise fault_of(check, error, whole) from None


def fault_of(check: Check, error: TlogError, whole: str = "") -> Fault:
    place = f"{whole}, {error.place}" if whole else error.place
    return Fault(check, error.code, place, error.problem)
