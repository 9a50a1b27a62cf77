"""One bundle from its first file to its last, and the verdict."""

from collections.abc import Callable, Iterable

from loopctl.audit.expected import Expected
from loopctl.audit.fault import Fault
from loopctl.audit.members import BundledTiles, Members
from loopctl.audit.names import Member, Single, StoredHead
from loopctl.audit.report import Report
from loopctl.audit.tiles import RecordedTiles
from loopctl.audit.verifier import ALL, Checks, Verifier
from loopctl.tlog.tile import TILE_WIDTH, Bundle

Progress = Callable[[int], object]
"""Told the size after every group."""


def run(verifier: Verifier, members: Members, tiles: RecordedTiles, progress: Progress | None = None) -> None:
    """From where the verifier is to the end of the bundle."""
    if not verifier.begun:
        verifier.begin(members.take(Single.KEYS))
        if members.ahead == StoredHead(0):
            verifier.empty_head(members.take(StoredHead(0)))
    while not verifier.size % TILE_WIDTH:
        group = verifier.size // TILE_WIDTH
        heads = members.heads(group)
        if not heads and not isinstance(members.ahead, Bundle):
            break
        verifier.group(*members.entries(group), heads, tiles)
        if progress is not None:
            progress(verifier.size)
    verifier.end(lambda: members.take(Single.NEWEST), tiles)
    members.end()


def verify(
    members: Iterable[Member],
    expected: Expected,
    checks: Checks = ALL,
    progress: Progress | None = None,
) -> Report:
    """Never raises Fault, which is in the report; raises what reading ``members`` raises."""
    verifier = Verifier(expected, checks)
    try:
        stream = Members(members)
        run(verifier, stream, BundledTiles(stream, checks.tile), progress)
    except Fault as fault:
        return verifier.report(fault.finding)
    finally:
        verifier.close()
    return verifier.report(None)
