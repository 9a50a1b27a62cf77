"""Tiles of level 1 and higher as the tree grows, and where the recorded ones are compared with them."""

from collections.abc import Iterable
from typing import Protocol

from loopctl.audit.fault import Fault
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import TILE_HEIGHT, TILE_WIDTH, Tile, tile_path
from loopctl.tlog.tree import TileWrite


class UpperTiles:
    """Keeps one unfinished tile for each level."""

    def __init__(self) -> None:
        self._unfinished: dict[int, tuple[int, bytearray]] = {}

    def resume(self, size: int, rows: Iterable[tuple[int, bytes]]) -> None:
        """As it was after ``size`` entries: by level what there is of the tiles that are not full."""
        self._unfinished = {level: ((size >> TILE_HEIGHT * level) // TILE_WIDTH, bytearray(row)) for level, row in rows}

    def rows(self) -> tuple[tuple[int, bytes], ...]:
        return tuple((level, bytes(row)) for level, (_, row) in sorted(self._unfinished.items()))

    def grow(self, writes: Iterable[TileWrite]) -> list[tuple[Tile, bytes]]:
        """The tiles that have become full, lowest level first."""
        full = []
        for write in writes:
            row = self._unfinished.setdefault(write.level, (write.index, bytearray()))[1]
            row += write.data
            if len(row) == HASH_BYTES * TILE_WIDTH:
                full.append((Tile(write.level, write.index), bytes(row)))
                del self._unfinished[write.level]
        return sorted(full)

    def unfinished(self) -> list[tuple[Tile, bytes]]:
        return [
            (Tile(level, index, len(row) // HASH_BYTES), bytes(row))
            for level, (index, row) in sorted(self._unfinished.items())
        ]


class RecordedTiles(Protocol):
    """The hash tiles of a bundle, asked for in its order."""

    def leaves(self, tile: Tile, entries: bytes) -> bytes | None:
        """The tile of level 0 over ``entries``, as their file holds them; None leaves them to chain and root alone."""

    def see(self, tile: Tile, computed: bytes) -> None:
        """A tile of a higher level as it follows from the entries. Raises Fault when the recorded one is another."""


def check_tile(tile: Tile, computed: bytes, recorded: bytes) -> None:
    if recorded == computed:
        return
    place = tile_path(tile)
    if len(recorded) != len(computed):
        raise Fault("tiles", "tile_malformed", place, f"{len(recorded)} bytes for {tile.width} hashes")
    number = next(
        start // HASH_BYTES
        for start in range(0, len(computed), HASH_BYTES)
        if recorded[start : start + HASH_BYTES] != computed[start : start + HASH_BYTES]
    )
    raise Fault("tiles", "tile_hash", f"{place}, hash {number}", "is not what follows from the entries below it")
