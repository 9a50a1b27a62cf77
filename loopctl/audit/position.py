"""How far a check has come, small enough to be kept: what it goes on from without having seen what was before."""

from msgspec import Struct


class Position(Struct, frozen=True, kw_only=True):
    """After the first ``size`` entries, a multiple of 256. As trustworthy as the place where it was kept."""

    size: int
    frontier: bytes
    last_leaf: bytes
    tiles: tuple[tuple[int, bytes], ...]
    """By level, from 1 on, what there is of the tile that is not full yet."""
    keys: tuple[tuple[str, int], ...]
    """Keys of the log that rotations had brought, each with the size that it counts from."""
    signed: int
    """Size of the newest head that was seen; -1 before the first."""
