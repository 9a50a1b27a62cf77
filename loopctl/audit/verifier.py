"""The whole check, in one pass and in constant memory: what is asked of a log, and in which order."""

from collections.abc import Callable, Sequence

from msgspec import UNSET, Struct

from loopctl.audit.digests import DIGEST_TYPE, Digests
from loopctl.audit.entities import Entities
from loopctl.audit.entries import read_entries
from loopctl.audit.expected import Expected
from loopctl.audit.fault import Fault, Finding, fault_of, faults
from loopctl.audit.heads import HeadChecks, Heads, Seen
from loopctl.audit.keys_file import KnownKeys, parse_keys
from loopctl.audit.links import Link, read_links
from loopctl.audit.members import CheckTile
from loopctl.audit.names import HEADS, Single, path
from loopctl.audit.payloads import ERASED_TYPE, Payloads
from loopctl.audit.position import Position
from loopctl.audit.report import Counts, Report, trusted
from loopctl.audit.tiles import RecordedTiles, UpperTiles, check_tile
from loopctl.tlog.chain import START, Checked, Chunk, LogHead, check_entries
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.rotation import ROTATION_TYPE
from loopctl.tlog.spelling import HASH_BYTES, LARGEST, base64_text
from loopctl.tlog.tile import Bundle, Tile, tile_path
from loopctl.tlog.tree import TileWrite, parse_frontier

OLDER = "the given checkpoint"


class Checks(Struct, frozen=True):
    """All of them. Arguments so that a test can leave one out, and see that nothing else finds what it finds."""

    entries: Callable[[LogHead, Chunk], Checked] = check_entries
    tile: CheckTile = check_tile
    heads: HeadChecks = HeadChecks()
    entities: Callable[[], Entities] = Entities
    payloads: Callable[[], Payloads] = Payloads
    digests: Callable[[], Digests] = Digests


ALL = Checks()


