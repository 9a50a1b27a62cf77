"""Tables for people."""

import sys
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = {"verified": "green", "pass": "green", "rejected": "red", "reported_done": "yellow", "implementing": "cyan"}
WIDE = {"title", "name", "blocked_by"}


def write_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(
            name.replace("_", " "), overflow="fold" if name in WIDE else "ignore", no_wrap=name not in WIDE
        )
    for row in rows:
        table.add_row(*(Text(value, style=COLOURS.get(value, "")) for value in row))
    # Off a terminal nobody's window is the limit.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)
