"""`loopctl log verify` on one core: entries per second, as a share of bare hashing, and the memory of the process.

The limit B is SHA-256 of the same entries in a Python loop, measured in alternation. Two hash calls an entry (its leaf
and, on average, one node of the tree) cannot be avoided, so half of B is the most that any check in Python can reach.
Times are CPU time, which moves less than the clock on the wall when the machine has other work.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from loopctl.audit.archive import ArchiveSource, gzip_blocks, tar_blocks
from loopctl.audit.directory import DirectorySource, write_directory
from loopctl.audit.expected import Expected
from loopctl.audit.export import BundleWriter, Group
from loopctl.audit.names import Member, parse_path
from loopctl.audit.verify import verify
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.checkpoint import make_checkpoint
from loopctl.tlog.entry import Entry, encode_entry
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.signer import sign_checkpoint
from loopctl.tlog.tile import TILE_WIDTH, Bundle, parse_bundle
from loopctl.tlog.tree import EMPTY, Frontier, append_leaves
from tests.support.sample_log import LOG_SIGNERS, ORIGIN, Plan, make_keys

DATA = canonical_json(
    {"agent_id": "0194a7a0-0000-7000-8000-000000000001", "estimate": 8, "title": "Verify receipts offline"}
)
HEAD_EVERY = 1_000
"""A busy log signs once a second."""

# The child says its own peak: what a parent sees of it may include the parent's own pages from before the exec.
CHILD = """
import sys
from loopctl.cli.main import main
sys.argv = ["loopctl", "log", "verify", sys.argv[1], "--json"]
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


class Size(Struct, frozen=True):
    """``active`` entities take turns until each has its ``per_entity`` entries; then come new ones."""

    entries: int
    per_entity: int
    active: int


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="log_verify", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--per-entity", type=int, default=25, help="entries of each entity")
    parser.add_argument("--active", type=int, default=1_000, help="entities that take turns")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), Size(options.entries, options.per_entity, options.active), options.repetitions)
    return 0


def _measure(folder: Path, size: Size, repetitions: int) -> None:
    archive, packed, directory = folder / "log.tar", folder / "log.tar.gz", folder / "log"
    with archive.open("wb") as file:
        file.writelines(tar_blocks(made_bundle(size)))
    with packed.open("wb") as file:
        file.writelines(gzip_blocks(tar_blocks(ArchiveSource(archive).members())))
    write_directory(directory, ArchiveSource(archive).members())
    print(f"{size.entries:,} entries, {size.per_entity} of each entity, {size.active:,} entities at a time, "
          f"a head each {HEAD_EVERY:,}; tar {archive.stat().st_size / 1e6:.0f} MB, "
          f"tar.gz {packed.stat().st_size / 1e6:.0f} MB; Python {platform.python_version()}, "
          f"median of {repetitions}")  # fmt: skip
    subjects: dict[str, Callable[[], float]] = {
        "B: bare SHA-256": partial(bare_hashing, archive),
        "tar": partial(_verification, ArchiveSource(archive)),
        "directory": partial(_verification, DirectorySource(directory)),
        "tar.gz": partial(_verification, ArchiveSource(packed)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(repetitions):
        for name, subject in subjects.items():
            seconds[name].append(subject())
    limit = statistics.median(seconds["B: bare SHA-256"])
    for name, each in seconds.items():
        took = statistics.median(each)
        print(f"  {name:18} {size.entries / took:10,.0f} entries/s   {limit / took:5.2f} x B")
    for name, place in (("tar", archive), ("directory", directory), ("tar.gz", packed)):
        print(f"  memory, {name:10} {peak_mebibytes(place):10.1f} MiB at most, the whole process")


def made_bundle(size: Size) -> Iterator[Member]:
    """In constant memory, so that a log of any size can be made."""
    writer, frontier, before = BundleWriter(), EMPTY, NO_LEAF
    yield from writer.begin(make_keys(Plan(size=size.entries)))
    for first in range(0, size.entries, TILE_WIDTH):
        entries, leaves, heads = [], [], []
        for position in range(first, min(first + TILE_WIDTH, size.entries)):
            raw = encode_entry(_entry(position, before, size))
            before = leaf_hash(raw)
            entries.append(raw)
            leaves.append(before)
            frontier = append_leaves(frontier, [before]).frontier
            if not frontier.size % HEAD_EVERY or frontier.size == size.entries:
                heads.append((frontier.size, _signed(frontier)))
        yield from writer.group(Group(heads, entries, b"".join(leaves)))
    yield from writer.end(_signed(frontier))


def bare_hashing(archive: Path) -> float:
    """Seconds in the loop alone; reading and cutting the archive is not counted."""
    seconds = 0.0
    for entries in _entries(ArchiveSource(archive).members()):
        started = time.process_time()
        for entry in entries:
            sha256(entry).digest()
        seconds += time.process_time() - started
    return seconds


def peak_mebibytes(place: Path) -> float:
    child = subprocess.run([sys.executable, "-c", CHILD, str(place)], capture_output=True, text=True, check=True)
    return int(child.stderr.split()[1]) / 1024


def _verification(source: ArchiveSource | DirectorySource) -> float:
    started = time.process_time()
    report = verify(source.members(), Expected())
    assert report.verdict == "good", report.fault
    return time.process_time() - started


def _entries(members: Iterable[Member]) -> Iterator[list[bytes]]:
    for name, data in members:
        parsed = parse_path(name)
        if isinstance(parsed, Bundle):
            yield parse_bundle(parsed, data)


def _entry(position: int, before: bytes, size: Size) -> Entry:
    generation, turn = divmod(position, size.active * size.per_entity)
    count, entity = divmod(turn, size.active)
    return Entry(
        seq=position,
        prev=before,
        ts="2026-11-21T08:54:27.434248Z",
        type="story.claimed",
        actor=("agent:0194a7a0-0000-7000-8000-000000000001",),
        entity=("story", f"0194a7a0-0000-7000-8000-{generation * size.active + entity:012d}"),
        eseq=count,
        eprev=position - size.active if count else None,
        salt=sha256(before).digest()[:16],
        data=DATA,
    )


def _signed(frontier: Frontier) -> bytes:
    return sign_checkpoint(make_checkpoint(ORIGIN, frontier.size, frontier.root()), LOG_SIGNERS[:1]).encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