class Verifier:
    """Takes a log in groups of 256 entries. Every method raises Fault. To be closed."""

    def __init__(self, expected: Expected, checks: Checks = ALL) -> None:
        self._expected = expected
        self.checks = checks
        self._head = START
        self._known: KnownKeys | None = None
        self._heads: Heads | None = None
        self._tiles = UpperTiles()
        self._entities = checks.entities()
        self._payloads = checks.payloads()
        self._digests = checks.digests()
        self.signed = LARGEST
        """Size of the newest head, where a log is checked that may go on behind it: there nothing needs a head yet."""

    @property
    def begun(self) -> bool:
        return self._known is not None

    @property
    def size(self) -> int:
        return self._head.size

    @property
    def heads(self) -> Heads:
        assert self._heads is not None, "keys come first"  # noqa: S101  # a mistake of the caller, not of the log
        return self._heads

    def begin(self, keys: bytes) -> None:
        self._known = parse_keys(keys)
        ours = [claim.epoch.key for claim in self._known.log]
        for key in self._expected.log_keys:
            if key not in ours:
                raise Fault("keys", "key_unknown", "keys.json", f"the log never had the given key {key.key_id.hex()}")
        policy = self._expected.policy
        if policy is not None and policy.logs and not set(policy.logs) & set(ours):
            raise Fault("keys", "key_unknown", "keys.json", "the log never had a key of the policy's logs")
        self._heads = Heads(self._known, self._expected.cosigners, self.checks.heads, policy)
        if self._expected.older is not None and self._expected.older.checkpoint.size == 0:
            self._check_older(EMPTY_ROOT)

    def resume(self, at: Position) -> None:
        """Instead of everything before it, which an earlier check has seen; only the keys have to be begun with."""
        with faults("bundle", "the position to resume from"):
            frontier = parse_frontier(at.size, at.frontier)
        self._head = LogHead(frontier, at.last_leaf)
        self._tiles.resume(at.size, at.tiles)
        self._payloads.resume(at.size)
        self.heads.resume(at.keys, at.signed)

    def position(self) -> Position:
        """To resume from. The size is a multiple of 256."""
        history = self.heads.trust.history
        return Position(
            size=self.size,
            frontier=self._head.frontier.data(),
            last_leaf=self._head.last_leaf,
            tiles=self._tiles.rows(),
            keys=tuple((epoch.key.text(), epoch.first_size) for epoch in history.epochs),
            signed=self.heads.newest_size,
        )

    def empty_head(self, note: bytes) -> None:
        self.heads.check(Seen(f"{HEADS}0", 0, EMPTY_ROOT), note)

    def group(self, bundle: Bundle, raw: bytes, heads: Sequence[tuple[int, bytes]], tiles: RecordedTiles) -> None:
        """The next entries, as their file holds them, and the stored heads by size that end among them."""
        # 1. Bytes, leaves, chain; the roots at all sizes that somebody has signed.
        first = self.size
        leaves = tiles.leaves(Tile(0, bundle.index, bundle.width), raw)
        if leaves is not None and len(leaves) != HASH_BYTES * bundle.width:
            place = tile_path(Tile(0, bundle.index, bundle.width))
            raise Fault("tiles", "tile_malformed", place, f"{len(leaves)} bytes for {bundle.width} hashes")
        entries = read_entries(bundle, raw, leaves)
        roots, writes = self._grow(entries, leaves, [size for size, _ in heads])
        # 2. What the entries say of each other.
        links = read_links(first, entries)
        self._entities.see(first, links)
        rotations = self._see_rare(first, links, entries)
        if self._expected.form:
            _check_form(first, entries)
        # 3. Signatures and keys.
        self._check_heads(heads, roots, rotations)
        # 4. The tiles above.
        for tile, computed in self._tiles.grow(writes):
            tiles.see(tile, computed)

    def end(self, newest: Callable[[], bytes], tiles: RecordedTiles) -> None:
        """``newest`` is asked for when its turn has come."""
        for tile, computed in self._tiles.unfinished():
            tiles.see(tile, computed)
        name = path(Single.NEWEST)
        self.heads.check_newest(Seen(name, self.size, self._head.frontier.root()), newest())
        self._entities.finish()
        self._check_fresh(name)

    def end_unsigned(self, tiles: RecordedTiles) -> LogHead:
        """As ``end``, of a log that has grown since its newest head; what its entries have come to."""
        for tile, computed in self._tiles.unfinished():
            tiles.see(tile, computed)
        self.heads.check_stored(self.signed)
        self._entities.finish()
        self._check_fresh("the log")
        return self._head

    def close(self) -> None:
        self._entities.close()

    def report(self, fault: Finding | None) -> Report:
        heads = self._heads
        return Report(
            verdict="good" if fault is None else "bad",
            origin=None if self._known is None else self._known.origin,
            size=self.size,
            root=base64_text(self._head.frontier.root()),
            trusted=trusted(len(self._expected.log_keys), len(self._expected.cosigners)),
            checked=Counts(
                entries=self.size,
                heads=heads.count if heads else 0,
                cosignatures=heads.cosignatures if heads else 0,
                log_keys=len(heads.trust.history.epochs) if heads else 0,
                entities=self._entities.count,
                payloads=self._payloads.committed,
                payloads_erased=self._payloads.erased,
                digests=self._digests.count,
            ),
            rotations=tuple(heads.rotations) if heads else (),
            erased=tuple(self._payloads.listed),
            notices=tuple(heads.notices) if heads else (),
            fault=fault,
        )

    def _grow(
        self, entries: Sequence[bytes], leaves: bytes | None, stops: Sequence[int]
    ) -> tuple[dict[int, bytes], list[TileWrite]]:
        first, end = self.size, self.size + len(entries)
        older = self._expected.older
        wanted = {*stops, older.checkpoint.size} if older else set(stops)
        roots: dict[int, bytes] = {}
        writes: list[TileWrite] = []
        for stop in sorted({*(size for size in wanted if first < size < end), end}):
            low, high = self.size - first, stop - first
            part = leaves and leaves[HASH_BYTES * low : HASH_BYTES * high]
            with faults("entries"):
                checked = self.checks.entries(self._head, Chunk(entries[low:high], part))
            self._head = checked.head
            writes += checked.writes
            if stop in wanted:
                roots[stop] = checked.head.frontier.root()
        return roots, writes

    def _see_rare(self, first: int, links: Sequence[Link], entries: Sequence[bytes]) -> dict[int, bytes]:
        """Rotations, by the size of the log right after them."""
        types = {link.type for link in links}
        if ERASED_TYPE in types or {link.commit for link in links} != {UNSET}:
            self._payloads.see(first, links, entries)
        if DIGEST_TYPE in types:
            self._digests.see(first, links, entries)
        if ROTATION_TYPE not in types:
            return {}
        return {
            first + offset + 1: entry
            for offset, (link, entry) in enumerate(zip(links, entries, strict=True))
            if link.type == ROTATION_TYPE
        }

    def _check_heads(
        self, heads: Sequence[tuple[int, bytes]], roots: dict[int, bytes], rotations: dict[int, bytes]
    ) -> None:
        due = {size for size in rotations if size <= self.signed}
        for size in sorted(due - {size for size, _ in heads}):
            problem = "is missing, the head that a rotation of keys needs"
            raise Fault("rotations", "member_missing", f"{HEADS}{size}", problem)
        for size, note in heads:
            if size > self.size:
                problem = f"is missing: the stored head {HEADS}{size} has it"
                raise Fault("entries", "entry_missing", f"entry {self.size}", problem)
            self.heads.check(Seen(f"{HEADS}{size}", size, roots[size]), note, rotations.get(size))
        older = self._expected.older
        if older is not None and older.checkpoint.size in roots:
            self._check_older(roots[older.checkpoint.size])

    def _check_fresh(self, name: str) -> None:
        older = self._expected.older
        if older is not None and older.checkpoint.size > self.size:
            problem = f"size {self.size}, but a head of size {older.checkpoint.size} was signed before: stale"
            raise Fault("freshness", "stale", name, problem)

    def _check_older(self, root: bytes) -> None:
        older = self._expected.older
        if older is not None:
            self.heads.check_older(Seen(OLDER, older.checkpoint.size, root), older.note)


def _check_form(first: int, entries: Sequence[bytes]) -> None:
    for position, entry in enumerate(entries, start=first):
        try:
            decode_entry(entry)
        except TlogError as error:
            raise fault_of("entries", error, f"entry {position}") from None
