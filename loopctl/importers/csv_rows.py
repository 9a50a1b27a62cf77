"""Spreadsheets as trackers export them: a line of names, columns of one name several times, cells of many lines."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from loopctl.importers.items import Problems, SourceFile

LARGEST_CELL = 1 << 22
"""Letters; a tracker's description has at most a few ten thousand."""
MOST_COLUMNS = 5000
DELIMITERS = (",", ";", "\t")


class Row(Struct, frozen=True):
    """``place`` says the line of the spreadsheet, with the names as 1."""

    place: str
    cells: dict[str, list[str]]

    def all(self, *names: str) -> list[str]:
        """What stands in the columns of these names, one value after the other."""
        return [cell for name in names for cell in self.cells.get(name.lower(), ())]

    def one(self, *names: str) -> str:
        return next(iter(self.all(*names)), "")

    def parts(self, *names: str) -> list[str]:
        """Of columns that have several values in a cell, with commas between."""
        return [part for cell in self.all(*names) for each in cell.split(",") if (part := each.strip())]


class Table(Struct, frozen=True):
    rows: Sequence[Row]

    def unread(self, known: frozenset[str]) -> Counter[str]:
        """Columns that nothing reads, with the number of rows that say something in them."""
        return Counter(name for row in self.rows for name, cells in row.cells.items() if cells and name not in known)


def table(problems: Problems, file: SourceFile, wanted: Sequence[str]) -> Table:
    """``wanted`` are columns without which it is none of that tracker's."""
    reader = csv.reader(io.StringIO(file.text, newline=""), delimiter=_delimiter(file.text), strict=True)
    before = csv.field_size_limit(LARGEST_CELL)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in wanted if name.lower() not in names]
        if missing or len(names) > MOST_COLUMNS:
            problems.add(file.name, f"has no column {missing[0]!r}" if missing else f"has {len(names)} columns")
            return Table([])
        return Table(list(_rows(problems, file, reader, names)))
    except csv.Error as error:
        problems.add(f"{file.name}: line {reader.line_num}", f"is no CSV: {error}")
        return Table([])
    finally:
        csv.field_size_limit(before)


def _rows(problems: Problems, file: SourceFile, reader: Iterator[list[str]], names: Sequence[str]) -> Iterator[Row]:
    for number, cells in enumerate(reader, 2):
        if not any(cell.strip() for cell in cells):
            continue
        place = f"{file.name}: row {number}"
        if len(cells) > len(names):
            problems.add(place, f"has {len(cells)} cells, and there are {len(names)} columns")
            continue
        found: dict[str, list[str]] = {}
        for name, cell in zip(names, cells, strict=False):
            if text := cell.strip():
                found.setdefault(name, []).append(text)
        yield Row(place, found)


def _delimiter(text: str) -> str:
    """Of the line of names: the one that stands there most."""
    first = text.split("\n", 1)[0]
    return max(DELIMITERS, key=first.count)
