"""What a command prints: JSON as the server sent it, tables for people, CSV for spreadsheets."""

import csv
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec.json import encode
from msgspec.json import format as laid_out

Format = Literal["json", "human", "csv"]
Columns = Sequence[str]
"""Members of an item; a dot leads into an object."""

PROJECT: Columns = ("id", "name", "slug", "status")
STORY: Columns = ("number", "title", "agent_status", "verified_status", "id")
KEY: Columns = ("id", "name", "role", "key_prefix", "agent_id", "revoked_at")
EVENT: Columns = ("inserted_at", "entity_type", "action", "actor_label", "entity_id")

LONG = frozenset(("tenant_id", "sort_key", "metadata", "acceptance_criteria", "artifacts", "dependencies", "revision"))
"""Members that people see only when they ask for them."""


class Output:
    def __init__(self, form: str | None, fields: str | None = None) -> None:
        default = "human" if sys.stdout.isatty() else "json"
        self.form: Format = form if form in ("json", "human", "csv") else default  # type: ignore[assignment]  # compared
        self._fields = tuple(filter(None, (fields or "").split(",")))

    @property
    def for_people(self) -> bool:
        return self.form == "human"

    def body(self, body: Any, columns: Columns = ()) -> None:
        """A whole answer: a list in ``data``, or an object alone in a member."""
        items = body.get("data") if isinstance(body, dict) else None
        if self.form == "json" or (not isinstance(items, list) and self.form == "csv"):
            write_json(body)
        elif isinstance(items, list):
            self._rows(items, self._fields or columns)
            if self.for_people and (more := _more(body, len(items))):
                note(more)
        elif isinstance(body, dict):
            self._object(body)
        elif body is not None:
            print_line(str(body))

    def line(self, item: Mapping[str, Any], columns: Columns) -> None:
        """One of a stream of items."""
        if self.form == "json":
            print_line(encode(item).decode())
        else:
            print_line((" " if self.for_people else ",").join(cell(item, name) for name in self._fields or columns))

    def note(self, text: str) -> None:
        """For people only: what happened, what comes next."""
        if self.for_people:
            note(text)

    def _rows(self, items: list[Any], columns: Columns) -> None:
        columns = columns or (tuple(items[0])[:6] if items and isinstance(items[0], dict) else ())
        rows = [[cell(item, name) for name in columns] for item in items]
        if self.form == "csv":
            writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
        elif not rows:
            note("(none)")
        else:
            # Slow to load, and only people want it.
            from loopctl.cli.tables import write_table  # noqa: PLC0415  # as said

            write_table(columns, rows)

    def _object(self, body: Mapping[str, Any]) -> None:
        shown = _inner(body)
        names = self._fields or tuple(name for name in shown if name not in LONG and shown[name] is not None)
        width = max(map(len, names), default=0)
        for name in names:
            print_line(f"{name:{width}}  {cell(shown, name)}")
        for criterion in () if self._fields else shown.get("acceptance_criteria") or ():
            words = criterion.get("description") or criterion.get("criterion") or ""
            print_line(f"  {criterion.get('id', '-')}  {words}")


def write_json(body: Any) -> None:
    print_line(laid_out(encode(body)).decode())


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def cell(item: Any, name: str) -> str:
    for part in name.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    match item:
        case None:
            return ""
        case str():
            return item
        case bool():
            return str(item).lower()
        case _:
            return encode(item).decode()


def _inner(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an answer is about: what stands alone in it, or its story with the lease beside it."""
    story = body.get("story")
    if isinstance(story, dict):
        return {**story, **{name: body[name] for name in ("lease",) if name in body}}
    only = next(iter(body.values()), None) if len(body) == 1 else None
    return only if isinstance(only, dict) else body


def _more(body: Mapping[str, Any], shown: int) -> str:
    meta = body.get("meta") or body.get("pagination") or {}
    total = meta.get("total_count", meta.get("total", 0))
    return f"{shown} of {total}; all: --all" if total > shown else ""
