"""The tiles of a log as files under the paths that they are served at, and copies with one bit flipped."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from interop.log import Log
from loopctl.tlog.tile import Bundle, Tile, encode_bundle, partial_tiles, tile_path, tiles_between


def write_tiles(log: Log, sizes: Iterable[int], folder: Path) -> None:
    """All full tiles, and the partial ones of every size."""
    wanted = {tile for size in sizes for tile in partial_tiles(size)}
    wanted |= set(tiles_between(0, len(log.entries)))
    for tile in wanted:
        _write(folder / tile_path(tile), log.tile(tile))
        if tile.level == 0:
            bundle = Bundle(tile.index, tile.width)
            first = tile.index * 256
            _write(folder / tile_path(bundle), encode_bundle(log.entries[first : first + tile.width]))


def flipped_copy(folder: Path, copy: Path, flips: Iterable[tuple[Tile | Bundle, int]]) -> Path:
    """``copy`` is ``folder`` but for the lowest bit of one byte in each of the named files."""
    shutil.copytree(folder, copy, copy_function=os.link)
    for tile, place in flips:
        path = copy / tile_path(tile)
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.unlink()  # a hard link: writing to it would change the original
        path.write_bytes(data)
    return copy


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
