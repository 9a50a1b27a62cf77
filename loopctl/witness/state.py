"""What a witness must never forget: the newest head that it has cosigned of each log."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

FILE = "heads.sqlite3"
TABLE = "CREATE TABLE IF NOT EXISTS head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL)"
PATIENCE_SECONDS = 10.0


class Cosigned(Struct, frozen=True):
    size: int
    note: bytes
    """The head with the lines of its log and the witness's own."""


class Turn:
    """One log's turn: what was read stays true until what is recorded is on the disk."""

    def __init__(self, connection: sqlite3.Connection, origin: str) -> None:
        self._connection = connection
        self._origin = origin

    def last(self) -> Cosigned | None:
        row = self._connection.execute("SELECT size, note FROM head WHERE origin = ?", (self._origin,)).fetchone()
        return None if row is None else Cosigned(*row)

    def record(self, cosigned: Cosigned) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO head VALUES (?, ?, ?)",
            (self._origin, cosigned.size, cosigned.note),
        )


class State:
    """In a directory. Several threads and processes may use it at the same time."""

    def __init__(self, directory: Path) -> None:
        """Raises sqlite3.Error when it cannot be used."""
        self._file = directory / FILE
        with self._open() as connection:
            connection.execute(TABLE)

    @contextmanager
    def turn(self, origin: str) -> Iterator[Turn]:
        """Others wait. What was recorded is durable when the block has ended, and gone when it raises."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Turn(connection, origin)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def last(self, origin: str) -> Cosigned | None:
        with self._open() as connection:
            return Turn(connection, origin).last()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._file, timeout=PATIENCE_SECONDS, isolation_level=None)
        try:
            # A journal that is only truncated could come back after a power cut, and with it an older head.
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection
        finally:
            connection.close()
