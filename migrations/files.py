"""The migration files as data, and which of them may be applied to what is recorded."""

import hashlib
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from migrations.errors import ChecksumChanged, DuplicateNumber, Misnamed, OutOfOrder, SchemaNewer

MIGRATIONS = Path(__file__).parent

Phase = Literal["pre", "post", "all"]
"""``pre`` expands: the old code runs on it. ``post`` contracts: when no old code runs any more. Both have one order."""

NAME = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.(pre|post)\.sql")
NO_TRANSACTION = "-- no-transaction"
NEXT_STATEMENT = "-- next statement"


class Migration(Struct, frozen=True):
    """One file. ``checksum`` is the SHA-256 of its bytes in hex."""

    number: int
    name: str
    phase: str
    checksum: str
    sql: str

    @property
    def file_name(self) -> str:
        return f"{self.number:04}_{self.name}.{self.phase}.sql"

    @property
    def in_transaction(self) -> bool:
        return self.sql.partition("\n")[0].strip() != NO_TRANSACTION

    @property
    def statements(self) -> list[str]:
        """One text, or, outside a transaction, where PostgreSQL wants them singly, the parts between the markers."""
        return [self.sql] if self.in_transaction else self.sql.split(f"\n{NEXT_STATEMENT}\n")


class RecordedFile(Struct, frozen=True):
    """One row of the ledger."""

    number: int
    name: str
    phase: str
    checksum: str


def load(directory: Path) -> list[Migration]:
    """The files in order of their numbers. Raises DuplicateNumber, Misnamed."""
    files = sorted(map(_read, directory.glob("*.sql")), key=lambda migration: migration.number)
    for one, other in itertools.pairwise(files):
        if one.number == other.number:
            raise DuplicateNumber(
                f"{one.file_name} and {other.file_name} have the same number: renumber the newer one."
            )
    return files


def pending(files: Sequence[Migration], recorded: Sequence[RecordedFile]) -> list[Migration]:
    """What is to be applied, in order; the recorded ones are the first of the files, unchanged, or this raises."""
    check_recorded(files, recorded)
    check_unknown(files, recorded)
    applied = {row.number for row in recorded}
    newest = max(applied, default=0)
    for file in files:
        if file.number < newest and file.number not in applied:
            raise OutOfOrder(
                f"{file.file_name} was added before number {newest:04}, which is applied: give it a higher number."
            )
    return [file for file in files if file.number > newest]


def check_recorded(files: Sequence[Migration], recorded: Sequence[RecordedFile]) -> None:
    """Raises ChecksumChanged when a file that is applied is not the one that was applied."""
    by_number = {file.number: file for file in files}
    for row in recorded:
        file = by_number.get(row.number)
        if file and (file.name, file.phase, file.checksum) != (row.name, row.phase, row.checksum):
            raise ChecksumChanged(
                f"{file.file_name} is not the file that was applied to this database: "
                "restore it, and put the change into a new migration."
            )


def check_unknown(files: Sequence[Migration], recorded: Sequence[RecordedFile]) -> None:
    """Raises SchemaNewer when a recorded number has no file."""
    unknown = sorted({row.number for row in recorded} - {file.number for file in files})
    if unknown:
        numbers = ", ".join(f"{number:04}" for number in unknown)
        raise SchemaNewer(
            f"The database has migrations that this version does not know ({numbers}): run a newer loopctl."
        )


def chosen(waiting: Sequence[Migration], phase: Phase) -> list[Migration]:
    """The first of ``waiting`` that are of the phase. Raises OutOfOrder when one waits behind the other phase."""
    if phase == "all":
        return list(waiting)
    others = [file for file in waiting if file.phase != phase]
    ours = [file for file in waiting if file.phase == phase]
    if others and ours and ours[-1].number > others[0].number:
        raise OutOfOrder(
            f"{ours[-1].file_name} comes after {others[0].file_name}, which is not applied yet: "
            f"run the phase {others[0].phase} first (or all, when no old code runs)."
        )
    return ours


def _read(path: Path) -> Migration:
    match = NAME.fullmatch(path.name)
    if match is None or int(match[1]) == 0:
        raise Misnamed(f"{path.name} is not named NNNN_name.pre.sql or NNNN_name.post.sql.")
    content = path.read_bytes()
    return Migration(int(match[1]), match[2], match[3], hashlib.sha256(content).hexdigest(), content.decode())
