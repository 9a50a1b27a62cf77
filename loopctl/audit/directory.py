"""A bundle as a directory: as such a complete read replica behind any web server."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from loopctl.audit.fault import Fault, Unreadable
from loopctl.audit.names import LONGEST_NAME, Member, Name, largest, order, parse_path, path, shown
from loopctl.tlog.tile import Bundle, Tile

UNFINISHED = ".new"


class DirectorySource:
    """Holds the names of all files in memory, about 100 bytes each, and one file at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read = 0
        self._files = 0

    def fraction(self) -> float:
        return self._read / self._files if self._files else 0.0

    def members(self) -> Iterator[Member]:
        names = self.names()
        self._files, self._read = len(names), 0
        for name in names:
            yield path(name), self.read(name)
            self._read += 1

    def names(self) -> list[Name]:
        """In the order of a bundle. Raises Fault for a file that is none of a bundle's."""
        return sorted(map(parse_path, _files(self._root)), key=order)

    def read(self, name: Name) -> bytes:
        """Raises Fault when there is no such file, or one that is too large or of another kind (a pipe, a link)."""
        try:
            return self._contents(name)
        except FileNotFoundError:
            raise Fault("bundle", "member_missing", path(name), "is missing") from None
        except OSError as error:
            raise Fault("bundle", "member_unreadable", path(name), f"cannot be read ({error.strerror})") from None

    def write(self, member: Member) -> None:
        """All of it or nothing, also when the machine stops in between."""
        name, data = member
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(target.name + UNFINISHED)
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)

    def remove(self, name: Name) -> None:
        (self._root / path(name)).unlink()

    def remove_tiles(self) -> None:
        """Of hashes and of entries."""
        for name in self.names():
            if isinstance(name, Bundle | Tile):
                self.remove(name)

    def remove_unfinished(self) -> None:
        """What a ``write`` that was killed has left."""
        for name in [*_files(self._root)]:
            if name.endswith(UNFINISHED) and _is_name(name.removesuffix(UNFINISHED)):
                (self._root / name).unlink(missing_ok=True)

    def _contents(self, name: Name) -> bytes:
        file = self._root / path(name)
        status = file.lstat()
        # A link could lead out of the bundle, and opening a pipe waits for ever.
        if not stat.S_ISREG(status.st_mode):
            raise Fault("bundle", "member_unreadable", path(name), "is not a plain file")
        if status.st_size > largest(name):
            raise Fault("bundle", "member_too_large", path(name), f"over {largest(name)} bytes")
        with file.open("rb", buffering=0) as opened:
            return opened.read()


def write_directory(root: Path, members: Iterable[Member]) -> None:
    """Into a directory that is empty or not there yet."""
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty")
    for name, data in members:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _files(root: Path) -> Iterator[str]:
    """Not by recursion, and no deeper than a name can be: whoever made the bundle chose how its folders are nested."""
    folders = [""]
    while folders:
        folder = folders.pop()
        if len(folder) > LONGEST_NAME:
            raise Fault("bundle", "member_unexpected", shown(folder), "folders of a bundle are not nested so deeply")
        try:
            with os.scandir(root / folder) as found:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        except OSError as error:
            raise Unreadable(f"a directory of the bundle cannot be read ({error.strerror})") from None
        folders += [f"{folder}{name}/" for name, is_directory in entries if is_directory]
        yield from (folder + name for name, is_directory in entries if not is_directory)


def _is_name(text: str) -> bool:
    try:
        parse_path(text)
    except Fault:
        return False
    return True
