"""Which hashes a proof or a root is made of, so that all of them can be read in one go (spec 05, section 3.2)."""

from collections.abc import Callable, Sequence
from itertools import chain

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT, node_hash, subtree_root
from loopctl.tlog.spelling import check_size
from loopctl.tlog.tile import TILE_HEIGHT, TILE_WIDTH, Tile, tile_at, tile_hashes
from loopctl.tlog.tree import Frontier


class Subtree(Struct, frozen=True, order=True):
    """The complete subtree over the leaves from ``index << level`` up to ``(index + 1) << level``; it never changes."""

    level: int
    index: int


HashReader = Callable[[Sequence[Subtree]], Sequence[bytes]]
"""Root hashes of subtrees, in the order asked for. Called once for each proof."""


class Plan(Struct, frozen=True):
    """Each group of subtrees, biggest first, folds into one hash of the result."""

    groups: tuple[tuple[Subtree, ...], ...]

    def subtrees(self) -> list[Subtree]:
        """What to read, all at once."""
        return list(chain.from_iterable(self.groups))

    def fold(self, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """The result, from the hashes of ``subtrees()`` in that order."""
        if len(hashes) != sum(map(len, self.groups)):
            raise ValueError("as many hashes as subtrees are needed")
        folded, start = [], 0
        for group in self.groups:
            folded.append(_fold(hashes[start : start + len(group)]))
            start += len(group)
        return tuple(folded)


def inclusion_plan(index: int, size: int) -> Plan:
    """The path from the leaf's sibling up to the child of the root."""
    check_size(size, "tree size")
    if not 0 <= index < size:
        raise TlogError("size_out_of_range", "leaf index", f"not in a tree of size {size}")
    ranges = []
    low, high = 0, size
    while high - low > 1:
        middle = _split(low, high)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return _plan(ranges)


def consistency_plan(old: int, new: int) -> Plan:
    """Proof that the tree of size ``old`` is the beginning of the tree of size ``new``; 1 <= old <= new."""
    check_size(new, "tree size")
    if not 1 <= old <= new:
        raise TlogError("size_out_of_range", "older tree size", f"not from 1 to {new}")
    ranges = []
    low, high = 0, new
    while high > old:
        middle = _split(low, high)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low > 0:  # otherwise this hash is the old root, which the verifier has
        ranges.append((low, high))
    return _plan(ranges)


def frontier_subtrees(size: int) -> list[Subtree]:
    """The subtrees of the frontier, biggest first."""
    check_size(size, "tree size")
    return list(_subtrees(0, size))


def prove_inclusion(read: HashReader, index: int, size: int) -> tuple[bytes, ...]:
    plan = inclusion_plan(index, size)
    return plan.fold(read(plan.subtrees()))


def prove_consistency(read: HashReader, old: int, new: int) -> tuple[bytes, ...]:
    plan = consistency_plan(old, new)
    return plan.fold(read(plan.subtrees()))


def read_frontier(read: HashReader, size: int) -> Frontier:
    return Frontier(size, tuple(read(frontier_subtrees(size))))


def read_root(read: HashReader, size: int) -> bytes:
    return read_frontier(read, size).root() if size else EMPTY_ROOT


class Span(Struct, frozen=True, order=True):
    """Consecutive elements of one tile whose fold is a subtree; ``first`` counts from the start of the level."""

    level: int
    first: int
    count: int

    @property
    def tile_index(self) -> int:
        return self.first // TILE_WIDTH

    @property
    def offset(self) -> int:
        """Of the first element in its tile."""
        return self.first % TILE_WIDTH


def span(subtree: Subtree) -> Span:
    """Where a subtree's hash is found: as an element of a tile, or as the fold of 2, 4, ... 128 of them."""
    level, height = divmod(subtree.level, TILE_HEIGHT)
    return Span(level, subtree.index << height, 1 << height)


class TileReader:
    """A HashReader over the tiles of a tree of one size. ``fetch`` is asked once for all the tiles of a proof."""

    def __init__(self, size: int, fetch: Callable[[Sequence[Tile]], Sequence[bytes]]) -> None:
        self._size = size
        self._fetch = fetch

    def __call__(self, subtrees: Sequence[Subtree]) -> list[bytes]:
        spans = [span(subtree) for subtree in subtrees]
        tiles = sorted({tile_at(each.level, each.tile_index, self._size) for each in spans})
        rows = {
            (tile.level, tile.index): tile_hashes(tile, data)
            for tile, data in zip(tiles, self._fetch(tiles), strict=True)
        }
        return [
            subtree_root(rows[each.level, each.tile_index][each.offset : each.offset + each.count]) for each in spans
        ]


def _split(low: int, high: int) -> int:
    """The largest power of two below the length, as a place in the range."""
    return low + (1 << (high - low - 1).bit_length() - 1)


def _plan(ranges: Sequence[tuple[int, int]]) -> Plan:
    return Plan(tuple(tuple(_subtrees(low, high)) for low, high in reversed(ranges)))


def _subtrees(low: int, high: int) -> list[Subtree]:
    """Cuts a range that comes from the walks above: ``low`` is a multiple of every power of two that fits in it."""
    subtrees = []
    while low < high:
        level = (high - low).bit_length() - 1
        subtrees.append(Subtree(level, low >> level))
        low += 1 << level
    return subtrees


def _fold(hashes: Sequence[bytes]) -> bytes:
    *bigger, folded = hashes
    for subtree in reversed(bigger):
        folded = node_hash(subtree, folded)
    return folded
