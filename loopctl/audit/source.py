"""Where a log is read from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from loopctl.audit.archive import ArchiveSource
from loopctl.audit.directory import DirectorySource
from loopctl.audit.fault import Unreadable
from loopctl.audit.names import Member


class LogSource(Protocol):
    """Somewhere with the files of a bundle: a directory, an archive, or a server that is asked for them by name."""

    def members(self) -> Iterator[Member]:
        """All files in the order of a bundle (`names.order`). Raises Unreadable, and Fault for a name of no bundle."""

    def fraction(self) -> float:
        """How much of it has been read, 0 to 1."""


def open_source(place: Path) -> LogSource:
    if str(place) == "-":
        return ArchiveSource(None)
    if place.is_dir():
        return DirectorySource(place)
    if place.is_file():
        return ArchiveSource(place)
    raise Unreadable("there is no bundle at this path")
