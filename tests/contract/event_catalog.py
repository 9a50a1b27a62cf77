"""docs/events.md, made from the event types: ``python -m tests.contract.event_catalog`` writes it anew."""

import inspect as python
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec import NODEFAULT, inspect, json

from domain.audit_shapes import AUDIT_SHAPES
from domain.event import Event
from domain.events import EVENTS
from tests.house.tree import CHECKOUT

DOCUMENT = CHECKOUT / "docs/events.md"

HEAD = """# Events

Everything that an entry of a tenant's log can say, made from the code (`tests/contract/event_catalog.py`). An entry's
`type` is the tag, its `entity` is the kind and the id of the stream, its `data` an object with the fields listed here,
all of them always present. *Audit* is what the audit trail and the change feed call it. A field that an older entry
does not have counts as its default.
"""

NAMES: dict[type[inspect.Type], str] = {
    inspect.StrType: "string",
    inspect.IntType: "integer",
    inspect.BoolType: "boolean",
    inspect.NoneType: "null",
    inspect.UUIDType: "UUID",
    inspect.DateTimeType: "time",
    inspect.DateType: "date",
    inspect.BytesType: "base64",
    inspect.AnyType: "any",
}


def document(events: Sequence[type[Event]] = EVENTS) -> str:
    in_order = sorted(events, key=lambda kind: (kind.stream_kind(), kind.TAG))
    parts = [HEAD]
    for stream, kinds in groupby(in_order, key=lambda kind: kind.stream_kind()):
        parts += [f"\n## Streams of kind `{stream}`\n", *map(_section, kinds)]
    return "".join(parts)


def _section(kind: type[Event]) -> str:
    audit = AUDIT_SHAPES.get(kind)
    name = f"`{audit.entity_type}` `{audit.action}`" if audit else "none"
    text = f"{python.cleandoc(kind.__doc__)}\n\n" if kind.__doc__ else ""
    erasable = ", ".join(f"`{member}`" for member in kind.ERASABLE)
    apart = f"Beside the log, and erasable: {erasable}\n\n" if erasable else ""
    return f"\n### `{kind.TAG}`\n\n{text}{apart}Audit: {name}\n{''.join(_table(kind))}"


def _table(kind: type[Event]) -> Iterator[str]:
    fields = inspect.type_info(kind).fields  # type: ignore[attr-defined]  # of a Struct it is a StructType
    if fields:
        yield "\n| field | type | default |\n|---|---|---|\n"
    for field in fields:
        yield f"| `{field.encode_name}` | {_cell(type_name(field.type))} | {_cell(_default(field))} |\n"


def _default(field: inspect.Field) -> str:
    if field.required:
        return ""
    if field.default is NODEFAULT and field.default_factory is NODEFAULT:
        return "left out"
    value = field.default_factory() if field.default is NODEFAULT else field.default
    return f"`{json.encode(value).decode()}`"


def type_name(kind: Any, inside: tuple[type, ...] = ()) -> str:  # noqa: PLR0911  # one answer for each type
    """As the JSON in the log has it. ``inside`` are the Structs around it: one within itself is only named."""
    match kind:
        case inspect.Metadata(type=inner):
            return type_name(inner, inside)
        case inspect.UnionType(types=types):
            return " | ".join(type_name(each, inside) for each in types)
        case inspect.LiteralType(values=values):
            return _one_of(values)
        case inspect.EnumType(cls=members):
            return _one_of(members)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"list of ({type_name(item, inside)})"
        case inspect.TupleType(item_types=items):
            return f"[{', '.join(type_name(each, inside) for each in items)}]"
        case inspect.DictType(value_type=values):
            return f"object of ({type_name(values, inside)})"
        case inspect.StructType():
            return kind.cls.__name__ if kind.cls in inside else _members(kind, (*inside, kind.cls))
        case _:
            return NAMES[type(kind)] + _bounds(kind)


def _members(kind: inspect.StructType, inside: tuple[type, ...]) -> str:
    tag = [f"`{kind.tag_field}`: `{json.encode(kind.tag).decode()}`"] if kind.tag_field else []
    members = [f"`{field.encode_name}`: {type_name(field.type, inside)}" for field in kind.fields]
    return f"{{{', '.join([*tag, *members])}}}"


def _one_of(values: Iterable[object]) -> str:
    return " | ".join(f"`{json.encode(value).decode()}`" for value in values)


def _bounds(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType(max_length=int(most)):
            return f" (at most {most})"
        case inspect.IntType(ge=least, le=most) if least is not None or most is not None:
            return f" ({'' if least is None else f'{least} '}to{'' if most is None else f' {most}'})"
        case _:
            return ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
