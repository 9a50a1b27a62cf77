"""The public half of a log: that its tiles are one tree, and that this is the tree that was signed.

Whoever may not read the entries can still see that none of them was changed behind a head that he has kept.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from msgspec import Struct

from loopctl.audit.expected import Expected
from loopctl.audit.fault import Fault, Finding, faults
from loopctl.audit.keys_file import LogKeys, encode_keys, parse_keys
from loopctl.audit.names import Single, path
from loopctl.audit.report import printable
from loopctl.audit.tiles import UpperTiles, check_tile
from loopctl.tlog.keys import key_history
from loopctl.tlog.spelling import base64_text
from loopctl.tlog.tile import Tile, tile_hashes
from loopctl.tlog.tree import EMPTY, Frontier, append_leaves
from loopctl.tlog.trust import Trust, open_checkpoint

Progress = Callable[[int], object]


class HashReport(Struct, frozen=True):
    """``entries`` says that none was looked at: nothing is known of what the hashes stand for."""

    verdict: Literal["good", "bad"]
    origin: str | None
    size: int
    root: str
    entries: Literal["not checked"]
    fault: Finding | None


class PublicLog(Protocol):
    """Asked in this order. Every method raises Fault, and Unreadable."""

    def newest(self) -> bytes: ...
    def keys(self) -> LogKeys: ...
    def hash_tiles(self) -> Iterable[tuple[Tile, bytes]]:
        """In the order of a bundle."""


def verify_hashes(log: PublicLog, expected: Expected, progress: Progress) -> HashReport:
    """Never raises Fault. Raises Unreadable."""
    origin, frontier, fault = None, EMPTY, None
    try:
        newest, keys = log.newest(), log.keys()
        origin = keys.origin
        for frontier in _grown(log.hash_tiles()):
            progress(frontier.size)
        _check_head(keys, newest, frontier, expected)
    except Fault as found:
        fault = found.finding
    root = base64_text(frontier.root())
    return HashReport("good" if fault is None else "bad", origin, frontier.size, root, "not checked", fault)


def _grown(tiles: Iterable[tuple[Tile, bytes]]) -> "Iterable[Frontier]":
    """After each tile of level 0. Those above are compared with what follows from the ones below."""
    frontier, upper = EMPTY, UpperTiles()
    computed: dict[Tile, bytes] = {}
    for tile, data in tiles:
        if tile.level == 0:
            with faults("tiles"):
                growth = append_leaves(frontier, tile_hashes(tile, data))
            frontier = growth.frontier
            computed = dict(upper.grow(growth.writes)) | dict(upper.unfinished())
            yield frontier
        else:
            check_tile(tile, computed[tile], data)


def _check_head(keys: LogKeys, newest: bytes, frontier: Frontier, expected: Expected) -> None:
    epochs = [claim.epoch for claim in parse_keys(encode_keys(keys)).log]
    for key in expected.log_keys:
        if key not in [epoch.key for epoch in epochs]:
            raise Fault("keys", "key_unknown", "the log's keys", f"the given key {key.key_id.hex()} is not among them")
    with faults("heads", path(Single.NEWEST)):
        trust = Trust(key_history(epochs), expected.cosigners, len({key.name for key in expected.cosigners}))
        head = open_checkpoint(newest, trust).checkpoint
    if (head.size, head.root) != (frontier.size, frontier.root()):
        raise Fault("heads", "root_differs", path(Single.NEWEST), "was signed for another tree than these tiles are")


def text(report: HashReport) -> str:
    seen = f"{report.origin}, the hashes of {report.size:,} entries, root {report.root}"
    hint = "  entries      not checked: that takes a key of the tenant (LOOPCTL_API_KEY)"
    if report.fault is None:
        return printable([f"good: {seen}", hint])
    fault = report.fault
    return printable([f"bad: {fault.place}: {fault.problem} ({fault.check}, {fault.code})", hint])
