"""What is recorded as applied, and how that compares with the files of this version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import asyncpg
from msgspec import Struct

from migrations.files import MIGRATIONS, Migration, RecordedFile, check_recorded, load

EXISTS = "SELECT to_regclass('app.schema_migration') IS NOT NULL AS found"

READ = """
    SELECT number, name, phase, checksum
      FROM app.schema_migration
     ORDER BY number
     LIMIT 10000
"""


class Reader(Protocol):
    """A connection, or a transaction of the event store."""

    async def fetch(self, query: str, /, *arguments: object) -> list[asyncpg.Record]: ...


class SchemaState(Struct, frozen=True):
    """``serves``: this code may run on it, which also holds between the two phases of a deployment.

    ``sentence`` says what is missing or unknown; it is empty when the schema is current.
    """

    state: Literal["current", "behind", "newer"]
    serves: bool
    sentence: str = ""


async def read_ledger(reader: Reader) -> list[RecordedFile]:
    """In order of their numbers; none in a database that was never migrated."""
    if not (await reader.fetch(EXISTS))[0]["found"]:
        return []
    return [RecordedFile(*row.values()) for row in await reader.fetch(READ)]


async def check_schema(reader: Reader, *, directory: Path = MIGRATIONS) -> SchemaState:
    """For the start of a process. Raises ChecksumChanged when a file is not the one that was applied."""
    return compare(load(directory), await read_ledger(reader))


def compare(files: Sequence[Migration], recorded: Sequence[RecordedFile]) -> SchemaState:
    """Old code runs on what newer code expanded (pre); new code runs before what it contracts (post) is gone."""
    check_recorded(files, recorded)
    known = {file.number for file in files}
    applied = {row.number for row in recorded}
    unknown = [row for row in recorded if row.number not in known]
    waiting = [file for file in files if file.number not in applied]
    if unknown:
        serves = not waiting and all(row.phase == "pre" for row in unknown)
        numbers = ", ".join(f"{row.number:04}" for row in unknown)
        return SchemaState("newer", serves, f"The database has migrations that this version does not know: {numbers}.")
    if waiting:
        serves = all(file.phase == "post" for file in waiting)
        names = ", ".join(file.file_name for file in waiting)
        return SchemaState("behind", serves, f"The database lacks migrations of this version: {names}.")
    return SchemaState("current", serves=True)
