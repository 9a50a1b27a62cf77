"""What a typed decoder says, in the words of spec 01, section 1.8."""

import re

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
    return "must be a map" if reason.startswith(("Expected `object`", "Expected `object | null`")) else "is invalid"


def _length(comparison: str, length: int) -> str:
    if comparison == "<=":
        return f"should be at most {length} character(s)"
    return "can't be blank" if length == 1 else f"should be at least {length} character(s)"
