"""The way of an entry to the root, drawn: on each level what it is hashed with, and on which side."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from loopctl.tlog.hashing import node_hash
from loopctl.tlog.spelling import base64_text

Side = Literal["left", "right"]

CENTRE, ASIDE, ROW, BOX_WIDTH, BOX_HEIGHT, MARGIN = 320, 210, 76, 196, 44, 12
WIDTH = 2 * CENTRE


class Box(Struct, frozen=True):
    """A subtree over the entries from ``first`` to ``last``."""

    x: int
    y: int
    first: int
    last: int
    hash: str


class Rung(Struct, frozen=True):
    """``box`` is on the way; it and its ``sibling`` make the box of the next rung. The last one is the root."""

    box: Box
    sibling: Box | None = None
    side: Side | None = None


class Ladder(Struct, frozen=True):
    rungs: Sequence[Rung]
    height: int
    width: int = WIDTH
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT

    @property
    def root(self) -> str:
        return self.rungs[-1].box.hash


def ladder(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> Ladder:
    """From the entry at the bottom up. ``proof`` is as long as it has to be, which whoever checks it makes sure of."""
    rungs, computed, first, last = [], leaf, index, index
    for level, ((side, low, high), sibling) in enumerate(zip(siblings(index, size), proof, strict=True)):
        y = MARGIN + ROW * (len(proof) - level)
        own = _box(CENTRE, y, (first, last), computed)
        beside = _box(CENTRE + (ASIDE if side == "right" else -ASIDE), y, (low, high - 1), sibling)
        rungs.append(Rung(own, beside, side))
        computed = node_hash(sibling, computed) if side == "left" else node_hash(computed, sibling)
        first, last = min(first, low), max(last, high - 1)
    rungs.append(Rung(_box(CENTRE, MARGIN, (first, last), computed)))
    return Ladder(rungs, 2 * MARGIN + ROW * len(proof) + BOX_HEIGHT)


def siblings(index: int, size: int) -> list[tuple[Side, int, int]]:
    """With the range of its entries, the end left out: from the leaf's sibling to the child of the root."""
    found: list[tuple[Side, int, int]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if index < middle:
            found.append(("right", middle, high))
            high = middle
        else:
            found.append(("left", low, middle))
            low = middle
    return found[::-1]


def _box(x: int, y: int, entries: tuple[int, int], computed: bytes) -> Box:
    return Box(x - BOX_WIDTH // 2, y, *entries, base64_text(computed))
