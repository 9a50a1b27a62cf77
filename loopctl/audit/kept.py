"""A directory in which a log is kept between two checks: what never changes is read there, and its head is held
against the server."""

from pathlib import Path

from loopctl.audit.directory import DirectorySource
from loopctl.audit.expected import Older, keep
from loopctl.audit.fault import Fault, Unreadable
from loopctl.audit.names import Single
from loopctl.tlog.errors import TlogError


def open_kept(place: Path) -> DirectorySource:
    """Made when it is not there yet. Raises Unreadable when something else is in it."""
    place.mkdir(parents=True, exist_ok=True)
    directory = DirectorySource(place)
    try:
        directory.remove_unfinished()
        directory.names()
    except Fault:
        raise Unreadable("the directory to keep the log in holds other files than those of an export") from None
    return directory


def kept_head(directory: DirectorySource) -> Older | None:
    """The head of the last check that came to its end: the log must still be an extension of it."""
    if Single.NEWEST not in directory.names():
        return None
    try:
        return keep(directory.read(Single.NEWEST))
    except TlogError:
        raise Unreadable("the head in the directory that the log is kept in is damaged") from None
