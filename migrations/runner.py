"""Applies the migration files, each once, in order, whoever else is trying at the same time."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from msgspec import Struct

from migrations.connection import DATABASE_ERRORS, connected, in_words
from migrations.errors import (
    BootstrapRefused,
    ChecksumChanged,
    DuplicateNumber,
    MigrationBusy,
    MigrationError,
    MigrationFailed,
    Misnamed,
    OutOfOrder,
    SchemaNewer,
)
from migrations.files import MIGRATIONS, Migration, Phase, chosen, load, pending
from migrations.ledger import SchemaState, check_schema, read_ledger

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

__all__ = [
    "Applied",
    "BootstrapRefused",
    "ChecksumChanged",
    "DuplicateNumber",
    "MigrationBusy",
    "MigrationError",
    "MigrationFailed",
    "Misnamed",
    "OutOfOrder",
    "Phase",
    "SchemaNewer",
    "SchemaState",
    "check_schema",
    "migrate",
]

LOCK = 0x6C6F_6F70_6D69_6772
"""``loopmigr`` in ASCII. A session lock, per database: it ends with the runner, however that ends."""

TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
BECOME_OWNER = "SET ROLE loopctl_owner"

RECORD = """
    INSERT INTO app.schema_migration (number, name, phase, checksum, duration_ms)
    VALUES ($1, $2, $3, $4, $5)
"""

FILE_SECONDS = 20 * 60.0
"""The server's own limit for the role is shorter and gives the better message; this one is for a server that hangs."""


class Applied(Struct, frozen=True):
    """A file that this run has applied."""

    file_name: str
    duration_ms: int


async def migrate(
    migrator_url: str, *, phase: Phase = "all", directory: Path = MIGRATIONS, wait_seconds: float = 300.0
) -> list[Applied]:
    """Brings the schema up to date and says what it did. Raises MigrationError.

    ``wait_seconds`` is for another runner to finish. The address must not go through a pooler: the lock is the
    session's.
    """
    files = load(directory)
    async with connected(migrator_url) as connection:
        await connection.execute(BECOME_OWNER)
        await _lock(connection, wait_seconds)
        waiting = chosen(pending(files, await read_ledger(connection)), phase)
        return [await _apply(connection, file) for file in waiting]


async def _lock(connection: "Connection", wait_seconds: float) -> None:
    """Asks again and again: a blocking wait would end with the role's lock_timeout, which is meant for tables."""
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while not await connection.fetchval(TRY_LOCK, LOCK):
        if asyncio.get_running_loop().time() > deadline:
            raise MigrationBusy(f"Another migration of this database is still running after {wait_seconds:.0f} s.")
        await asyncio.sleep(0.1)


async def _apply(connection: "Connection", file: Migration) -> Applied:
    began = asyncio.get_running_loop().time()
    try:
        if file.in_transaction:
            await _apply_whole(connection, file, began)
        else:
            await _apply_singly(connection, file, began)
    except DATABASE_ERRORS as error:
        raise MigrationFailed(f"{file.file_name} failed{_line(file, error)}: {in_words(error)}.") from error
    return Applied(file.file_name, _since(began))


async def _apply_whole(connection: "Connection", file: Migration, began: float) -> None:
    """File and record in one transaction: a crash leaves both or neither."""
    async with connection.transaction():
        await connection.execute(file.sql, timeout=FILE_SECONDS)
        if not connection.is_in_transaction():
            raise MigrationFailed(
                f"{file.file_name} ends the transaction that it runs in: take COMMIT or ROLLBACK out."
            )
        await _record(connection, file, began)


async def _apply_singly(connection: "Connection", file: Migration, began: float) -> None:
    """A crash before the record leaves statements that did happen: such a file must bear being run again."""
    for statement in file.statements:
        await connection.execute(statement, timeout=FILE_SECONDS)
    await _record(connection, file, began)


async def _record(connection: "Connection", file: Migration, began: float) -> None:
    await connection.execute(RECORD, file.number, file.name, file.phase, file.checksum, _since(began))


def _since(began: float) -> int:
    return round((asyncio.get_running_loop().time() - began) * 1000)


def _line(file: Migration, error: Exception) -> str:
    """`` in line N`` when the server said where."""
    position = getattr(error, "position", None)
    if not position or not file.in_transaction:
        return ""
    return f" in line {file.sql[: int(position)].count(chr(10)) + 1}"
