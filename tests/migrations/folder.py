"""A folder of migrations that a test may change."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from migrations.files import MIGRATIONS

FOUNDATION = "0001_foundation.pre.sql"


class Folder(Struct, frozen=True):
    """Starts empty; ``found`` puts the real first migration in, which makes the ledger."""

    path: Path

    def found(self) -> "Folder":
        return self.write({FOUNDATION: (MIGRATIONS / FOUNDATION).read_text()})

    def write(self, files: Mapping[str, str]) -> "Folder":
        for name, sql in files.items():
            (self.path / name).write_text(sql)
        return self

    def without(self, name: str) -> "Folder":
        (self.path / name).unlink()
        return self
