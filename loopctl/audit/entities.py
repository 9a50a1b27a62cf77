"""The histories of all entities at once, in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from loopctl.audit.links import BrokenLink, Ends, Link, follow

MOST_ENTITIES = 65_536
"""Held in memory, each at about 250 bytes; when there are more, all of them go into files."""
PARTITIONS = 64
"""Each is checked in memory alone, so that 64 times as many entities still fit."""

ENCODER = Encoder()


class Entities:
    """Beyond ``most`` entities faults are found at the end, by ``finish``. To be closed."""

    def __init__(self, most: int = MOST_ENTITIES) -> None:
        self.count = 0
        self._most = most
        self._ends: Ends = {}
        self._files: list[IO[bytes]] = []

    def see(self, first: int, links: Sequence[Link]) -> None:
        if self._files:
            self._spill(_steps(first, links))
            return
        follow(self._ends, first, links)
        self.count = _count(self._ends)
        if self.count > self._most:
            self._files = [TemporaryFile() for _ in range(PARTITIONS)]  # noqa: SIM115  # closed by close()
            self._spill(_states(self._ends))
            self._ends = {}

    def finish(self) -> None:
        """Raises the first fault of all, not of the first file that has one."""
        if not self._files:
            return
        self.count, broken = 0, []
        for file in self._files:
            ends: Ends = {}
            try:
                _follow_file(ends, file)
            except BrokenLink as fault:
                broken.append(fault)
            self.count += _count(ends)
        if broken:
            raise min(broken, key=lambda fault: fault.position)

    def close(self) -> None:
        for file in self._files:
            file.close()

    def _spill(self, records: "Iterable[_Record]") -> None:
        parts: list[list[_Record]] = [[] for _ in range(PARTITIONS)]
        for record in records:
            # Python's hash has a secret of this process: nobody can choose ids that all fall into one part.
            parts[hash(record.entity) % PARTITIONS].append(record)
        for file, part in zip(self._files, parts, strict=True):
            file.write(ENCODER.encode_lines(part))


class _Record(Struct, array_like=True, gc=False):
    """An entry's link; without a position, where the history of an entity had come to when files took over."""

    kind: str
    entity: str
    eseq: int
    eprev: int | None
    position: int | None


DECODER = Decoder(_Record)


def _steps(first: int, links: Sequence[Link]) -> Iterator[_Record]:
    for position, link in enumerate(links, start=first):
        yield _Record(*link.entity, link.eseq, link.eprev, position)


def _states(ends: Ends) -> Iterator[_Record]:
    for kind, of_kind in ends.items():
        for entity, (last, count) in of_kind.items():
            yield _Record(kind, entity, count, last, None)


def _follow_file(ends: Ends, file: IO[bytes]) -> None:
    file.seek(0)
    for line in file:
        record = DECODER.decode(line)
        link = Link("spilled.entry", (record.kind, record.entity), record.eseq, record.eprev)
        if record.position is not None:
            follow(ends, record.position, [link])
        elif record.eprev is not None:  # always, but the type does not know
            ends.setdefault(record.kind, {})[record.entity] = (record.eprev, record.eseq)


def _count(ends: Ends) -> int:
    return sum(map(len, ends.values()))
