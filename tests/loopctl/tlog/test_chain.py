"""The offline check of a history: accepts what was appended, and says which entry is not what it was."""

import tracemalloc
from collections.abc import Iterator, Sequence

import pytest

from loopctl.tlog.chain import START, Checked, Chunk, LogHead, check_entries, verify_entries
from loopctl.tlog.entry import encode_entry
from loopctl.tlog.errors import Code, TlogError
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.tree import EMPTY, append_leaves
from tests.loopctl.tlog.samples import Reference, an_entry, history, rejects

ENTRIES = history(1200)
HASHES = [leaf_hash(entry) for entry in ENTRIES]
REFERENCE = Reference(HASHES)


def chunks(entries: Sequence[bytes], length: int = 256, recorded: Sequence[bytes] | None = None) -> Iterator[Chunk]:
    for start in range(0, len(entries), length):
        leaves = None if recorded is None else b"".join(recorded[start : start + length])
        yield Chunk(entries[start : start + length], leaves)


def last(checked: Iterator[Checked]) -> LogHead:
    return list(checked)[-1].head


@pytest.mark.parametrize("length", [1, 7, 256, 1000, 1200])
def test_a_history_leads_to_the_head_of_its_tree(length: int) -> None:
    head = last(verify_entries(chunks(ENTRIES, length)))
    assert (head.size, head.last_leaf) == (1200, HASHES[-1])
    assert head.frontier.root() == REFERENCE.root(0, 1200)
    assert head == last(verify_entries(chunks(ENTRIES, length, HASHES)))


def test_the_check_goes_on_from_any_head() -> None:
    head = last(verify_entries(chunks(ENTRIES[:700])))
    assert last(verify_entries(chunks(ENTRIES[700:], 100), head)) == last(verify_entries(chunks(ENTRIES)))


def test_an_empty_chunk_changes_nothing() -> None:
    assert check_entries(START, Chunk([])).head == START
    assert list(verify_entries([])) == []


def test_the_head_is_seen_at_every_stop() -> None:
    stops = [1, 255, 256, 257, 300, 301, 999, 1000, 1200, 5000]
    sizes = {
        checked.head.size: checked.head.frontier.root() for checked in verify_entries(chunks(ENTRIES), stops=stops)
    }
    assert set(stops) - set(sizes) == {5000}
    assert all(root == REFERENCE.root(0, size) for size, root in sizes.items())
    with_leaves = verify_entries(chunks(ENTRIES, 256, HASHES), stops=stops)
    assert [checked.head.size for checked in with_leaves] == sorted(sizes)


def test_the_captured_tiles_are_those_of_appending() -> None:
    writes = [write for checked in verify_entries(chunks(ENTRIES)) for write in checked.writes]
    together = append_leaves(EMPTY, HASHES).writes
    assert b"".join(write.data for write in writes) == b"".join(write.data for write in together)


@pytest.mark.parametrize("position", [0, 5, 9, 10, 99, 100, 255, 256, 998, 999, 1000, 1198])
def test_a_changed_entry_is_located_by_the_recorded_leaf_hashes(position: int) -> None:
    changed = _replaced(position, ENTRIES[position].replace(b"agent:ann", b"agent:bob"))
    with rejects("entry_bytes") as caught:
        last(verify_entries(chunks(changed, 256, HASHES)))
    assert caught.value.place == f"entry {position}"


@pytest.mark.parametrize("position", [0, 5, 100, 254, 999])
def test_a_changed_leaf_hash_is_told_from_a_changed_entry(position: int) -> None:
    hashes = [*HASHES[:position], bytes(32), *HASHES[position + 1 :]]
    with rejects("leaf_hash") as caught:
        last(verify_entries(chunks(ENTRIES, 256, hashes)))
    assert caught.value.place == f"entry {position}"


@pytest.mark.parametrize("position", [0, 9, 10, 255, 256, 999, 1000, 1198])
def test_without_leaf_hashes_a_changed_entry_is_located_by_its_follower(position: int) -> None:
    changed = _replaced(position, ENTRIES[position].replace(b"agent:ann", b"agent:bob"))
    with rejects("entry_link") as caught:
        last(verify_entries(chunks(changed)))
    assert caught.value.place == f"entry {position + 1}"


