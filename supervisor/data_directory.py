"""The data directory: who has it, what is where, and what an earlier run left behind."""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from config.refusal import StartRefused
from supervisor.left_over import end_all, started_at, still_running

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 108 on Linux and 104 elsewhere, the ending included."""

LOG_KEPT_BYTES = 8 * 1024 * 1024


class DataDirectory:
    """Layout: postgres/ redis/ keys/ logs/ run/, and up.lock, held while an `up` lives."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.keys = self.path / "keys"
        self.logs = self.path / "logs"
        self.run = self.path / "run"
        self._children = self.run / "children.json"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Holds the directory for this process. Raises StartRefused when it is not writable or another `up` has it."""
        self._create()
        # Never unlinked: the lock is the kernel's, so a file that a killed process left behind locks nobody out.
        with self._lock_file().open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StartRefused(
                    f"Another loopctl (process {lock.read().strip() or 'unknown'}) is running on {self.path}: "
                    "stop it, or choose another --data-dir."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def socket_directory(self, name: str) -> Path:
        """Where a server's Unix socket goes: run/<name>, or a private temporary folder when that path is too long."""
        inside = self.run / name
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH - len("/.s.PGSQL.5432"):
            return inside
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        outside = Path(tempfile.gettempdir()) / f"loopctl-{os.geteuid()}-{digest}"
        outside.mkdir(mode=0o711, exist_ok=True)
        found = outside.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise StartRefused(f"{outside} belongs to somebody else: choose a --data-dir with a shorter path.")
        return outside / name

    def log_file(self, name: str) -> Path:
        """The log of one child; what an earlier run wrote is kept once as .1 when it has grown large."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_KEPT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def remember_child(self, pid: int) -> None:
        """Notes a child, with its start time because pids are used again, so that the next run can end it."""
        started = started_at(pid)
        if started is not None:
            self._children.write_bytes(msgspec.json.encode({**self._known_children(), str(pid): started}))

    def end_left_over_children(self) -> int:
        """Ends what a killed `up` left running. Returns how many there were."""
        known = self._known_children()
        left = [process for pid, started in known.items() if (process := still_running(int(pid), started))]
        end_all(left)
        self._children.unlink(missing_ok=True)
        return len(left)

    def _create(self) -> None:
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True)
                # Others may walk through (the database's own account has to), but list and read nothing.
                self.path.chmod(0o711)
            self._check_ours()
            for folder, mode in ((self.keys, 0o700), (self.logs, 0o700), (self.run, 0o711)):
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
        except OSError as error:
            raise StartRefused(f"Cannot write to the data directory {self.path}: {error.strerror}.") from error

    def _check_ours(self) -> None:
        """Raises StartRefused rather than spread over a folder that has other things in it, or that is another's."""
        owner = self.path.stat().st_uid
        if os.geteuid() == 0 and owner != 0:
            raise StartRefused(f"The data directory {self.path} belongs to uid {owner}: run this as that user.")
        if not self._lock_file().exists() and any(self.path.iterdir()):
            raise StartRefused(
                f"{self.path} is not empty and is no data directory of loopctl: choose another --data-dir."
            )

    def _lock_file(self) -> Path:
        return self.path / "up.lock"

    def _known_children(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(self._children.read_bytes(), type=dict[str, float])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}  # a file cut short by a crash; what it named is found again by the servers' own stale checks
