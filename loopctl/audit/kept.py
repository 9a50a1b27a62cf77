"""A directory in which a log is kept between two checks: what never changes is read there, and its head is held
against the server."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loopctl.audit.directory import DirectorySource
from loopctl.audit.expected import Older, keep
from loopctl.audit.fault import Fault, Unreadable
from loopctl.audit.names import Single
from loopctl.tlog.errors import TlogError


@contextmanager
def open_kept(place: Path) -> Iterator[DirectorySource]:
    """Made when it is not there yet, and nobody else's until the block ends. Raises Unreadable when it is somebody
    else's, or when something else is in it."""
    place.mkdir(parents=True, exist_ok=True)
    with _held(place):
        directory = DirectorySource(place)
        try:
            directory.remove_unfinished()
            directory.names()
        except Fault:
            problem = "the directory to keep the log in holds other files than those of an export"
            raise Unreadable(problem) from None
        yield directory


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """By the directory itself: a file for the lock would be one that no export has."""
    held = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unreadable("another check is using the directory to keep the log in: wait for it") from None
        yield
    finally:
        os.close(held)


def kept_head(directory: DirectorySource) -> Older | None:
    """The head of the last check that came to its end: the log must still be an extension of it."""
    if Single.NEWEST not in directory.names():
        return None
    try:
        return keep(directory.read(Single.NEWEST))
    except TlogError:
        raise Unreadable("the head in the directory that the log is kept in is damaged") from None
