"""What a command prints: JSON as the server sent it, tables for people, CSV for spreadsheets."""

import csv
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.json import encode
from msgspec.json import format as laid_out

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import Common
from loopctl.cli.plain import escaped, lines, one_line, spreadsheet_cell
from loopctl.cli.settings import Settings
from loopctl.cli.vocabulary import FORMATS, Format, nearest, one_of

Columns = Sequence[str]
"""Members of an item; a dot leads into an object."""

PROJECT: Columns = ("id", "name", "slug", "status")
STORY: Columns = ("number", "title", "agent_status", "verified_status", "id")
KEY: Columns = ("id", "name", "role", "key_prefix", "agent_id", "revoked_at")
EVENT: Columns = ("inserted_at", "entity_type", "action", "actor_label", "entity_id")

LONG = frozenset(("tenant_id", "sort_key", "metadata", "acceptance_criteria", "artifacts", "dependencies", "revision"))
"""Members that people see only when they ask for them."""


class Output:
    def __init__(self, form: Format = "json", fields: str | None = None) -> None:
        self.form = form
        self._fields = tuple(filter(None, (fields or "").split(",")))

    @property
    def for_people(self) -> bool:
        return self.form == "human"

    def body(self, body: Any, columns: Columns = (), *, done: bool = False) -> None:
        """A whole answer: a list in ``data``, or an object alone in a member. Raises Stop for fields that are none,
        unless something was done: then they are said, and left out."""
        items = body.get("data") if isinstance(body, dict) else None
        shown = items if isinstance(items, list) else [_inner(body)] if isinstance(body, dict) else []
        fields = self._known(shown, columns, done=done)
        if self.form == "json" or (not isinstance(items, list) and self.form == "csv"):
            write_json(_only(body, fields) if fields else body)
        elif isinstance(items, list):
            self._rows(items, fields or columns)
        elif isinstance(body, dict):
            _write_object(_inner(body), fields)
        elif body is not None:
            print_line(str(body))
        if isinstance(items, list) and (more := _more(body, len(items))):
            note(more)

    def line(self, item: Any, columns: Columns, *, first: bool = False) -> None:
        """One of a stream of items."""
        if self.form == "json":
            print_line(json_text(item if not self._fields else _picked(item, self._fields)))
        elif self.for_people:
            print_line("  ".join(one_line(cell(item, name)) for name in self._fields or columns))
        else:
            _write_csv(self._fields or columns, [item], header=first)

    def note(self, text: str) -> None:
        """For people only: what happened, what comes next."""
        if self.for_people:
            note(text)

    def _known(self, items: Sequence[Any], columns: Columns, *, done: bool) -> Columns:
        """What is in none of the items is no field of theirs."""
        unknown = [name for name in self._fields if not any(_has(item, name) for item in items)]
        if not items or not unknown:
            return self._fields
        there = list(dict.fromkeys((*columns, *(name for item in items if isinstance(item, dict) for name in item))))
        problem, hint = f"There is no field {unknown[0]!r}.", f"{nearest(unknown[0], there)} There are: "
        if not done:
            raise Stop(Exit.USAGE, problem, f"{hint.lstrip()}{', '.join(there)}")
        note(f"{problem} {hint.lstrip()}{', '.join(there)}")
        return tuple(name for name in self._fields if name not in unknown)

    def _rows(self, items: list[Any], columns: Columns) -> None:
        columns = columns or (tuple(items[0])[:6] if items and isinstance(items[0], dict) else ())
        if self.form == "csv":
            _write_csv(columns, items, header=True)
        elif not items:
            note("(none)")
        elif not columns:
            print_line("\n".join(map(json_text, items)))
        else:
            # Slow to load, and only people want it.
            from loopctl.cli.tables import write_table  # noqa: PLC0415  # as said

            write_table(columns, [[cell(item, name) for name in columns] for item in items])


def output_for(common: Common, settings: Settings) -> Output:
    """Raises Stop for a format that there is not, with the place that says it."""
    kept = None if common.format else settings.get("format")
    if kept is not None:
        one_of(f"The format ({settings.origin('format')})", kept, FORMATS)
    return Output(common.format or kept or "json", common.fields)  # type: ignore[arg-type]  # compared


def write_json(body: Any) -> None:
    print_line(laid_out(json_text(body)))


def json_text(body: Any) -> str:
    """In one line."""
    try:
        return encode(body).decode()
    except UnicodeEncodeError:
        # A file's name whose bytes are no text.
        import json  # noqa: PLC0415  # hardly ever

        return json.dumps(body)


def print_line(text: str) -> None:
    sys.stdout.write(lines(text) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


def cell(item: Any, name: str) -> str:
    match _member(item, name):
        case None:
            return ""
        case str() as text:
            return text
        case value:
            return json_text(value)


def _member(item: Any, name: str) -> Any:
    for part in name.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return item


def _has(item: Any, name: str) -> bool:
    """Whether it can be there: an object that is null may have any member."""
    *path, last = name.split(".")
    for part in path:
        if not isinstance(item, dict) or part not in item:
            return False
        item = item[part]
    return item is None or (isinstance(item, dict) and last in item)


def _picked(item: Any, names: Columns) -> dict[str, Any]:
    return {name: _member(item, name) for name in names}


def _only(body: Any, names: Columns) -> Any:
    items = body.get("data")
    if isinstance(items, list):
        return {**body, "data": [_picked(item, names) for item in items]}
    return _picked(_inner(body), names)


def _write_csv(columns: Columns, items: Sequence[Any], *, header: bool) -> None:
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
    if header:
        writer.writerow(map(spreadsheet_cell, columns))
    for item in items:
        writer.writerow(_for_a_spreadsheet(_member(item, name)) for name in columns)
    sys.stdout.flush()


def _for_a_spreadsheet(value: Any) -> str:
    if isinstance(value, str):
        return escaped(spreadsheet_cell(value))
    return "" if value is None else escaped(json_text(value))


def _write_object(shown: Mapping[str, Any], fields: Columns) -> None:
    names = fields or tuple(name for name in shown if name not in LONG and shown[name] is not None)
    width = max(map(len, names), default=0)
    for name in names:
        # The lines of a text stay in its column, where none of them can be taken for another member.
        print_line(f"{one_line(name):{width}}  {cell(shown, name)}".replace("\n", "\n" + " " * (width + 2)))
    criteria = None if fields else shown.get("acceptance_criteria")
    for criterion in criteria if isinstance(criteria, list) else ():
        words = cell(criterion, "description") or cell(criterion, "criterion")
        print_line(f"  {one_line(cell(criterion, 'id') or '-')}  {one_line(words)}")


def _inner(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an answer is about: what stands alone in it, or its story with the lease beside it."""
    story = body.get("story")
    if isinstance(story, dict):
        return {**story, **{name: body[name] for name in ("lease",) if name in body}}
    only = next(iter(body.values()), None) if len(body) == 1 else None
    return only if isinstance(only, dict) else body


def _more(body: Mapping[str, Any], shown: int) -> str:
    """What is not here, and how it is had."""
    if body.get("has_more") and isinstance(body.get("cursor"), str):
        return f"There is more; the rest: --cursor {body['cursor']}"
    meta = body.get("meta") or body.get("pagination")
    total = meta.get("total_count", meta.get("total")) if isinstance(meta, dict) else None
    return f"{shown} of {total}; all: --all" if isinstance(total, int) and total > shown else ""
