"""The library's application recorder over a log that was verified. Notification ids are positions plus one."""

import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any, NoReturn, Self
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from loopctl.audit.fault import Finding
from loopctl.audit.names import Single, path
from loopctl.audit.remote import Client, parse_url
from loopctl.eventsourcing.entries import Stored
from loopctl.eventsourcing.errors import NotVerified, ReadOnly, Unavailable, translated
from loopctl.eventsourcing.logs import POLL_SECONDS, BundleLog, ServerLog, VerifiedLog, trusted

AT_ONCE = 500
"""Notifications that a subscription reads in one go."""
OUTAGE_SECONDS = 60.0
"""How long a subscription goes on asking a server that does not answer."""
LARGEST = sys.maxsize
"""More than any position or version, and what SQLite can compare."""


def open_bundle(place: str | Path, vkeys: Sequence[str], not_older_than: bytes | None = None) -> "LogRecorder":
    """Over an export: a directory, or a .tar or .tar.gz as the server makes it.

    ``vkeys`` as for `loopctl log verify --vkey`, at least one of them the log's; ``not_older_than`` is a signed head
    that was kept. Raises NotVerified and Unavailable.
    """
    with translated():
        return LogRecorder(BundleLog(Path(place), trusted(vkeys, not_older_than)))


def open_server(
    address: str, api_key: str, vkeys: Sequence[str], *, keep: Path | None = None, poll_seconds: float = POLL_SECONDS
) -> "LogRecorder":
    """Over the log at an address that ends in /t/<tenant>, and whatever it grows by.

    ``keep`` is a directory: what was read is not read again from the server, and a log that does not extend the one
    that was read before is refused, also after a restart. Raises NotVerified and Unavailable.
    """
    with translated():
        expected, place = trusted(vkeys), parse_url(address)
        return LogRecorder(ServerLog(place, Client(api_key), expected, kept=keep, poll_seconds=poll_seconds))


class LogRecorder(ApplicationRecorder):
    """Reading raises NotVerified and Unavailable. To be closed."""

    def __init__(self, log: VerifiedLog) -> None:
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._log.close()

    @property
    def origin(self) -> str:
        """The log's name, signed with every head: no two tenants have the same."""
        return self._log.head.checkpoint.origin

    @property
    def head(self) -> bytes:
        """The newest signed head that was verified, to be kept."""
        return self._log.head.note

    @property
    def poll_seconds(self) -> float:
        return self._log.poll_seconds

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:  # noqa: ARG002  # theirs
        raise ReadOnly

    def select_events(
        self, originator_id: UUID | str, *, gt: int | None = None, lte: int | None = None, desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:  # fmt: skip
        if isinstance(originator_id, UUID) or ":" not in originator_id:
            raise ProgrammingError("a stream of a log has a kind and an id with a colon between them")
        self._refresh()
        versions = (0 if gt is None else gt, LARGEST if lte is None else lte)
        found = self._log.entries.of_originator(originator_id, versions, -1 if limit is None else limit, desc=desc)
        return [StoredEvent(each.originator, each.version, each.type, each.raw) for each in found]

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:  # fmt: skip
        first = 1 if start is None else start + (not inclusive_of_start)
        end = LARGEST if stop is None else stop
        found = self._log.entries.in_order(first - 1, end, limit, topics)
        if len(found) < limit and self._log.entries.size < end:
            self._refresh()
            found = self._log.entries.in_order(first - 1, end, limit, topics)
        return list(map(_notification, found))

    def max_notification_id(self) -> int | None:
        self._refresh()
        return self._log.entries.size or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        """Raises NotVerified when the log ends before ``gt``: whoever has seen that has seen another log."""
        size = self.max_notification_id() or 0
        if gt is not None and gt > size:
            problem = f"size {size}, but an entry after that was seen before: stale"
            raise NotVerified(Finding("freshness", "stale", path(Single.NEWEST), problem))
        return LogSubscription(self, gt, topics)

    def _refresh(self) -> None:
        with translated():
            self._log.refresh()


class LogSubscription(Subscription[LogRecorder]):
    """Waits at the end of the log, of a bundle's too, until it is stopped from another thread."""

    def __init__(self, recorder: LogRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._waiting: deque[Notification] = deque()
        self._stopped = Event()
        self._answered = time.monotonic()

    def stop(self) -> None:
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            if self._waiting:
                return self._waiting.popleft()
            if not self._read():
                self._stopped.wait(self._recorder.poll_seconds)
        raise StopIteration

    def _read(self) -> bool:
        """Whether something has come."""
        try:
            found = self._recorder.select_notifications(
                self._last_notification_id, AT_ONCE, topics=self._topics, inclusive_of_start=False
            )
        except Unavailable:
            if time.monotonic() - self._answered > OUTAGE_SECONDS:
                raise
            return False
        self._answered = time.monotonic()
        if found:
            self._last_notification_id = found[-1].id
        self._waiting.extend(found)
        return bool(found)


def _notification(stored: Stored) -> Notification:
    return Notification(stored.originator, stored.version, stored.type, stored.raw, id=stored.position + 1)
