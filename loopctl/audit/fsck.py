"""Checking a directory, and rebuilding what follows from its entries: the hash tiles, nothing else."""

from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from loopctl.audit import report as reports
from loopctl.audit.directory import DirectorySource
from loopctl.audit.expected import Expected
from loopctl.audit.fault import Fault, Finding
from loopctl.audit.members import Members
from loopctl.audit.names import path
from loopctl.audit.report import Report
from loopctl.audit.verifier import Verifier
from loopctl.audit.verify import run, verify
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.tile import Bundle, Tile, parse_bundle

MOST_LISTED = 1_000

Verdict = Literal["good", "derived_damaged", "repaired", "bad"]


class FsckReport(Struct, frozen=True):
    """``derived_damaged``: only tiles are wrong, and can be rebuilt. ``bad``: entries, heads or keys are wrong, and
    nothing was changed, because what is rebuilt from them would only hide that."""

    verdict: Verdict
    tiles: tuple[str, ...]
    """Wrong, missing or surplus; the first thousand of them."""
    log: Report


class DerivedTiles:
    """The recorded tiles that differ from what the entries say; with ``repair`` they are written anew."""

    def __init__(self, directory: DirectorySource, *, repair: bool) -> None:
        self._directory = directory
        self._repair = repair
        self._of_this_size: set[Tile] = set()
        self.wrong: list[str] = []

    def leaves(self, tile: Tile, entries: bytes) -> None:
        """Says nothing to the verifier: entries are judged by their chain and by signed roots alone."""
        try:
            hashes = [leaf_hash(entry) for entry in parse_bundle(Bundle(tile.index, tile.width), entries)]
        except TlogError:
            return  # the verifier is about to find that too, and to say where
        self.see(tile, b"".join(hashes))

    def see(self, tile: Tile, computed: bytes) -> None:
        self._of_this_size.add(tile)
        try:
            recorded: bytes | None = self._directory.read(tile)
        except Fault:
            recorded = None
        if recorded != computed:
            self.wrong.append(path(tile))
            if self._repair:
                self._directory.write((path(tile), computed))

    def end(self) -> None:
        """Tiles of another size, such as those that were partial before the log grew."""
        for name in self._directory.names():
            if isinstance(name, Tile) and name not in self._of_this_size:
                self.wrong.append(path(name))
                if self._repair:
                    self._directory.remove(name)


def fsck(root: Path, expected: Expected, *, repair: bool = False) -> FsckReport:
    """Raises Unreadable."""
    directory = DirectorySource(root)
    if repair:
        with suppress(Fault):  # of a directory that is no bundle at all: said below, by its name
            directory.remove_unfinished()
    # 1. As it is.
    as_it_is = verify(directory.members(), expected)
    if as_it_is.fault is None:
        return FsckReport("good", (), as_it_is)
    # 2. Without the tiles: if something else is wrong, that is all there is to say.
    log, tiles = _judge(directory, expected, repair=False)
    if log.fault is not None:
        return FsckReport("bad", (), as_it_is if _more_exact(as_it_is.fault, log.fault) else log)
    if not repair:
        return FsckReport("derived_damaged", tuple(tiles.wrong[:MOST_LISTED]), log)
    # 3. Once more, writing. A crash in here leaves some tiles right and some wrong, as it was before.
    _judge(directory, expected, repair=True)
    again = verify(directory.members(), expected)
    verdict: Verdict = "repaired" if again.fault is None else "bad"
    return FsckReport(verdict, tuple(tiles.wrong[:MOST_LISTED]), again)


def text(report: FsckReport) -> str:
    count = f"{len(report.tiles):,} tiles" + (" or more" if len(report.tiles) == MOST_LISTED else "")
    lines = {
        "good": "",
        "derived_damaged": f"bad: {count} are not what follows from the entries; --repair rebuilds them\n",
        "repaired": f"repaired: {count} were rebuilt from the entries\n",
        "bad": "refused: more than tiles is wrong, and nothing was changed\n",
    }
    return lines[report.verdict] + "".join(f"  {tile}\n" for tile in report.tiles) + reports.text(report.log)


def _more_exact(with_tiles: Finding, without: Finding) -> bool:
    """The recorded leaf hash names the entry that was changed; the chain alone only sees it from the next one."""
    return with_tiles.code == "entry_bytes" and without.check in ("entries", "heads")


def _judge(directory: DirectorySource, expected: Expected, *, repair: bool) -> tuple[Report, DerivedTiles]:
    tiles = DerivedTiles(directory, repair=repair)
    verifier = Verifier(expected)
    try:
        others = (name for name in directory.names() if not isinstance(name, Tile))
        run(verifier, Members((path(name), directory.read(name)) for name in others), tiles)
        tiles.end()
    except Fault as fault:
        return verifier.report(fault.finding), tiles
    finally:
        verifier.close()
    return verifier.report(None), tiles
