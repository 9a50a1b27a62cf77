"""What a typed decoder says, in the words of spec 01, section 1.8, and what may stand there instead."""

import re
from typing import Any

import msgspec

from domain.errors import Invalid
from domain.fields import INVALID, must_be, must_be_one_of

PLACE = " - at `$"
MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
LENGTH = re.compile(r"Expected `(?:str|bytes|array|object)` of length (>=|<=) (\d+)")
BOUND = re.compile(r"Expected `(?:int|float|decimal)` (>=|<=|>|<) (-?[\d.]+)")
BOUND_WORDS = {
    ">=": "greater than or equal to",
    ">": "greater than",
    "<=": "less than or equal to",
    "<": "less than",
}

EXPECTED = re.compile(r"Expected `([^`]*)`, got ")
KINDS = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
    "uuid": "an id", "datetime": "a time with its offset, such as 2027-01-31T12:00:00Z",
}  # fmt: skip
PREFIXES = {
    "Invalid UUID": KINDS["uuid"],
    "Invalid RFC3339": KINDS["datetime"],
    "Expected `datetime` with a timezone": KINDS["datetime"],
    "Expected `str` matching regex": "written with digits only",
}
STEP = re.compile(r"[^.\[\]]+|\[\d*(?:\.\.\.)?\]")
ENUM = "Invalid enum value"


def misfit(error: msgspec.ValidationError, kind: Any) -> Invalid:
    """What is wrong with something that was to be of this type."""
    message = str(error)
    field, reason = explained(message)
    if message.startswith(ENUM) and (allowed := _allowed(msgspec.inspect.type_info(kind), STEP.findall(field))):
        reason = must_be_one_of(allowed)
    return Invalid(**{field or "body": reason})


def _allowed(node: Any, steps: list[str]) -> list[Any]:
    """The values of the enumeration at this place; none where there is no telling."""
    match node:
        case msgspec.inspect.Metadata():
            return _allowed(node.type, steps)
        case msgspec.inspect.UnionType():
            return next((found for each in node.types if (found := _allowed(each, steps))), [])
        case msgspec.inspect.LiteralType() if not steps:
            return [value for value in node.values if value is not None]
        case msgspec.inspect.StructType() if steps:
            return next((_allowed(field.type, steps[1:]) for field in node.fields if field.encode_name == steps[0]), [])
        case _:
            return _allowed(node.item_type, steps[1:]) if steps and hasattr(node, "item_type") else []


def explained(message: str) -> tuple[str, str]:
    """Field (dotted, with indices; empty for the body as a whole) and what is wrong with it."""
    reason, field = _reason_and_field(message)
    if found := MISSING.fullmatch(reason) or UNKNOWN.fullmatch(reason):
        inner = f"{field}.{found[1]}" if field else found[1]
        return inner, "can't be blank" if reason.startswith("Object missing") else "is not a known field"
    return field, _reason(reason)


def _reason_and_field(message: str) -> tuple[str, str]:
    """What is wrong, and the place that ends the message; none when the body as a whole is wrong."""
    reason, _, place = message.partition(PLACE)
    if not place.endswith("`"):
        return message, ""
    return reason, place.removeprefix("...").removeprefix(".").removesuffix("`")


def _reason(reason: str) -> str:
    if found := LENGTH.match(reason):
        return _length(found[1], int(found[2]))
    if found := BOUND.match(reason):
        return f"must be {BOUND_WORDS[found[1]]} {found[2]}"
    if found := EXPECTED.match(reason):
        return _expected([kind for kind in found[1].split(" | ") if kind != "null"])
    return next((must_be(what) for start, what in PREFIXES.items() if reason.startswith(start)), INVALID)


def _expected(kinds: list[str]) -> str:
    if kinds == ["object"]:
        return "must be a map"
    known = [KINDS[kind] for kind in kinds if kind in KINDS]
    return must_be(" or ".join(known)) if known else INVALID


def _length(comparison: str, length: int) -> str:
    if comparison == "<=":
        return f"should be at most {length} character(s)"
    return "can't be blank" if length == 1 else f"should be at least {length} character(s)"
