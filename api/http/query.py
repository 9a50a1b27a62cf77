"""What stands after the ``?``: its bounds, and its reading into a Struct; and the bounds of the path before it."""

import re
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes
from uuid import UUID

import msgspec
from msgspec import Struct

from api.http.refusal import Refused
from domain.errors import Invalid, NotFound

Query = TypeVar("Query", bound=Struct)

LEADING_DIGITS = re.compile(r"\s*(-?[0-9]{1,18})")
TRUE = frozenset({"true", "1"})
FALSE = frozenset({"false", "0"})


def check_query(query: bytes, most: int) -> None:
    """Raises Refused for too many parameters, one given twice, bad UTF-8, and NUL."""
    parts = [part for part in query.split(b"&") if part]
    if len(parts) > most:
        raise Refused("bad_request", f"Bad Request: more than {most} query parameters")
    seen: set[str] = set()
    for part in parts:
        name = _decoded(part.partition(b"=")[0])
        _decoded(part)
        if name in seen:
            raise Refused("bad_request", f"Bad Request: the query parameter {name[:64]!r} is given twice")
        seen.add(name)


def check_path(raw_path: bytes) -> None:
    """Only for paths with percent signs: the others are plain ASCII. Raises Refused."""
    try:
        decoded = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("bad_request", "Bad Request: the path is not UTF-8") from None
    if not decoded.isprintable():
        raise Refused("bad_request", "Bad Request: the path has control characters")


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("bad_request", "Bad Request: the query is not UTF-8") from None
    if "\0" in text:
        raise Refused("bad_request", "Bad Request: the query has a NUL")
    return text


class StrictQuery(Struct, frozen=True, kw_only=True):
    """What is out of bounds or in a wrong form is refused, as in a body. Raises msgspec.ValidationError."""


def read_query(kind: type[Query], raw: bytes) -> Query:
    """In the manner of spec 01, sections 1.1 and 1.7: what is unknown or empty is left out, of an integer the leading
    digits are taken, and it is moved into its bounds; but for a `StrictQuery`.

    Raises Invalid for an unknown value of an enumeration or a boolean, NotFound for an id in no form of an id.
    """
    if issubclass(kind, StrictQuery):
        given = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
        return msgspec.convert(given, kind, strict=False)
    if not raw:
        return kind()
    readers = _readers(kind)
    given = {
        readers[name].field: value
        for name, text in parse_qsl(raw.decode("latin-1"), keep_blank_values=False)
        if name in readers and (value := readers[name].read(text)) is not None
    }
    return kind(**given)


class _Reader(Struct, frozen=True):
    """``field`` may have another name than the parameter: ``from`` is a word of the language."""

    field: str
    read: Callable[[str], Any]


@cache
def _readers(kind: type[Struct]) -> dict[str, _Reader]:
    fields = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]  # of a Struct
    return {field.encode_name: _Reader(field.name, _reader(field.encode_name, field.type)) for field in fields}


def _reader(name: str, kind: Any) -> Callable[[str], Any]:
    match kind:
        case msgspec.inspect.Metadata():
            return _reader(name, kind.type)
        case msgspec.inspect.UnionType():
            return _reader(name, next(each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType)))
        case msgspec.inspect.IntType():
            return lambda text: _integer(text, kind.ge, kind.le)
        case msgspec.inspect.BoolType():
            return lambda text: _boolean(name, text)
        case msgspec.inspect.LiteralType():
            return lambda text: _one_of(name, text, kind.values)
        case _:
            return _id if isinstance(kind, msgspec.inspect.UUIDType) else str


def _integer(text: str, least: int | None, most: int | None) -> int | None:
    found = LEADING_DIGITS.match(text)
    if found is None:
        return None
    number = int(found[1])
    return min(
        max(number, least if least is not None else number), most if most is not None else max(number, least or 0)
    )


def _boolean(name: str, text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise Invalid(**{name: "must be true or false"})


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("Not found") from None


def _one_of(name: str, text: str, allowed: Collection[Any]) -> str:
    if text not in allowed:
        raise Invalid(**{name: f"must be one of {', '.join(map(str, allowed))}"})
    return text
