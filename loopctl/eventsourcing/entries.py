"""The entries that were verified, in a temporary database of this process: what is read later is what was checked."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import NamedTuple

from msgspec.json import encode

from loopctl.tlog.entry import decode_head

TABLES = """
CREATE TABLE entry (position INTEGER PRIMARY KEY, type TEXT, originator TEXT, version INTEGER, raw BLOB);
CREATE INDEX by_originator ON entry (originator, version);
CREATE INDEX by_type ON entry (type, position);
"""
BEGIN = "BEGIN"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"
SIZE = "SELECT coalesce(max(position) + 1, 0) FROM entry"
ADD = "INSERT INTO entry VALUES (?, ?, ?, ?, ?)"
IN_ORDER = """
SELECT position, type, originator, version, raw FROM entry
 WHERE position >= ? AND position < ? ORDER BY position LIMIT ?
"""
OF_TYPES = """
SELECT position, type, originator, version, raw FROM entry
 WHERE type IN (SELECT value FROM json_each(?)) AND position >= ? AND position < ? ORDER BY position LIMIT ?
"""
OF_ORIGINATOR = """
SELECT position, type, originator, version, raw FROM entry
 WHERE originator = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?
"""
NEWEST_OF_ORIGINATOR = """
SELECT position, type, originator, version, raw FROM entry
 WHERE originator = ? AND version > ? AND version <= ? ORDER BY version DESC LIMIT ?
"""
LAST_BEFORE = """
SELECT position, version FROM entry WHERE originator = ? AND position < ? ORDER BY version DESC LIMIT 1
"""


class Stored(NamedTuple):
    position: int
    type: str
    originator: str
    version: int
    """From 1 on, as the library counts the events of an aggregate."""
    raw: bytes


def originator_id(kind: str, id_: str) -> str:
    """The stream of an entity: kinds have no colon, and two kinds may have the same id."""
    return f"{kind}:{id_}"


class VerifiedEntries:
    """For several threads, each of which waits for a round of another. To be closed."""

    def __init__(self) -> None:
        self._lock = RLock()
        # The empty name is a file that nobody else sees, and that is gone with the connection.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(TABLES)

    @property
    def size(self) -> int:
        with self._lock:
            size: int = self._database.execute(SIZE).fetchone()[0]
            return size

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Nobody reads what is added before the end, and after an exception nothing was added."""
        with self._lock:
            self._database.execute(BEGIN)
            try:
                yield
            except BaseException:
                self._database.execute(ROLLBACK)
                raise
            self._database.execute(COMMIT)

    def add(self, first: int, entries: Sequence[bytes]) -> None:
        """Those that are there already are left out."""
        new = max(self.size, first)
        with self._lock:
            self._database.executemany(ADD, map(_stored, range(new, first + len(entries)), entries[new - first :]))

    def in_order(self, first: int, end: int, limit: int, types: Sequence[str] = ()) -> list[Stored]:
        """From position ``first`` up to ``end``; of all types when none is given."""
        with self._lock:
            if types:
                rows = self._database.execute(OF_TYPES, (encode(list(types)).decode(), first, end, limit))
            else:
                rows = self._database.execute(IN_ORDER, (first, end, limit))
            return [Stored(*row) for row in rows]

    def of_originator(self, originator: str, versions: tuple[int, int], limit: int, *, desc: bool) -> list[Stored]:
        """``versions``: greater than the first, up to the second. A negative limit is none."""
        with self._lock:
            statement = NEWEST_OF_ORIGINATOR if desc else OF_ORIGINATOR
            return [Stored(*row) for row in self._database.execute(statement, (originator, *versions, limit))]

    def last_before(self, originator: str, position: int) -> tuple[int, int] | None:
        """Position and version of the originator's last entry before ``position``."""
        with self._lock:
            found: tuple[int, int] | None = self._database.execute(LAST_BEFORE, (originator, position)).fetchone()
            return found

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _stored(position: int, raw: bytes) -> Stored:
    head = decode_head(raw)
    return Stored(position, head.type, originator_id(*head.entity), head.eseq + 1, raw)
