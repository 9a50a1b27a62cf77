"""The files of a bundle: their names, their order, their limits (docs/log-bundle.md)."""

import re
from enum import Enum
from typing import assert_never

from msgspec import Struct

from loopctl.audit.fault import Fault
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import LARGEST_NOTE
from loopctl.tlog.spelling import HASH_BYTES, LARGEST, parse_decimal
from loopctl.tlog.tile import LARGEST_ENTRY, TILE_HEIGHT, TILE_WIDTH, Bundle, Tile, parse_tile_path, tile_path

Member = tuple[str, bytes]
"""A file of a bundle: its name, with slashes on every system, and its bytes."""

HEADS = "checkpoints/"
LONGEST_NAME = 100
"""What fits into the header of a tar file; no name of a bundle comes near."""
LARGEST_KEYS_FILE = 1 << 20
SHOWN = re.compile(r"[A-Za-z0-9_./-]{1,100}")


class Single(Enum):
    KEYS = "keys.json"
    NEWEST = "checkpoint"


class StoredHead(Struct, frozen=True):
    size: int


Name = Single | StoredHead | Bundle | Tile
Order = tuple[int, int, int]


def path(name: Name) -> str:
    match name:
        case Single():
            return name.value
        case StoredHead(size=size):
            return f"{HEADS}{size}"
        case Bundle() | Tile():
            return tile_path(name)
        case _:
            assert_never(name)


def parse_path(text: str) -> Name:
    """Only the one spelling of each name; anything else is a fault of the bundle."""
    try:
        if text in (Single.KEYS.value, Single.NEWEST.value):
            return Single(text)
        if text.startswith(HEADS):
            return StoredHead(parse_decimal(text.removeprefix(HEADS), text))
        return parse_tile_path(text)
    except TlogError:
        raise Fault("bundle", "member_unexpected", shown(text), "no file of a bundle has this name") from None


def shown(text: str) -> str:
    """Names come from whoever made the archive: only harmless ones are repeated to a terminal."""
    return text if SHOWN.fullmatch(text) else "a file with a strange name"


def order(name: Name) -> Order:
    """By this order a bundle can be checked as a stream: groups of 256 entries, each with its heads before it and
    with the tiles that it completes after it; then what is not complete; then the newest head."""
    match name:
        case Single.KEYS:
            place = (-1, 0, 0)
        case StoredHead(size=size):
            place = (group_of_head(size), 0, size)
        case Bundle(index=index):
            place = (index, 1, 0)
        case Tile(level=level, index=index, width=width) if level == 0 or width == TILE_WIDTH:
            place = ((index + 1 << TILE_HEIGHT * level) - 1, 2, level)
        case Tile(level=level):
            place = (LARGEST, 0, level)
        case Single.NEWEST:
            place = (LARGEST, 1, 0)
        case _:
            assert_never(name)
    return place


def group_of_head(size: int) -> int:
    """The group that holds the last entry of a tree of this size."""
    return max(size - 1, 0) // TILE_WIDTH


def largest(name: Name) -> int:
    """Bytes; whatever is longer is not read any further."""
    match name:
        case Single.KEYS:
            return LARGEST_KEYS_FILE
        case Single.NEWEST | StoredHead():
            return LARGEST_NOTE
        case Bundle(width=width):
            return width * (2 + LARGEST_ENTRY)
        case Tile(width=width):
            return width * HASH_BYTES
        case _:
            assert_never(name)
