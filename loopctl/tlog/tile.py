"""Tiles: 256 hashes of one level that are stored, served and cached together (C2SP tlog-tiles)."""

import re
from collections.abc import Iterator, Sequence
from typing import assert_never

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.spelling import HASH_BYTES, LARGEST, check_size, parse_decimal

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TOP_LEVEL = 7
"""A tile of the level above would span 2^72 entries, more than a log can have."""
LARGEST_ENTRY = 65_535

TILE_PATH = re.compile(
    r"tile/(?P<level>[0-9]+|entries)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]+))?"
)


class Tile(Struct, frozen=True, order=True):
    """Element j is the root of the complete subtree number 256 * index + j whose leaves number 256^level."""

    level: int
    index: int
    width: int = TILE_WIDTH


class Bundle(Struct, frozen=True, order=True):
    """The entries under the tile of level 0 with the same index."""

    index: int
    width: int = TILE_WIDTH


def tile_path(tile: Tile | Bundle) -> str:
    """What follows the log's prefix in a URL, such as ``tile/0/x001/x234/067.p/8``."""
    match tile:
        case Tile(level=level):
            folder = str(level)
        case Bundle():
            folder = "entries"
        case _:
            assert_never(tile)
    groups = f"{tile.index:,}".split(",")
    number = "/".join([*(f"x{group:0>3}" for group in groups[:-1]), f"{groups[-1]:0>3}"])
    return f"tile/{folder}/{number}" + (f".p/{tile.width}" if tile.width < TILE_WIDTH else "")


def parse_tile_path(path: str) -> Tile | Bundle:
    match = TILE_PATH.fullmatch(path)
    if match is None:
        raise TlogError("tile_malformed", "tile path", "not tile/<level>/<index>[.p/<width>]")
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = TILE_WIDTH if match["width"] is None else parse_decimal(match["width"], "tile width", TILE_WIDTH - 1)
    entries = match["level"] == "entries"
    level = 0 if entries else parse_decimal(match["level"], "tile level", TOP_LEVEL)
    tile = Bundle(index, width) if entries else Tile(level, index, width)
    # Groups of zeros in front would be a second path of the same tile.
    if width == 0 or (index * TILE_WIDTH + width) << TILE_HEIGHT * level > LARGEST or tile_path(tile) != path:
        raise TlogError("tile_malformed", "tile path", "an impossible tile, or a second spelling of its path")
    return tile


def tile_at(level: int, index: int, size: int) -> Tile:
    """The tile as it is in a tree of ``size`` leaves, full or as wide as the tree has come; raises when it is empty."""
    check_size(level, "tile level", TOP_LEVEL)
    width = min((size >> TILE_HEIGHT * level) - index * TILE_WIDTH, TILE_WIDTH)
    if width <= 0 or index < 0:
        raise TlogError("size_out_of_range", "tile", "beyond the end of the tree")
    return Tile(level, index, width)


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """All tiles of the tree of size ``new`` that the tree of size ``old`` does not already have just so."""
    for level in range(TOP_LEVEL + 1):
        elements = new >> TILE_HEIGHT * level
        had = old >> TILE_HEIGHT * level
        if elements > had:
            last = (elements - 1) // TILE_WIDTH
            yield from (tile_at(level, index, new) for index in range(had // TILE_WIDTH, last + 1))


def partial_tiles(size: int) -> list[Tile]:
    """At most one per level; none where the level ends with a full tile."""
    return [tile for tile in tiles_between(0, size) if tile.width < TILE_WIDTH]


def tile_hashes(tile: Tile, data: bytes) -> list[bytes]:
    if len(data) != HASH_BYTES * tile.width:
        raise TlogError("tile_malformed", tile_path(tile), f"{len(data)} bytes for {tile.width} hashes")
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Each entry after its length in two bytes, big-endian."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def parse_bundle(bundle: Bundle, data: bytes) -> list[bytes]:
    """Exactly ``bundle.width`` entries and not a byte more."""
    entries = []
    start, end = 0, len(data)
    while start + 2 <= end:
        stop = start + 2 + (data[start] << 8 | data[start + 1])
        entries.append(data[start + 2 : stop])
        start = stop
    if start != end or len(entries) != bundle.width:
        raise TlogError("bundle_malformed", tile_path(bundle), f"not {bundle.width} whole entries")
    return entries
