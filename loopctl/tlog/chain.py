"""From entries to the head of their log, at the speed of hashing: the offline check of a whole history.

Checked for each entry: that it says its own position and the leaf hash of the entry before, and by the returned head
that all of them together are the tree that was signed. The form of the rest is `entry.decode_entry`'s to check.
"""

from binascii import b2a_base64
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import NO_LEAF
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tree import EMPTY, Frontier, TileWrite, append_leaves

# Fixed by the order of an entry's keys.
SEQUENCE = b'{"v":1,"seq":%d,"prev":"'
BEGINNING = SEQUENCE + b'%b",'


class LogHead(Struct, frozen=True):
    """What appending needs, and all that verification keeps of what it has seen."""

    frontier: Frontier
    last_leaf: bytes

    @property
    def size(self) -> int:
        return self.frontier.size


START = LogHead(EMPTY, NO_LEAF)


class Chunk(Struct, frozen=True):
    """Consecutive entries; 256 or a few of that make the loops long enough. ``leaves``: their leaf hashes put
    together, where the source has them (a tile of level 0), so that a fault can be pinned on one entry."""

    entries: Sequence[bytes]
    leaves: bytes | None = None


class Checked(Struct, frozen=True):
    """The head after a chunk, and what the chunk has added to tiles of level 1 and higher."""

    head: LogHead
    writes: tuple[TileWrite, ...]


def verify_entries(chunks: Iterable[Chunk], head: LogHead = START, stops: Sequence[int] = ()) -> Iterator[Checked]:
    """Checks chunk by chunk in constant memory, starting after ``head``.

    ``stops`` are sizes in ascending order at which the caller wants to see the head too, to compare it with a signed
    one. Raises at the first fault, with the entry as its place.
    """
    for chunk in chunks:
        for part in _cut(chunk, head.size, stops):
            checked = check_entries(head, part)
            head = checked.head
            yield checked


def check_entries(head: LogHead, chunk: Chunk) -> Checked:
    entries = chunk.entries
    leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
    if chunk.leaves is not None and b"".join(leaves) != chunk.leaves:
        raise _wrong_leaf(head.size, entries, leaves, chunk.leaves)
    before = [head.last_leaf, *leaves]
    if not _links_hold(head.size, entries, before):
        raise _wrong_link(head.size, entries, before)
    growth = append_leaves(head.frontier, leaves)
    return Checked(LogHead(growth.frontier, before[-1]), growth.writes)


def _links_hold(first: int, entries: Sequence[bytes], before: Sequence[bytes]) -> bool:
    """All beginnings put together and compared once: formatting and comparing each alone costs half as much again."""
    count = len(entries)
    if count == 0 or len(str(first)) != len(str(first + count - 1)):  # as from 999 to 1000: seldom
        return all(entry.startswith(BEGINNING % pair) for entry, pair in _expected(first, entries, before))
    arguments: list[int | bytes] = [0] * (2 * count)
    arguments[::2] = range(first, first + count)
    arguments[1::2] = [b2a_base64(leaf, newline=False) for leaf in before[:count]]
    expected = BEGINNING * count % tuple(arguments)
    width = len(expected) // count
    return b"".join([entry[:width] for entry in entries]) == expected


def _expected(
    first: int, entries: Sequence[bytes], before: Sequence[bytes]
) -> Iterator[tuple[bytes, tuple[int, bytes]]]:
    for position, (entry, leaf) in enumerate(zip(entries, before, strict=False), start=first):
        yield entry, (position, b2a_base64(leaf, newline=False))


def _wrong_link(first: int, entries: Sequence[bytes], before: Sequence[bytes]) -> TlogError:
    for entry, (position, leaf) in _expected(first, entries, before):
        place = f"entry {position}"
        if not entry.startswith(SEQUENCE % position):
            return TlogError("entry_position", place, "says that it is another entry, or is none")
        if not entry.startswith(BEGINNING % (position, leaf)):
            return TlogError("entry_link", place, "follows another entry than the one before it, or that one changed")
    raise AssertionError("only called when a link is wrong")


def _wrong_leaf(first: int, entries: Sequence[bytes], leaves: Sequence[bytes], recorded: bytes) -> TlogError:
    """The entry that follows tells which of the two was changed, because it names the hash that was there first."""
    if len(recorded) != HASH_BYTES * len(entries):
        return TlogError("leaf_hash", f"entries from {first}", "not as many leaf hashes as entries")
    each = (recorded[start : start + HASH_BYTES] for start in range(0, len(recorded), HASH_BYTES))
    offset = next(number for number, (leaf, said) in enumerate(zip(leaves, each, strict=True)) if leaf != said)
    following = entries[offset + 1] if offset + 1 < len(entries) else b""
    if following.startswith(BEGINNING % (first + offset + 1, b2a_base64(leaves[offset], newline=False))):
        return TlogError("leaf_hash", f"entry {first + offset}", "its recorded leaf hash was changed")
    return TlogError("entry_bytes", f"entry {first + offset}", "does not have the leaf hash that was recorded for it")


def _cut(chunk: Chunk, first: int, stops: Sequence[int]) -> Iterator[Chunk]:
    end = first + len(chunk.entries)
    inside = stops[bisect_right(stops, first) : bisect_right(stops, end)]
    if not inside or inside[0] == end:
        yield chunk
        return
    start = 0
    for stop in [*inside, end]:
        if stop - first > start:
            yield _slice(chunk, start, stop - first)
        start = stop - first


def _slice(chunk: Chunk, start: int, stop: int) -> Chunk:
    leaves = None if chunk.leaves is None else chunk.leaves[HASH_BYTES * start : HASH_BYTES * stop]
    return Chunk(chunk.entries[start:stop], leaves)
