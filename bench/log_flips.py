"""Single changed bits in an export of 600 entries: each has to be found, and located (spec 05, R8).

`python -m bench.log_flips [count] [seed]` runs the full campaign, 100,000 bits by default; the tests run a slice.
A bit is verified from the group of entries that it is in, with the verifier as it was before: what comes before a
changed bit is the same every time.
"""

import pickle
import random
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

from loopctl.audit.expected import Expected
from loopctl.audit.export import write_bundle
from loopctl.audit.fault import Fault, Finding
from loopctl.audit.members import BundledTiles, Members
from loopctl.audit.names import Member, Single, StoredHead, parse_path
from loopctl.audit.verifier import ALL, Checks, Verifier
from loopctl.audit.verify import Progress
from loopctl.audit.verify import run as run_verifier
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import TILE_WIDTH, Bundle, Tile
from tests.support.sample_log import LOG_SIGNERS, Plan, make_log

PLAN = Plan(
    size=600,
    heads=(0, 1, 100, 256, 257, 400, 599),
    boundaries=(120, 300, 560),
    overlap=20,
    committed=range(3, 600, 9),
    erased=((40, 3), (400, 21)),
    witnessed=(400, 600),
)


TEXT_LINES = 4
"""Of a head: three, and the empty one."""
LINE_FEED = 0x0A


class FlipFailure(AssertionError):
    """A changed bit was not found, was located elsewhere, or raised something else than Fault."""


class Flip(Struct, frozen=True):
    name: str
    bit: int

    def of(self, data: bytes) -> bytes:
        changed = bytearray(data)
        changed[self.bit // 8] ^= 1 << self.bit % 8
        return bytes(changed)


class Export:
    """The bundle of ``PLAN``, and the verifier as it is before each part that can be verified from there."""

    def __init__(self, checks: Checks = ALL) -> None:
        self.checks = checks
        self.members: list[Member] = list(write_bundle(make_log(PLAN)))
        self.files = dict(self.members)
        self._starts: list[tuple[int, bytes]] = []
        """With the number of the first file that has not been seen; pickled, which is quicker than copying."""
        verifier = Verifier(Expected(keys=(LOG_SIGNERS[0].key,)), checks)
        self._keep(0, verifier)
        verifier.begin(self.files["keys.json"])
        verifier.empty_head(self.files["checkpoints/0"])
        self._keep(2, verifier)
        ends = [number for number, (name, _) in enumerate(self.members, start=1) if name.startswith("tile/0/")]
        self._run(verifier, self.members[2:], lambda size: self._keep(ends[(size - 1) // TILE_WIDTH], verifier))

    def judge(self, flip: Flip) -> Finding | None:
        number = next(number for number, (name, _) in enumerate(self.members) if name == flip.name)
        first, before = self._starts[bisect_right(self._starts, number, key=lambda start: start[0]) - 1]
        rest = [(name, flip.of(data) if name == flip.name else data) for name, data in self.members[first:]]
        try:
            self._run(pickle.loads(before), rest)  # noqa: S301  # our own, of a moment ago
        except Fault as fault:
            return fault.finding
        return None

    def places(self, flip: Flip) -> tuple[str, ...]:
        """Where the fault may be said to be; for stored heads and keys, how that has to begin."""
        name, offset, data = parse_path(flip.name), flip.bit // 8, self.files[flip.name]
        match name:
            case Bundle(index=index):
                return (f"entry {TILE_WIDTH * index + entry_at(data, offset)}",)
            case Tile(level=0, index=index):
                return (f"entry {TILE_WIDTH * index + offset // HASH_BYTES}",)
            case Tile():
                return (f"{flip.name}, hash {offset // HASH_BYTES}",)
            case Single.NEWEST:
                line = data.count(b"\n", 0, offset) + 1
                splits = flip.of(data)[offset] == LINE_FEED  # one line has become two, and the first may be a good one
                return (_line(line), _line(line + 1)) if splits else (_line(line),)
            case _:
                return (flip.name,)

    def _keep(self, first: int, verifier: Verifier) -> None:
        self._starts.append((first, pickle.dumps(verifier)))

    def _run(self, verifier: Verifier, members: Sequence[Member], progress: Progress | None = None) -> None:
        stream = Members(members)
        run_verifier(verifier, stream, BundledTiles(stream, self.checks.tile), progress)


def run(count: int, seed: int, checks: Checks = ALL) -> Counter[str]:
    """How often each code was given. The checks are arguments so that one left out can show that this finds it."""
    dice = random.Random(seed)
    export = Export(checks)
    names = [name for name, _ in export.members if name != Single.NEWEST.value]
    ends = list(accumulate(8 * len(export.files[name]) for name in names))
    found: Counter[str] = Counter()
    for _ in range(count):
        bit = dice.randrange(ends[-1])
        file = bisect_right(ends, bit)
        found[attempt(export, Flip(names[file], bit - (ends[file - 1] if file else 0)))] += 1
    return found


def run_newest() -> int:
    """Every bit of the newest head; how many there are."""
    export = Export()
    bits = 8 * len(export.files[Single.NEWEST.value])
    for bit in range(bits):
        attempt(export, Flip(Single.NEWEST.value, bit))
    return bits


def attempt(export: Export, flip: Flip) -> str:
    try:
        finding = export.judge(flip)
    except Exception as error:
        raise FlipFailure(f"{flip} raised {error!r}") from error
    if finding is None:
        raise FlipFailure(f"{flip} was not found")
    exact = not isinstance(parse_path(flip.name), StoredHead) and flip.name != Single.KEYS.value
    places = export.places(flip)
    if not (finding.place in places if exact else finding.place.startswith(places)):
        raise FlipFailure(f"{flip} is at {places}, but was located at {finding.place}: {finding.problem}")
    return finding.code


def entry_at(bundle: bytes, offset: int) -> int:
    """Which entry a byte of an entry bundle belongs to, its length included."""
    entry, start = -1, 0
    while start <= offset:
        start += 2 + int.from_bytes(bundle[start : start + 2], "big")
        entry += 1
    return entry


def _line(number: int) -> str:
    return f"checkpoint, line {number}" if number <= TEXT_LINES else f"checkpoint, signature line {number - TEXT_LINES}"


def main(argv: list[str]) -> int:
    count, seed = (*map(int, argv), *(100_000, 1)[len(argv) :])
    print(f"{run_newest():,} bits of the newest head: all found, all located")
    found = run(count, seed)
    print(f"{sum(found.values()):,} random bits of the rest (seed {seed}): all found, all located: {dict(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
