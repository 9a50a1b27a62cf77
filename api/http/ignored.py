"""Members of a body that nothing here reads: taken, as clients of the reference send some, and said in the answer.

One rule for every JSON body: what the declared type does not name is listed by its place in ``ignored``, beside
whatever else a successful answer says.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct, inspect

MOST_NAMED = 100
"""Places that one answer names; the others are counted in ``ignored_more``."""
LONGEST_NAME = 64

Find = Callable[[bytes], list[str]]
NAMES = msgspec.json.Decoder(dict[str, Raw])


class Shape(Struct, frozen=True):
    """What is known of a value: an object's members, or an array's items. Of a member of None anything is right."""

    members: Mapping[str, "Shape | None"] | None = None
    items: "Shape | None" = None

    @property
    def is_flat(self) -> bool:
        return not any((self.members or {}).values()) and self.items is None


def shape_of(kind: Any) -> Shape | None:
    """Of a type; None when it names no members. A body that is read as any JSON says in ``FORM`` what it looks like."""
    return _shape(inspect.type_info(getattr(kind, "FORM", kind)))


def unknown_members(kind: Any) -> Find | None:
    """Finds them in a body that was decoded into the type without an error."""
    shape = shape_of(kind)
    if shape is None:
        return None
    known = frozenset(shape.members or ())
    if shape.is_flat:
        return lambda body: [name for name in NAMES.decode(body) if name not in known]
    return lambda body: list(_walk(shape, msgspec.json.decode(body), ""))


def told(body: bytes, names: list[str]) -> bytes:
    """An answer's object with one member more."""
    said: dict[str, Any] = {"ignored": [_shortened(name) for name in names[:MOST_NAMED]]}
    if len(names) > MOST_NAMED:
        said["ignored_more"] = len(names) - MOST_NAMED
    more = msgspec.json.encode(said)
    return more if body == b"{}" else body[:-1] + b"," + more[1:]


def _shortened(name: str) -> str:
    return name if len(name) <= 2 * LONGEST_NAME else f"{name[:LONGEST_NAME]}…{name[-LONGEST_NAME:]}"


def _shape(info: inspect.Type) -> Shape | None:
    match info:
        case inspect.StructType():
            return Shape({field.encode_name: _shape(field.type) for field in info.fields})
        case inspect.ListType() | inspect.VarTupleType():
            inner = _shape(info.item_type)
            return Shape(items=inner) if inner else None
        case inspect.UnionType():
            return next(filter(None, map(_shape, info.types)), None)
        case inspect.Metadata():
            return _shape(info.type)
        case _:
            return None


def _walk(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.members is not None and isinstance(value, dict):
        for name, each in value.items():
            here = f"{path}.{name}" if path else name
            if name not in shape.members:
                yield here
            elif (inner := shape.members[name]) is not None and each is not None:
                yield from _walk(inner, each, here)
    elif shape.items is not None and isinstance(value, list):
        for place, each in enumerate(value):
            yield from _walk(shape.items, each, f"{path}[{place}]")
