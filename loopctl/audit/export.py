"""Writing a bundle, file by file in the order in which it can be checked as a stream."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from loopctl.audit.keys_file import LogKeys, encode_keys
from loopctl.audit.names import Member, Single, StoredHead, path
from loopctl.audit.tiles import UpperTiles
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import TILE_WIDTH, Bundle, Tile, encode_bundle, tile_path
from loopctl.tlog.tree import EMPTY, append_leaves


class StoredLog(Protocol):
    """A log of fixed size: that of its newest signed head."""

    @property
    def size(self) -> int: ...
    def keys(self) -> LogKeys: ...
    def newest(self) -> bytes:
        """The note of the newest head, with the cosignatures that have come since."""

    def heads(self, after: int, through: int) -> Iterable[tuple[int, bytes]]:
        """Every note ever signed with its size, ``after < size <= through``, smallest first, byte for byte."""

    def entries(self, first: int, count: int) -> Sequence[bytes]: ...
    def leaves(self, first: int, count: int) -> bytes:
        """The recorded leaf hashes, put together."""


class Group(Struct, frozen=True):
    """Up to 256 entries from a multiple of 256 on; only the last group of a log has fewer."""

    heads: Sequence[tuple[int, bytes]]
    """Those that end with one of these entries; in the first group also that of the empty log, if there is one."""
    entries: Sequence[bytes]
    leaves: bytes


class BundleWriter:
    """For callers that have to wait for their data: keys, each group, the newest head, in this order.

    Writes what it is given, and checks nothing: an export of a damaged log has to show the damage.
    """

    def __init__(self) -> None:
        self._frontier = EMPTY
        self._tiles = UpperTiles()

    def begin(self, keys: LogKeys) -> Iterator[Member]:
        yield path(Single.KEYS), encode_keys(keys)

    def group(self, group: Group) -> Iterator[Member]:
        index, width = self._frontier.size // TILE_WIDTH, len(group.entries)
        for size, note in group.heads:
            yield path(StoredHead(size)), note
        if not width:
            return
        yield tile_path(Bundle(index, width)), encode_bundle(group.entries)
        yield tile_path(Tile(0, index, width)), group.leaves
        leaves = [group.leaves[start : start + HASH_BYTES] for start in range(0, len(group.leaves), HASH_BYTES)]
        growth = append_leaves(self._frontier, leaves)
        self._frontier = growth.frontier
        for tile, hashes in self._tiles.grow(growth.writes):
            yield tile_path(tile), hashes

    def end(self, newest: bytes) -> Iterator[Member]:
        for tile, hashes in self._tiles.unfinished():
            yield tile_path(tile), hashes
        yield path(Single.NEWEST), newest


def write_bundle(log: StoredLog) -> Iterator[Member]:
    writer = BundleWriter()
    yield from writer.begin(log.keys())
    for first in range(0, max(log.size, 1), TILE_WIDTH):
        count = min(TILE_WIDTH, log.size - first)
        heads = list(log.heads(first or -1, first + count))
        yield from writer.group(Group(heads, log.entries(first, count), log.leaves(first, count)))
    yield from writer.end(log.newest())
