"""Files that are there whole or not at all, whoever else writes them and wherever the machine stops."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from loopctl.cli.exits import Exit, Stop


def write_whole(file: Path, content: bytes) -> None:
    """Only the owner may read it, from its first byte on."""
    with _beside(file) as unfinished:
        unfinished.write(content)


@contextmanager
def answer_file(file: Path) -> Iterator[BinaryIO]:
    """A file that somebody wants an answer in, readable for whoever else they let. A device or a pipe has nothing that
    could be kept, and is written to as it is. Raises Stop when it cannot be written to its end."""
    try:
        with file.open("wb") if file.exists() and not file.is_file() else _beside(file.resolve()) as opened:
            if file.is_file():
                os.fchmod(opened.fileno(), file.stat().st_mode & 0o7777)
            elif not file.exists():
                os.fchmod(opened.fileno(), 0o666 & ~_umask())
            yield opened
    except OSError as error:
        raise Stop(Exit.FAILED, f"{file} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _beside(file: Path) -> Iterator[BinaryIO]:
    """Beside the file, down to the disk, then in its place."""
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".unfinished", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as unfinished:
            yield unfinished
            unfinished.flush()
            os.fsync(unfinished.fileno())
        Path(beside).replace(file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _sync(file.parent)


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Nobody else who asks for the same file gets it meanwhile. The lock is the kernel's: it ends with its process."""
    with file.with_name(f"{file.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _sync(folder: Path) -> None:
    """So that the new name stays, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
