"""Tables for people: as wide as the terminal, what is too long ends in an ellipsis, what identifies is whole.

Columns that do not fit stand on a second line under their row. Without a terminal nothing is shortened.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size

from loopctl.cli.plain import one_line
from loopctl.cli.streams import ESCAPED

COLOURS = {"verified": 32, "good": 32, "rejected": 31, "bad": 31, "reported_done": 33, "implementing": 36}
"""As terminals count them."""
WHOLE = frozenset(("number", "slug", "key_prefix", "project", "check", "action"))
"""What somebody copies from a table into the next command; every id and every time too."""
LINES = frozenset(("finding", "next", "blocked_by"))
"""Instructions, which are wrapped."""
NAME, CELL, TITLE = 6, 13, 40
"""What a column has at least of its name and of its cells, and how much of a title is worth more than an id."""
GAP, INDENT = "  ", "    "

Row = Sequence[str]


class Sizes(NamedTuple):
    """Of columns: what their names and cells need, and what their cells do."""

    natural: Sequence[int]
    cells: Sequence[int]


class Band(NamedTuple):
    """Columns that stand beside each other: their places, and their widths."""

    places: Sequence[int]
    widths: Sequence[int]


def write_table(columns: Row, rows: Sequence[Row]) -> None:
    sys.stdout.writelines(line + "\n" for line in table(columns, rows, terminal_width(), colours=_colours()))
    sys.stdout.flush()


def terminal_width() -> int | None:
    """None where there is none."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    return (os.get_terminal_size(sys.stdout.fileno()).columns or 80) if sys.stdout.isatty() else None


def table(columns: Row, rows: Sequence[Row], width: int | None, *, colours: bool = False) -> Iterator[str]:
    names = [_showable(name.rpartition(".")[2].replace("_", " ")) for name in columns]
    shown = [[_showable(_short_time(value)) for value in row] for row in rows]
    cells = [max(map(cell_len, values)) for values in zip(*shown, strict=True)]
    natural = [max(cell_len(name), size) for name, size in zip(names, cells, strict=True)]
    if width is not None and "number" in columns and columns[-1] == "id":
        worth = sum(min(size, TITLE) for size in natural) + len(GAP) * (len(columns) - 1)
        if worth > width:
            # A story's number names it, within the project that is said or that stands beside it.
            columns, names, natural, cells = columns[:-1], names[:-1], natural[:-1], cells[:-1]
    bands = _bands(columns, Sizes(natural, cells), width)
    yield from _lines(columns, names, bands)
    yield from _rule(bands)
    for row in shown:
        yield from _lines(columns, row, bands, colours=colours)


def _bands(columns: Row, sizes: Sizes, width: int | None) -> Sequence[Band]:
    if width is None:
        return [Band(range(len(columns)), sizes.natural)]
    bands: list[list[int]] = [[]]
    for place in range(len(columns)):
        tried = [*bands[-1], place]
        room = width - (len(INDENT) if len(bands) > 1 else 0)
        if bands[-1] and sum(_narrowest(columns, sizes, at) for at in tried) + len(GAP) * len(bands[-1]) > room:
            bands.append([place])
        else:
            bands[-1] = tried
    return [
        Band(places, _fitted(columns, sizes, places, width - (len(INDENT) if index else 0)))
        for index, places in enumerate(bands)
    ]


def _fitted(columns: Row, sizes: Sizes, places: Sequence[int], room: int) -> Sequence[int]:
    """The widest that may be shortened is, until all fit; before any cell, names that are wider than their cells."""
    widths = {place: min(sizes.natural[place], room) for place in places}
    least = {place: min(_narrowest(columns, sizes, place), room) for place in places}
    spare = room - len(GAP) * (len(places) - 1)
    while sum(widths.values()) > spare:
        wide = [(widths[place] > sizes.cells[place], widths[place], place) for place in places]
        longest = max((each for each in wide if each[1] > least[each[2]]), default=None)
        if longest is None:
            break
        widths[longest[2]] -= 1
    return list(widths.values())


def _narrowest(columns: Row, sizes: Sizes, place: int) -> int:
    if _identifies(columns[place]):
        return sizes.natural[place]
    return min(sizes.natural[place], max(NAME, min(sizes.cells[place], CELL)))


def _identifies(column: str) -> bool:
    return column in WHOLE or column.rpartition("_")[2] in ("id", "at")


def _lines(columns: Row, row: Row, bands: Sequence[Band], *, colours: bool = False) -> Iterator[str]:
    for index, band in enumerate(bands):
        sized = zip(band.places, band.widths, strict=True)
        cells = [list(_cell(columns[place], row[place], width)) for place, width in sized]
        for line in range(max(map(len, cells))):
            parts = [
                _coloured(set_cell_size(each[line] if line < len(each) else "", width), colours=colours)
                for each, width in zip(cells, band.widths, strict=True)
            ]
            yield ((INDENT if index else "") + GAP.join(parts)).rstrip()


def _cell(column: str, value: str, width: int) -> Iterator[str]:
    if cell_len(value) <= width:
        yield value
    elif column in LINES:
        yield from _wrapped(value, width)
    elif _identifies(column):
        # A terminal narrower than an id: it goes on in the next line, and no letter of it is lost.
        yield from chop_cells(value, width)
    else:
        dots = _showable("…") if len(_showable("…")) == 1 else "..."
        yield set_cell_size(value, max(0, width - len(dots))).rstrip() + dots[:width]


def _wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in chain.from_iterable(chop_cells(word, width) for word in text.split(" ")):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _rule(bands: Sequence[Band]) -> Iterator[str]:
    dash = _showable("─") if len(_showable("─")) == 1 else "-"
    yield GAP.join(dash * width for width in bands[0].widths)


def _coloured(text: str, *, colours: bool) -> str:
    colour = COLOURS.get(text.rstrip()) if colours else None
    return text if colour is None else f"\x1b[{colour}m{text}\x1b[0m"


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _showable(text: str) -> str:
    """As it will stand there: what the encoding lacks is wider."""
    encoding = sys.stdout.encoding or "utf-8"
    return one_line(text).encode(encoding, ESCAPED).decode(encoding)


def _short_time(text: str) -> str:
    """2026-03-27T12:00:00.123456Z without its fraction, which only machines read."""
    return f"{text[:19]}Z" if len(text) == 27 and text[10] == "T" and text[19] == "." and text[-1] == "Z" else text
