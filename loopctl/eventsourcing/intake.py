"""How a log gets in: verified round by round, each from where the one before has come to."""

from collections.abc import Generator, Iterator, Sequence

from msgspec.structs import replace

from loopctl.audit.entities import Entities
from loopctl.audit.expected import Expected, Older, keep
from loopctl.audit.links import Ends, Link, follow
from loopctl.audit.members import BundledTiles, Members
from loopctl.audit.names import Member, Single, path
from loopctl.audit.position import Position
from loopctl.audit.verifier import ALL, Checks, Verifier
from loopctl.audit.verify import run
from loopctl.eventsourcing.entries import VerifiedEntries, originator_id
from loopctl.tlog.chain import Checked, Chunk, LogHead
from loopctl.tlog.tile import TILE_WIDTH


class Intake:
    """The first round takes a whole log, a later one what has come since: chained to the entries that are there, and
    under a head that extends the one before. A round that finds a fault leaves nothing behind."""

    def __init__(self, entries: VerifiedEntries, expected: Expected, checks: Checks = ALL) -> None:
        self._entries = entries
        self._expected = replace(expected, form=True)
        self._checks = checks
        self._at: Position | None = None
        self.head: Older | None = None
        """The newest that was verified; None before the first round."""

    @property
    def group(self) -> int:
        """The first that the next round has to be given."""
        return 0 if self._at is None else self._at.size // TILE_WIDTH

    def take(self, members: Iterator[Member]) -> None:
        """Raises Fault, and what reading ``members`` raises."""
        with self._entries.all_or_nothing():
            round_ = _Round(self._entries, self._expected, self._checks, self._at)
            head = round_.run(members)
        self._at, self.head = round_.at, head
        self._expected = replace(self._expected, older=head)


class _Round:
    def __init__(self, entries: VerifiedEntries, expected: Expected, checks: Checks, at: Position | None) -> None:
        self._entries = entries
        self._check_entries = checks.entries
        self._waiting: list[tuple[int, Sequence[bytes]]] = []
        """Of the group that is being checked, by their first position."""
        self._newest = b""
        self.at = at
        entities = checks.entities if at is None else lambda: _KnownEntities(entries)
        self._verifier = Verifier(expected, replace(checks, entries=self._see, entities=entities))

    def run(self, members: Iterator[Member]) -> Older:
        try:
            stream = Members(self._watched(members))
            if self.at is not None:
                self._verifier.begin(stream.take(Single.KEYS))
                self._verifier.resume(self.at)
            run(self._verifier, stream, BundledTiles(stream), self._store)
        finally:
            self._verifier.close()
            if isinstance(members, Generator):
                members.close()  # what it has asked for and nobody takes any more is not left on its way
        return keep(self._newest)

    def _watched(self, members: Iterator[Member]) -> Iterator[Member]:
        for name, data in members:
            if name == path(Single.NEWEST):
                self._newest = data
            yield name, data

    def _see(self, head: LogHead, chunk: Chunk) -> Checked:
        checked = self._check_entries(head, chunk)
        self._waiting.append((head.size, chunk.entries))
        return checked

    def _store(self, size: int) -> None:
        """A group has passed; whether its entries are ever read is for the head to say, at the end of the round."""
        for first, entries in self._waiting:
            self._entries.add(first, entries)
        self._waiting.clear()
        if size % TILE_WIDTH == 0:
            self.at = self._verifier.position()


class _KnownEntities(Entities):
    """What came before is looked up instead of remembered."""

    def __init__(self, entries: VerifiedEntries) -> None:
        super().__init__()
        self._entries = entries

    def see(self, first: int, links: Sequence[Link]) -> None:
        ends: Ends = {}
        for kind, entity in {link.entity for link in links}:
            last = self._entries.last_before(originator_id(kind, entity), first)
            if last is not None:
                ends.setdefault(kind, {})[entity] = last
        follow(ends, first, links)
