"""What is different between two texts, line by line, in the form that patches have."""

from collections.abc import Sequence
from difflib import unified_diff
from itertools import takewhile

MOST_COMPARED = 250_000
"""Lines of the one times lines of the other that are compared with each other; the search grows with both. Between the
first and the last difference of longer texts everything counts as taken out and put in."""
CONTEXT = 3


def diff(before: str, after: str, names: tuple[str, str]) -> list[str]:
    """Nothing where the texts are the same."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    begin = _alike(old, new)
    end = _alike(old[begin:][::-1], new[begin:][::-1])
    if (len(old) - begin - end) * (len(new) - begin - end) <= MOST_COMPARED:
        first = max(begin - CONTEXT, 0)
        last = max(end - CONTEXT, 0)
        hunks = [*unified_diff(old[first : len(old) - last], new[first : len(new) - last], lineterm="", n=CONTEXT)][2:]
        return [*_head(names), *(_moved(line, first) for line in hunks)]
    removed, added = old[begin : len(old) - end], new[begin : len(new) - end]
    place = f"@@ -{begin + 1},{len(removed)} +{begin + 1},{len(added)} @@"
    return [*_head(names), place, *(f"-{line}" for line in removed), *(f"+{line}" for line in added)]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same from the beginning on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _head(names: tuple[str, str]) -> tuple[str, str]:
    return f"--- {names[0]}", f"+++ {names[1]}"


def _moved(line: str, lines: int) -> str:
    """The place of a hunk, when so many lines were left out before the texts."""
    if not line.startswith("@@ ") or not lines:
        return line
    _, old, new, _ = line.split()
    return f"@@ -{_later(old, lines)} +{_later(new, lines)} @@"


def _later(place: str, lines: int) -> str:
    start, comma, count = place[1:].partition(",")
    return f"{int(start) + lines}{comma}{count}"
