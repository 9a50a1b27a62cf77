"""Growing the tree: its frontier, and the hashes that tiles take from the carries (spec 05, section 4.3)."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT, node_hash, row_above
from loopctl.tlog.spelling import HASH_BYTES, check_size
from loopctl.tlog.tile import TILE_HEIGHT, TILE_WIDTH


class Frontier(Struct, frozen=True):
    """All that is needed to append: the roots of the complete subtrees that a tree of ``size`` leaves consists of.

    Biggest subtree first, one for each bit that is set in ``size``.
    """

    size: int
    hashes: tuple[bytes, ...]

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        *bigger, root = self.hashes
        for subtree in reversed(bigger):
            root = node_hash(subtree, root)
        return root

    def data(self) -> bytes:
        """As stored in the head row: 32 bytes for each hash."""
        return b"".join(self.hashes)


EMPTY = Frontier(0, ())


class TileWrite(Struct, frozen=True):
    """Hashes that go into one stored tile, from element ``offset`` on; offset 0 makes the tile."""

    level: int
    index: int
    offset: int
    data: bytes


class Growth(Struct, frozen=True):
    frontier: Frontier
    writes: tuple[TileWrite, ...]
    """Tiles of level 1 and higher; level 0 consists of the leaf hashes themselves."""


def parse_frontier(size: int, data: bytes) -> Frontier:
    check_size(size, "frontier")
    if len(data) != HASH_BYTES * size.bit_count():
        raise TlogError("frontier_malformed", "frontier", f"{len(data)} bytes do not fit a tree of size {size}")
    return Frontier(size, tuple(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)))


def append_leaves(frontier: Frontier, leaves: Sequence[bytes]) -> Growth:
    """Adds leaf hashes level by level: the same hashes as leaf by leaf, in fewer and longer loops."""
    check_size(frontier.size + len(leaves), "log")
    row, waiting = list(leaves), list(frontier.hashes)
    kept: list[bytes] = []
    writes: list[TileWrite] = []
    level = 0
    while row:
        # The row holds what has become complete at this level just now: what a tile of this level has to learn.
        if level and level % TILE_HEIGHT == 0:
            writes += _tile_writes(level // TILE_HEIGHT, frontier.size >> level, row)
        if frontier.size >> level & 1:
            row.insert(0, waiting.pop())  # a left sibling has waited for the first of the row
        if len(row) & 1:
            kept.append(row.pop())  # the last one waits for a right sibling
        row = row_above(row)
        level += 1
    return Growth(Frontier(frontier.size + len(leaves), (*waiting, *reversed(kept))), tuple(writes))


def _tile_writes(level: int, first: int, row: Sequence[bytes]) -> Iterator[TileWrite]:
    """``row`` is elements ``first`` and following of its level, cut where one tile ends and the next begins."""
    start = 0
    while start < len(row):
        index, offset = divmod(first + start, TILE_WIDTH)
        stop = min(len(row), start + TILE_WIDTH - offset)
        yield TileWrite(level, index, offset, b"".join(row[start:stop]))
        start = stop
