"""JSON with one spelling for each value: RFC 8785 without fractions (spec 05, section 4.2).

What differs between JSON and its readers elsewhere is refused: fractions, integers that are no exact doubles,
duplicate keys, deep nesting. msgspec's sorted encoder already spells strings and integers as RFC 8785 does, and sorts
keys by code point; that differs from the UTF-16 order of RFC 8785 only where characters beyond U+FFFF are involved.
"""

import re
from types import NoneType
from typing import Any, NewType, NoReturn

from msgspec import MsgspecError, Raw, to_builtins
from msgspec.json import Decoder, Encoder

from loopctl.tlog.errors import TlogError

CanonicalJson = NewType("CanonicalJson", Raw)
"""Made by ``canonical_json`` and by decoding an entry, nowhere else."""

LARGEST_INTEGER = 2**53 - 1
"""Beyond it JSON readers that use doubles no longer see the number that was written (RFC 7493, section 2.2)."""
DEEPEST = 64

# One pass in C over the bytes shows whether a value can need the slow walk at all: digits become 0, openings become {.
SHAPE = bytes(0x30 if character in b"0123456789" else 0x7B if character in b"{[" else 0x2E for character in range(256))
MANY_DIGITS = b"0" * len(str(LARGEST_INTEGER))
BEYOND_UFFFF = re.compile(rb"[\xf0-\xf4]")


def _refuse_fraction(_: str) -> NoReturn:
    raise ValueError("fraction")


HARMLESS = frozenset({str, int, bool, NoneType})
"""What ``to_builtins`` leaves of everything that is neither a number with a fraction nor a container."""

SORTED = Encoder(order="sorted")
IN_ORDER = Encoder()
DECODER = Decoder(float_hook=_refuse_fraction)


def canonical_json(value: object) -> CanonicalJson:
    """``value`` of dictionaries, lists, strings, integers, booleans, None and what msgspec writes as such."""
    try:
        text = SORTED.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise TlogError("json_unrepresentable", "JSON", "a value, key or character that JSON cannot express") from None
    decoded = _decode(text)
    if b"null" in text:
        _refuse_lost_numbers(value)
    return CanonicalJson(Raw(_in_utf16_order(text, decoded)))


def parse_canonical_json(text: bytes) -> Any:
    """The value, if ``text`` is the one spelling of it."""
    decoded = _decode(text)
    if _in_utf16_order(SORTED.encode(decoded), decoded) != text:
        raise TlogError("json_not_canonical", "JSON", "not the canonical spelling (RFC 8785)")
    return decoded


def _decode(text: bytes) -> Any:
    try:
        decoded = DECODER.decode(text)
    except RecursionError:
        raise TlogError("json_too_deep", "JSON", f"nested deeper than {DEEPEST}") from None
    except (MsgspecError, ValueError):  # ValueError is also what broken UTF-8 and a fraction raise
        raise TlogError("json_unrepresentable", "JSON", "not JSON, or with a fraction in it") from None
    shape = text.translate(SHAPE)
    if MANY_DIGITS in shape or shape.count(b"{") > DEEPEST:
        _check_values(decoded)
    return decoded


def _check_values(decoded: Any) -> None:
    values = [(decoded, 1)]
    while values:
        value, depth = values.pop()
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise TlogError("json_unrepresentable", "JSON", f"an integer beyond {LARGEST_INTEGER}")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if depth > DEEPEST and isinstance(value, dict | list):
            raise TlogError("json_too_deep", "JSON", f"nested deeper than {DEEPEST}")
        values += [(each, depth + 1) for each in inner]


def _refuse_lost_numbers(value: object) -> None:
    """msgspec writes NaN and infinity as null, and a log must not lose a number silently."""
    values = [to_builtins(value)]
    while values:
        each = values.pop()
        if type(each) is float:
            raise TlogError("json_unrepresentable", "JSON", "a number that JSON cannot express")
        inner = each.values() if type(each) is dict else each if type(each) in (list, tuple) else ()
        values += [one for one in inner if type(one) not in HARMLESS]


def _in_utf16_order(text: bytes, decoded: Any) -> bytes:
    if text.isascii() or BEYOND_UFFFF.search(text) is None:
        return text
    return IN_ORDER.encode(_sorted_keys(decoded))


def _sorted_keys(value: Any) -> Any:
    """As deep as ``_decode`` lets through, so recursion is safe."""
    if isinstance(value, dict):
        return {key: _sorted_keys(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_sorted_keys(each) for each in value]
    return value