def test_a_changed_last_entry_shows_in_the_root() -> None:
    changed = _replaced(1199, ENTRIES[1199].replace(b"agent:ann", b"agent:bob"))
    assert last(verify_entries(chunks(changed))).frontier.root() != REFERENCE.root(0, 1200)


SWAPPED = [*ENTRIES[:500], ENTRIES[501], ENTRIES[500], *ENTRIES[502:]]
DROPPED = [*ENTRIES[:500], *ENTRIES[501:]]
DOUBLED = [*ENTRIES[:500], *ENTRIES[499:]]


@pytest.mark.parametrize(
    ("entries", "code", "place"),
    [
        (SWAPPED, "entry_position", "entry 500"),
        (DROPPED, "entry_position", "entry 500"),
        (DOUBLED, "entry_position", "entry 500"),
        (ENTRIES[1:], "entry_position", "entry 0"),
        ([*ENTRIES[:3], b"", *ENTRIES[4:]], "entry_position", "entry 3"),
        ([*ENTRIES[:3], b"{}", *ENTRIES[4:]], "entry_position", "entry 3"),
        ([*ENTRIES[:300], ENTRIES[300][:60], *ENTRIES[301:]], "entry_link", "entry 300"),
    ],
)
def test_a_history_out_of_order_is_located(entries: list[bytes], code: Code, place: str) -> None:
    with rejects(code) as caught:
        last(verify_entries(chunks(entries)))
    assert caught.value.place == place


def test_every_single_bit_flip_of_a_short_history_is_noticed() -> None:
    """In the bytes of any entry but the last, by the chain alone; in the last one by the root."""
    entries, root = ENTRIES[:4], REFERENCE.root(0, 4)
    assert last(verify_entries(chunks(entries))).frontier.root() == root
    for position, entry in enumerate(entries):
        for bit in range(8 * len(entry)):
            flipped = bytearray(entry)
            flipped[bit // 8] ^= 1 << bit % 8
            seen = _root([*entries[:position], bytes(flipped), *entries[position + 1 :]])
            assert seen is None if position < 3 else seen != root


def test_leaf_hashes_are_as_many_as_entries() -> None:
    with rejects("leaf_hash"):
        check_entries(START, Chunk(ENTRIES[:3], b"".join(HASHES[:2])))


def test_a_rechained_tail_shows_only_in_the_root() -> None:
    """Which is why no check here says "good" without a signed head to compare with."""
    forged = list(ENTRIES[:1000])
    for position in range(1000, 1200):
        forged.append(_rechained(position, leaf_hash(forged[-1]), ts="2027-01-01T00:00:00.000000Z"))
    assert last(verify_entries(chunks(forged))).frontier.root() != REFERENCE.root(0, 1200)


def test_verification_needs_the_same_memory_for_a_longer_history() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in verify_entries(Chunk(_made(start, 256)) for start in range(0, count, 256)):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    memory = _Memory()

    def _made(start: int, count: int) -> list[bytes]:
        return memory.entries(start, count)

    short = peak(2_560)
    memory.before = bytes(32)
    assert peak(12_800) < 1.5 * short + 100_000


class _Memory:
    """Makes a history on the way, keeping nothing but the last leaf hash."""

    def __init__(self) -> None:
        self.before = bytes(32)

    def entries(self, start: int, count: int) -> list[bytes]:
        made = []
        for position in range(start, start + count):
            made.append(_rechained(position, self.before))
            self.before = leaf_hash(made[-1])
        return made


def _rechained(position: int, before: bytes, **changes: str) -> bytes:
    return encode_entry(an_entry(position, before, **changes))


def _replaced(position: int, entry: bytes) -> list[bytes]:
    assert entry != ENTRIES[position]
    return [*ENTRIES[:position], entry, *ENTRIES[position + 1 :]]


def _root(entries: Sequence[bytes]) -> bytes | None:
    try:
        return last(verify_entries(chunks(entries))).frontier.root()
    except TlogError:
        return None
