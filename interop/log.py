"""The logs that are shown to others: a small one with three keys, a large one with tiles on three levels."""

from collections.abc import Sequence
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.checkpoint import Checkpoint, make_checkpoint
from loopctl.tlog.entry import Entry, encode_entry
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.note import Note
from loopctl.tlog.plan import TileReader, read_root
from loopctl.tlog.rotation import ROTATION_TYPE, rotation_data, sign_rotation
from loopctl.tlog.signer import Cosigner, LogSigner, sign_checkpoint
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import TILE_WIDTH, Tile
from loopctl.tlog.tree import EMPTY, Frontier, append_leaves

ORIGIN = "loopctl.example/t/interop"
SMALL = 130
LARGE_SIZES = (255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 70_000)
"""Of the large log: the edges of tiles on three levels, and the example of spec 05, section 3.7."""
BATCHES = (1, 2, 7, 64, 300)
BOUNDARIES = (40, 100)
"""Sizes of the small log right after each change of key."""
OVERLAP = 10
"""So many heads after a boundary are signed with both keys."""
COSIGNED_AT = 1_679_315_147

# Fixed seeds, known to all: these keys protect nothing.
SEEDS = tuple(bytes(range(first, first + 32)) for first in (0x00, 0x40, 0x60))
SIGNERS = tuple(LogSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(seed)) for seed in SEEDS)
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(range(0x20, 0x40))))


class Log:
    """Grown in batches as the server does it: its tiles hold what `append_leaves` said that they should."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.leaves = [leaf_hash(entry) for entry in entries]
        self._rows = {0: bytearray(b"".join(self.leaves))}
        frontier, number = EMPTY, 0
        while frontier.size < len(entries):
            frontier = self._grow(frontier, BATCHES[number % len(BATCHES)])
            number += 1
        self.frontier = frontier

    def tile(self, tile: Tile) -> bytes:
        start = tile.index * TILE_WIDTH * HASH_BYTES
        return bytes(self._rows[tile.level][start : start + tile.width * HASH_BYTES])

    def reader(self, size: int) -> TileReader:
        return TileReader(size, lambda tiles: [self.tile(tile) for tile in tiles])

    def root(self, size: int) -> bytes:
        return read_root(self.reader(size), size)

    def head(self, size: int) -> Checkpoint:
        return make_checkpoint(ORIGIN, size, self.root(size))

    def _grow(self, frontier: Frontier, count: int) -> Frontier:
        growth = append_leaves(frontier, self.leaves[frontier.size : frontier.size + count])
        for write in growth.writes:
            row = self._rows.setdefault(write.level, bytearray())
            start = (write.index * TILE_WIDTH + write.offset) * HASH_BYTES
            if start != len(row):
                raise AssertionError(f"level {write.level} grows at {start} instead of {len(row)}")
            row += write.data
        return growth.frontier


class SignedHead(Struct, frozen=True):
    head: Checkpoint
    note: Note
    signers: tuple[LogSigner, ...]


@cache
def small_log() -> Log:
    entries: list[bytes] = []
    before = NO_LEAF
    for position in range(SMALL):
        entries.append(encode_entry(_entry(position, before)))
        before = leaf_hash(entries[-1])
    return Log(entries)


@cache
def large_log() -> Log:
    """Not entries of ours, and some of them empty: what is in a leaf is nothing to the tree."""
    return Log([b"%d" % number if number % 1000 else b"" for number in range(LARGE_SIZES[-1])])


@cache
def signed_head(size: int) -> SignedHead:
    """Of the small log, by the keys that count there, with a cosignature under every third one."""
    head, signers = small_log().head(size), signers_at(size)
    note = sign_checkpoint(head, signers)
    if size % 3 == 0:
        note = replace(note, lines=(*note.lines, WITNESS.cosign(head, COSIGNED_AT + size)))
    return SignedHead(head, note, signers)


@cache
def crowded_head() -> SignedHead:
    """Of the second change of key, while the time of the first key is not over yet: a line by each of the three."""
    head = small_log().head(BOUNDARIES[1])
    return SignedHead(head, sign_checkpoint(head, SIGNERS), SIGNERS)


def signers_at(size: int) -> tuple[LogSigner, ...]:
    newest = sum(size >= boundary for boundary in BOUNDARIES)
    both = newest > 0 and size <= BOUNDARIES[newest - 1] + OVERLAP
    return SIGNERS[newest - both : newest + 1]


def _entry(position: int, before: bytes) -> Entry:
    entry = Entry(
        seq=position,
        prev=before,
        ts="2026-11-21T08:54:27.000000Z",
        type="story.claimed",
        actor=("agent:ann",),
        entity=("story", f"s-{position}"),
        eseq=0,
        eprev=None,
        salt=position.to_bytes(16, "big"),
        data=canonical_json({"n": position, "title": "Ünïcode — and\u2028lines"}),
    )
    if position + 1 not in BOUNDARIES:
        return entry
    old, new = SIGNERS[BOUNDARIES.index(position + 1) :][:2]
    data = canonical_json(rotation_data(old.key, new.key, "scheduled"))
    return sign_rotation(replace(entry, type=ROTATION_TYPE, data=data), old, new)
