"""A bundle as a stream: one file after the other, each where it has to come."""

from collections.abc import Callable, Iterable

from loopctl.audit.fault import Fault
from loopctl.audit.names import Member, Name, StoredHead, group_of_head, order, parse_path, path
from loopctl.audit.tiles import check_tile
from loopctl.tlog.tile import TILE_WIDTH, Bundle, Tile

FIRST = (-2, 0, 0)


class Members:
    """What is missing, unexpected, there twice or out of order is a fault as soon as it shows."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = iter(members)
        self._order = FIRST
        self.ahead: Name | None = None
        """What comes next; None at the end."""
        self._data = b""
        self._advance()

    def take(self, expected: Name) -> bytes:
        if self.ahead != expected:
            raise self._instead_of(expected)
        data = self._data
        self._advance()
        return data

    def heads(self, group: int) -> list[tuple[int, bytes]]:
        """The signed heads with their sizes that come before the entries of this group; not the empty one."""
        found = []
        while isinstance(self.ahead, StoredHead) and self.ahead.size and group_of_head(self.ahead.size) == group:
            size = self.ahead.size
            found.append((size, self.take(self.ahead)))
        return found

    def entries(self, group: int) -> tuple[Bundle, bytes]:
        expected = Bundle(group)
        if isinstance(self.ahead, Bundle) and self.ahead.index == group:
            expected = self.ahead  # as wide as it says; the newest head tells whether that is all
        return expected, self.take(expected)

    def end(self) -> None:
        if self.ahead is not None:
            raise _unexpected(self.ahead)

    def _advance(self) -> None:
        name, self._data = next(self._members, ("", b""))
        if not name:
            self.ahead = None
            return
        self.ahead = parse_path(name)
        if order(self.ahead) <= self._order:
            raise Fault("bundle", "member_order", path(self.ahead), "there twice, or not in the order of a bundle")
        self._order = order(self.ahead)

    def _instead_of(self, expected: Name) -> Fault:
        if self.ahead is not None and order(self.ahead) < order(expected):
            return _unexpected(self.ahead)
        if isinstance(expected, Bundle):
            first = expected.index * TILE_WIDTH
            return Fault(
                "entries", "member_missing", f"entry {first}", f"{path(expected)} is missing, and this with it"
            )
        return Fault("bundle", "member_missing", path(expected), "is missing")


def _unexpected(name: Name) -> Fault:
    return Fault("bundle", "member_unexpected", path(name), "does not belong into a bundle of this size")


CheckTile = Callable[[Tile, bytes, bytes], None]


class BundledTiles:
    """The tiles of the bundle itself, each taken where it has to come."""

    def __init__(self, members: Members, check: CheckTile = check_tile) -> None:
        self._members = members
        self._check = check

    def leaves(self, tile: Tile, entries: bytes) -> bytes:  # noqa: ARG002  # only who rebuilds tiles needs them
        return self._members.take(tile)

    def see(self, tile: Tile, computed: bytes) -> None:
        self._check(tile, computed, self._members.take(tile))
