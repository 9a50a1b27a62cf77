"""The log formats on one core: writing entries, checking a history offline against bare hashing, checking proofs.

The limit B is SHA-256 of the same bytes in a Python loop, measured in alternation with what is compared with it.
"""

import argparse
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.chain import Chunk, verify_entries
from loopctl.tlog.entry import Entry, decode_entry, encode_entry
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.plan import TileReader, prove_consistency, prove_inclusion, read_root
from loopctl.tlog.proof import check_consistency, check_inclusion
from loopctl.tlog.tile import TILE_WIDTH, Bundle, Tile, encode_bundle, parse_bundle
from loopctl.tlog.tree import EMPTY, append_leaves

STORY = "0194a7a0-0000-7000-8000-000000000001"
PROOFS = 2_000


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tlog_speed", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args(argv)
    entries = history(options.entries)
    print(
        f"{len(entries):,} entries of {statistics.mean(map(len, entries)):.0f} bytes, median of {options.repetitions}"
    )
    _writing(entries, options.repetitions)
    _verification(entries, options.repetitions)
    _proofs([leaf_hash(entry) for entry in entries])
    return 0


def history(count: int) -> list[bytes]:
    """A well-formed log of one story."""
    entries, before = [], NO_LEAF
    for position in range(count):
        raw = encode_entry(_entry(position, before))
        before = leaf_hash(raw)
        entries.append(raw)
    return entries


def _entry(position: int, before: bytes) -> Entry:
    return Entry(
        seq=position,
        prev=before,
        ts="2026-11-21T08:54:27.434248Z",
        type="story.claimed",
        actor=(f"agent:{STORY}",),
        entity=("story", STORY),
        eseq=position,
        eprev=position - 1 if position else None,
        salt=position.to_bytes(16, "big"),
        data=canonical_json({"agent_id": STORY, "estimate": position % 13, "title": "Verify receipts offline"}),
    )


def _writing(entries: Sequence[bytes], repetitions: int) -> None:
    sample = entries[:20_000]
    decoded = [decode_entry(entry) for entry in sample]
    value = decoded[0].value()
    timings = _alternate(
        {
            "data to canonical JSON": lambda: _each(canonical_json, [value] * len(sample)),
            "entry to bytes": lambda: _each(encode_entry, decoded),
            "bytes to entry, all checks": lambda: _each(decode_entry, sample),
        },
        repetitions,
    )
    for name, seconds in timings.items():
        print(f"  {name:38} {seconds / len(sample) * 1e6:6.2f} us   {len(sample) / seconds:10,.0f}/s")


def _verification(entries: Sequence[bytes], repetitions: int) -> None:
    chunks = [Chunk(entries[start : start + TILE_WIDTH]) for start in range(0, len(entries), TILE_WIDTH)]
    bundles = [(Bundle(0, len(chunk.entries)), encode_bundle(chunk.entries)) for chunk in chunks]

    def from_bundles() -> None:
        _drain(verify_entries(Chunk(parse_bundle(bundle, data)) for bundle, data in bundles))

    lines = [b"\n".join(chunk.entries) for chunk in chunks]  # an entry has no line feed in it: JSON writes it as \\n

    def from_lines() -> None:
        _drain(verify_entries(Chunk(data.split(b"\n")) for data in lines))

    def with_form() -> None:
        _each(decode_entry, entries)
        _drain(verify_entries(chunks))

    timings = _alternate(
        {
            "B: bare SHA-256": lambda: _hash_each(entries),
            "chain and tree": lambda: _drain(verify_entries(chunks)),
            "the same from entry bundles": from_bundles,
            "the same from lines": from_lines,
            "chain and tree, and form of each": with_form,
        },
        repetitions,
    )
    limit = timings["B: bare SHA-256"]
    for name, seconds in timings.items():
        print(f"  {name:38} {len(entries) / seconds:10,.0f} entries/s   {limit / seconds:5.2f} x B")


def _proofs(leaves: Sequence[bytes]) -> None:
    size = len(leaves)
    stored: dict[tuple[int, int], bytearray] = {}
    for write in append_leaves(EMPTY, leaves).writes:
        stored.setdefault((write.level, write.index), bytearray())[32 * write.offset :] = write.data
    for index in range(0, size, TILE_WIDTH):
        stored[0, index // TILE_WIDTH] = bytearray(b"".join(leaves[index : index + TILE_WIDTH]))

    def fetch(tiles: Sequence[Tile]) -> list[bytes]:
        return [bytes(stored[tile.level, tile.index]) for tile in tiles]

    read = TileReader(size, fetch)
    indexes = [number * 7919 % size for number in range(PROOFS)]
    started = time.perf_counter()
    inclusions = [prove_inclusion(read, index, size) for index in indexes]
    consistencies = [prove_consistency(read, index + 1, size) for index in indexes]
    _say("prove inclusion or consistency from tiles", started, 2 * PROOFS)
    root = read_root(read, size)
    roots = [read_root(read, index + 1) for index in indexes]
    started = time.perf_counter()
    for index, proof in zip(indexes, inclusions, strict=True):
        check_inclusion(leaves[index], index, size, proof, root)
    _say("check inclusion", started, PROOFS)
    started = time.perf_counter()
    for index, proof, old in zip(indexes, consistencies, roots, strict=True):
        check_consistency(index + 1, size, proof, old, root)
    _say("check consistency", started, PROOFS)


def _alternate(subjects: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Median seconds of each, taken in turns so that a slow spell of the machine hits all of them."""
    timings: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(repetitions):
        for name, subject in subjects.items():
            started = time.perf_counter()
            subject()
            timings[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in timings.items()}


def _each(function: Callable[[Any], object], values: Sequence[object]) -> None:
    for value in values:
        function(value)


def _hash_each(entries: Sequence[bytes]) -> None:
    for entry in entries:
        sha256(entry).digest()


def _drain(iterator: Iterator[object]) -> None:
    deque(iterator, maxlen=0)


def _say(name: str, started: float, count: int) -> None:
    print(f"  {name:38} {(time.perf_counter() - started) / count * 1e6:6.1f} us")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
