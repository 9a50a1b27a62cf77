"""A text of bounded length in tokens, out of our own words and other people's."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from loopctl.cli.plain import one_line

MOST = 1000
"""Tokens of a whole text. No tokenizer is at hand, so each part is weighed at more than it can come to."""
TITLE_BYTES = 48


class Line(Struct, frozen=True):
    text: str
    weight: int
    """An upper bound of its tokens."""


class Part(Struct, frozen=True):
    """A list: its heading, its items, the best first, how many there are in all, and the command that lists them."""

    heading: str
    items: Sequence[Line]
    count: int
    rest: str


def line(words: str, *others: str) -> Line:
    """``words`` are English or a command of ours: more than 2.5 bytes a token. What others wrote, each in the place of
    a {}, may be in any script, and no tokenizer makes more tokens of a text than it has bytes."""
    theirs = sum(len(each.encode()) for each in others)
    return Line(words.format(*others), 2 + len(words) * 2 // 5 + theirs)


def fixed(text: str) -> str:
    """As a part of ``words``."""
    return text.replace("{", "{{").replace("}", "}}")


def title(text: str) -> str:
    """Quoted, in one line, and cut at the end of a letter."""
    shown = one_line(text).replace('"', "'")
    if len(shown.encode()) > TITLE_BYTES:
        shown = shown.encode()[:TITLE_BYTES].decode(errors="ignore").rstrip() + "…"
    return f'"{shown}"'


def within(first: Sequence[Line], parts: Sequence[Part], last: Sequence[Line], most: int = MOST) -> str:
    """All lines of ``first`` and ``last``, and of each part as many items as there is room for, in turn."""
    kept = [part for part in parts if part.count]
    shown = [0] * len(kept)
    frames = [(line(f"{part.heading}: {part.count}"), line(f"- …, 1234567 more: {part.rest}")) for part in kept]
    room = most - sum(each.weight for each in (*first, *last, *(each for frame in frames for each in frame)))
    for turn in range(max((len(part.items) for part in kept), default=0)):
        for place, part in enumerate(kept):
            if shown[place] == turn < len(part.items) and part.items[turn].weight <= room:
                room -= part.items[turn].weight
                shown[place] += 1
    lists = (text for part, number in zip(kept, shown, strict=True) for text in _lines(part, number))
    return "\n".join((*(each.text for each in first), *lists, *(each.text for each in last)))


def _lines(part: Part, shown: int) -> Iterator[str]:
    yield f"{part.heading}: {part.count}"
    yield from (f"- {item.text}" for item in part.items[:shown])
    if missing := part.count - shown:
        yield f"- …, {missing} more: {part.rest}"
