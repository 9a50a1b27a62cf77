"""Examples of any event, made from the types of its fields: the least that it can hold, and something everywhere.

Made once for each type and then kept as bytes. A type that cannot be guessed, such as a string with a pattern, gives
its example itself: ``Annotated[str, Meta(pattern=…, examples=[…])]``.
"""

from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec
from msgspec import inspect

from domain.event import Event

Size = Literal["least", "most"]

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 8
"""Structs within Structs; a recursive type gets its least example there."""
UNICODE = '"\\/\u00fc\u2028\U0001d11e'
"""What writers of JSON spell in different ways."""
ANYTHING = {"text": UNICODE, "list": [0, -1, True, None, {}], "\U0001d11e": 1, "\ufb33": 2}
"""Its last two keys stand in another order by UTF-16 (RFC 8785) than by code point."""
FIXED: dict[type[inspect.Type], Any] = {
    inspect.DateTimeType: "2026-03-27T12:34:56.789012Z",
    inspect.DateType: "2026-03-27",
    inspect.BytesType: "AAEC/w==",
    inspect.NoneType: None,
}


def sample(kind: type[Event], size: Size) -> Event:
    """``least``: required fields only, lists empty. ``most``: every field, strings with Unicode in them."""
    return msgspec.convert(_struct(inspect.type_info(kind), size, 0), kind)


def _struct(kind: Any, size: Size, depth: int) -> dict[str, Any]:
    size = size if depth < DEEPEST else "least"
    made = {
        field.encode_name: _value(field.type, size, field.encode_name, depth + 1)
        for field in kind.fields
        if field.required or size == "most"
    }
    return made | ({kind.tag_field: kind.tag} if kind.tag_field else {})


def _value(kind: inspect.Type, size: Size, name: str, depth: int) -> Any:  # noqa: PLR0911  # one answer for each type
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            given = (extra or {}).get("examples")
            return given[0] if given else _value(inner, size, name, depth)
        case inspect.StructType():
            return _struct(kind, size, depth)
        case inspect.UnionType(types=types):
            return _value(_member(types, size), size, name, depth)
        case inspect.DictType(key_type=keys, value_type=values):
            return {_value(keys, size, name, depth): _value(values, size, name, depth)} if size == "most" else {}
        case inspect.TupleType(item_types=items):
            return [_value(item, size, name, depth) for item in items]
        case inspect.ListType() | inspect.VarTupleType():
            return _list(kind, size, name, depth)
        case _:
            return _scalar(kind, size, name)


def _member(types: tuple[inspect.Type, ...], size: Size) -> inspect.Type:
    """None when the least is asked for and it may be."""
    something = [each for each in types if not isinstance(each, inspect.NoneType)]
    return something[0] if size == "most" or len(something) == len(types) else inspect.NoneType()


def _list(kind: inspect.ListType | inspect.VarTupleType, size: Size, name: str, depth: int) -> list[Any]:
    """The most has one of each kind that may be in it."""
    item = kind.item_type
    kinds = item.types if isinstance(item, inspect.UnionType) else (item,)
    made = [_value(each, size, name, depth) for each in kinds] if size == "most" else []
    made = made[: kind.max_length]
    return made + [_value(item, size, f"{name} {number}", depth) for number in range(len(made), kind.min_length or 0)]


def _scalar(kind: inspect.Type, size: Size, name: str) -> Any:  # noqa: PLR0911  # one answer for each type
    match kind:
        case inspect.StrType(pattern=None):
            text = name if size == "least" else f"{name} {UNICODE}"
            return text.ljust(kind.min_length or 0, ".")[: kind.max_length]
        case inspect.IntType():
            return _least_integer(kind) if size == "least" else _largest_integer(kind)
        case inspect.BoolType():
            return size == "most"
        case inspect.UUIDType():
            return str(uuid5(NAMESPACE_URL, name))
        case inspect.AnyType():
            return ANYTHING if size == "most" else None
        case inspect.LiteralType(values=values):
            return next(value for value in values if value is not None)
        case inspect.EnumType(cls=members):
            return next(iter(members)).value
        case _ if type(kind) in FIXED:
            return FIXED[type(kind)]
    raise TypeError(f"{name}: no example of {kind} can be guessed; give one with Meta(examples=[…])")


def _least_integer(kind: inspect.IntType) -> int:
    if kind.ge is not None or kind.gt is not None:
        return kind.ge if kind.ge is not None else (kind.gt or 0) + 1
    return 0


def _largest_integer(kind: inspect.IntType) -> int:
    bounds = [LARGEST_INTEGER, *([kind.le] if kind.le is not None else []), *([kind.lt - 1] if kind.lt else [])]
    return min(bounds)
