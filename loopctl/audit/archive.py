"""A bundle as one file: POSIX tar with every free choice made once, so that any changed bit of it shows."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from loopctl.audit.fault import Unreadable
from loopctl.audit.names import LONGEST_NAME, Member, largest, parse_path, path

BLOCK = 512
END = bytes(2 * BLOCK)
GZIP = b"\x1f\x8b"
GZIP_LEVEL = 6
GZIP_WINDOW = 16 + zlib.MAX_WBITS
SIZE = slice(124, 135)


def tar_header(name: str, size: int) -> bytes:
    """A regular file of mode 0644, owner 0, time 0."""
    if len(name) > LONGEST_NAME:
        raise ValueError("a bundle has no such long names")
    header = b"".join(
        (
            name.encode("ascii").ljust(LONGEST_NAME, b"\0"),
            b"0000644\x000000000\x000000000\0",
            b"%011o\0" % size,
            b"00000000000\0",
            b" " * 8,  # the checksum counts as blanks in itself
            b"0".ljust(101, b"\0"),
            b"ustar\x0000".ljust(72, b"\0"),
            b"0000000\x000000000\0",
        )
    ).ljust(BLOCK, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def tar_blocks(members: Iterable[Member]) -> Iterator[bytes]:
    for name, data in members:
        yield tar_header(name, len(data))
        yield data + bytes(-len(data) % BLOCK)
    yield END


def gzip_blocks(blocks: Iterable[bytes], level: int = GZIP_LEVEL) -> Iterator[bytes]:
    compressor = zlib.compressobj(level, wbits=GZIP_WINDOW)
    for block in blocks:
        yield compressor.compress(block)
    yield compressor.flush()


class ArchiveSource:
    """A tar file, compressed with gzip or not, read once from front to back; without a file, of standard input."""

    def __init__(self, file: Path | None) -> None:
        self._path = file
        self._bytes = file.stat().st_size if file else 0
        self._raw: IO[bytes] | None = None

    def fraction(self) -> float:
        return self._raw.tell() / self._bytes if self._raw and self._bytes and not self._raw.closed else 0.0

    def members(self) -> Iterator[Member]:
        with self._path.open("rb") if self._path else nullcontext(sys.stdin.buffer) as opened:
            raw = self._raw = cast("BufferedReader", opened)
            packed = raw.peek(len(GZIP))[: len(GZIP)] == GZIP
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            try:
                yield from read_tar(stream)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise Unreadable("the compressed archive is damaged or cut off") from error


def read_tar(stream: IO[bytes]) -> Iterator[Member]:
    """Exactly what tar_blocks writes; another tar program's archive has to be unpacked first."""
    while (header := _exactly(stream, BLOCK)) != END[:BLOCK]:
        name, size = _name_and_size(header)
        if tar_header(name, size) != header:
            raise Unreadable(f"the archive was not written by an export, or was damaged, at {name}: unpack it first")
        data = _exactly(stream, size)
        if any(_exactly(stream, -size % BLOCK)):
            raise Unreadable(f"the archive is damaged after {name}")
        yield name, data
    if stream.read(BLOCK + 1) != END[BLOCK:]:
        raise Unreadable("the archive does not end where its last file ends")


def _name_and_size(header: bytes) -> tuple[str, int]:
    """Refuses names and sizes of no bundle before anything of that size is read."""
    try:
        text, size = header[:LONGEST_NAME].rstrip(b"\0").decode("ascii"), int(header[SIZE], 8)
    except ValueError:
        raise Unreadable("the archive is no tar file, or damaged") from None
    name = parse_path(text)
    if not 0 <= size <= largest(name):
        raise Unreadable(f"the archive is damaged, or {path(name)} is too large to be what it is called")
    return text, size


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise Unreadable("the archive is cut off")
    return data
