"""What raw JSON bytes must be before any typed decoder or the database sees them (spec 06, section 6.1).

A typed decoder takes the last of two equal keys, skips what it has no field for, and passes NUL and
integers of any length on to PostgreSQL, which answers with errors that a client must not be able to cause.
"""

import json
import json.scanner
import re
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import msgspec

from api.http.refusal import Refused

NUL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*+\\u0000")
STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A string that nothing ends reaches to the end of the text. It has to match: what does not is looked for again from
each quote in it, in time that grows with the square of the length."""
BRACKET = re.compile(rb"[\[\]{}]")

NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One level in, one level out, as signed bytes."""

WHITESPACE = " \t\n\r"

PLACE_BYTES = 65536
"""Past this length a refusal does not say where: finding the place takes a walk in Python."""


class _Twice(Exception):
    pass


class _Number(Exception):
    pass


def check_json(body: bytes, depth: int) -> None:
    """Raises Refused (bad_request) that says what is wrong and where. Linear in the length of ``body``."""
    text = _text(body)
    _check_nul(body, text)
    if body.count(b"[") + body.count(b"{") > depth:
        _check_depth(body, depth)
    try:
        bare = text.strip(WHITESPACE)
        _, end = _BOUNDED(bare, 0)
        if end != len(bare):
            raise _refused(_syntax_error(body))
    except _Twice as twice:
        raise _refused(f"the key {twice.args[0][:64]!r} appears twice{_place(body, text)}") from None
    except _Number as number:
        at = text.find(number.args[0])
        raise _refused(f"the number at offset {at} is outside the range that is accepted") from None
    except (ValueError, StopIteration, RecursionError):
        raise _refused(_syntax_error(body)) from None
    if "\\u" in text:
        _check_surrogates(body)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"not UTF-8 at offset {error.start}") from None


def _check_nul(body: bytes, text: str) -> None:
    if b"\0" in body:
        raise _refused(f"a NUL byte at offset {body.index(0)}")
    if "\\u0000" in text and (found := NUL_ESCAPE.search(text)):
        raise _refused(f"an escaped NUL at offset {found.end() - 6}")


def _check_depth(body: bytes, depth: int) -> None:
    steps = array("b", _outside_strings(body).translate(STEPS, NOT_BRACKETS))
    if max(accumulate(steps), default=0) > depth:
        offset = _offset_of_depth(body, depth + 1)
        raise _refused(f"nested deeper than {depth} levels" + ("" if offset is None else f" at offset {offset}"))


def _outside_strings(body: bytes) -> bytes:
    """Of a string that nothing ends, what is in it counts as well.

    Three passes of memchr instead of a pattern, whose steps are many times as slow: pairs of backslashes go first, so
    that a backslash that is left before a quote is one that escapes it.
    """
    parts = body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    if len(parts) % 2 == 0:
        unfinished = parts.pop()
        parts[-1] += unfinished
    return b"".join(parts[::2])


def _offset_of_depth(body: bytes, depth: int) -> int | None:
    level = 0
    for offset in _brackets(body):
        level += 1 if body[offset] in b"[{" else -1
        if level == depth:
            return offset
    return None


def _brackets(body: bytes) -> Iterator[int]:
    """The offsets of those that begin before PLACE_BYTES, as ``_outside_strings`` sees them."""
    for found in STRING_OR_BRACKET.finditer(body):
        if found.start() >= PLACE_BYTES:
            return
        if found[1] is None:
            yield found.start()
        elif found[1] != b'"':
            yield from (bracket.start() for bracket in BRACKET.finditer(body, found.start(), PLACE_BYTES))


def _check_surrogates(body: bytes) -> None:
    """The standard library lets half of a surrogate pair through; msgspec does not."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError):
        raise _refused("half of a surrogate pair") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Twice(key)
            seen.add(key)
    return found


def _marked(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice


def _integer(literal: str) -> int:
    # Longer than any int64, and the conversion of 4,300 digits and more would raise anyway.
    if len(literal) > 20 or not -(2**63) <= (value := int(literal)) < 2**63:
        raise _Number(literal)
    return value


def _float(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise _Number(literal)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


_BOUNDED = json.scanner.make_scanner(
    json.JSONDecoder(  # type: ignore[arg-type]  # typeshed's slip
        object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_integer, parse_float=_float
    )
)
_MARKING = json.JSONDecoder(object_pairs_hook=_marked)


def _place(body: bytes, text: str) -> str:
    """`` in the object at <JSON pointer>`` (RFC 6901), or nothing for long texts and those that are broken as well."""
    if len(body) > PLACE_BYTES:
        return ""
    try:
        todo: list[tuple[_Names, Any]] = [(None, _MARKING.decode(text))]
    except ValueError:
        return ""
    while todo:
        names, value = todo.pop()
        if value is _Twice:
            return f" in the object at {_pointer(names)}" if names else " in the outermost object"
        if isinstance(value, dict):
            todo += [((names, name), child) for name, child in value.items()]
        elif isinstance(value, list):
            todo += [((names, str(number)), child) for number, child in enumerate(value)]
    return ""


_Names = tuple["_Names", str] | None
"""From the innermost to the outermost. A pointer for each value would be as long as all names above it, each time."""


def _pointer(names: _Names) -> str:
    found: list[str] = []
    while names is not None:
        names, name = names
        found.append(name.replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{name}" for name in reversed(found))


def _syntax_error(body: bytes) -> str:
    """msgspec counts bytes, as clients do; the standard library counts characters."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        return str(error)
    return "not JSON"


def _refused(what: str) -> Refused:
    return Refused("bad_request", f"Bad Request: {what}")
