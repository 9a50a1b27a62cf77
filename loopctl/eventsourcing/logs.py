"""The two places a log comes from: an export that somebody has, and the server itself."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from typing import Protocol

from eventsourcing.persistence import ProgrammingError
from msgspec.structs import replace

from loopctl.audit.expected import Expected, Older, keep
from loopctl.audit.fault import Fault
from loopctl.audit.kept import kept_head, open_kept
from loopctl.audit.names import Single, path
from loopctl.audit.remote import Client, Place, RemoteSource
from loopctl.audit.source import open_source
from loopctl.audit.verifier import ALL, Checks
from loopctl.eventsourcing.entries import VerifiedEntries
from loopctl.eventsourcing.intake import Intake
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.vkey import parse_vkey

POLL_SECONDS = 1.0
"""A server signs at most one head a second."""


class VerifiedLog(Protocol):
    """Verified as it is made. To be closed."""

    @property
    def entries(self) -> VerifiedEntries: ...
    @property
    def head(self) -> Older: ...
    @property
    def poll_seconds(self) -> float:
        """How long to wait before ``refresh`` can find something new."""

    def refresh(self) -> None:
        """Takes in what has come since. Raises Fault and Unreadable; what was verified before can still be read."""

    def close(self) -> None: ...


def trusted(vkeys: Sequence[str], not_older_than: bytes | None = None) -> Expected:
    """Raises TlogError for what is no key or no head."""
    older = None if not_older_than is None else keep(not_older_than)
    expected = Expected(tuple(dict.fromkeys(map(parse_vkey, vkeys))), older)
    if not expected.log_keys:
        raise ProgrammingError("a key of the log is needed (vkey): without one, anybody's log would do")
    return expected


class BundleLog:
    """Never grows."""

    poll_seconds = POLL_SECONDS

    def __init__(self, place: Path, expected: Expected, checks: Checks = ALL) -> None:
        self.entries = VerifiedEntries()
        self._intake = Intake(self.entries, expected, checks)
        try:
            self._intake.take(open_source(place).members())
        except BaseException:
            self.close()
            raise

    @property
    def head(self) -> Older:
        return _verified(self._intake)

    def refresh(self) -> None:
        """There is nothing new."""

    def close(self) -> None:
        self.entries.close()


class ServerLog:
    """Up to the newest head that the server has signed. Closes ``client`` too."""

    def __init__(
        self, place: Place, client: Client, expected: Expected, *, kept: Path | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:  # fmt: skip
        self.entries = VerifiedEntries()
        self.poll_seconds = poll_seconds
        self._place = place
        self._client = client
        self._asking = RLock()
        self._kept = ExitStack()
        self._asked = time.monotonic()
        try:
            self._begin(expected, kept)
        except BaseException:
            self.close()
            raise

    @property
    def head(self) -> Older:
        return _verified(self._intake)

    def refresh(self) -> None:
        """Asks the server at most once in ``poll_seconds``."""
        with self._asking:
            if time.monotonic() - self._asked < self.poll_seconds:
                return
            self._take_new()
            self._asked = time.monotonic()

    def close(self) -> None:
        self._client.close()
        self.entries.close()
        self._kept.close()

    def _begin(self, expected: Expected, kept: Path | None) -> None:
        directory = None if kept is None else self._kept.enter_context(open_kept(kept))
        if directory is not None:
            expected = replace(expected, older=kept_head(directory))
        while True:
            self._source = RemoteSource(self._place, self._client, directory, expected.cosigners)
            self._intake = Intake(self.entries, expected)
            try:
                self._intake.take(self._source.members())
            except Fault:
                if directory is None or not self._source.reused:
                    raise
                # Perhaps it is what was kept that is damaged, and not the server's log.
                directory.remove_tiles()
            else:
                break
        self._source.tidy()
        self._asked = time.monotonic()

    def _take_new(self) -> None:
        before, now = self.head.checkpoint, parse_head(self._source.newest())
        if now == before:
            return
        if now.size < before.size:
            problem = f"size {now.size}, but a head of size {before.size} was signed before: stale"
            raise Fault("freshness", "stale", path(Single.NEWEST), problem)
        self._intake.take(self._source.members(self._intake.group))
        self._source.tidy()


def parse_head(note: bytes) -> Checkpoint:
    """Signatures are not looked at."""
    return parse_checkpoint(parse_note(note).text)


def _verified(intake: Intake) -> Older:
    assert intake.head is not None, "a log that was opened has a head"  # noqa: S101  # a mistake here, not of the log
    return intake.head
