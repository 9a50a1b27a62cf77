"""What stands after the ``?``: its bounds, and its reading into a Struct; and the bounds of the path before it."""

import re
from collections.abc import Callable, Collection
from functools import cache, partial
from textwrap import wrap
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from api.http.refusal import Refused
from api.http.validation import misfit
from domain.errors import LONGEST_MESSAGE, Invalid, NotFound

Query = TypeVar("Query", bound=Struct)

LEADING_DIGITS = re.compile(r"\s*(-?[0-9]{1,18})")
TRUE = frozenset({"true", "1"})
FALSE = frozenset({"false", "0"})
LONGEST_NAME = 64
SHORTEST_SLIP = 4
"""In shorter words one letter makes another word."""


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
    """What is out of bounds or in a wrong form is refused, as in a body."""


class ListQuery(Struct, frozen=True, kw_only=True):
    """Of a list: what filters another list and not this one is refused."""


class OneOf(Struct, frozen=True):
    """The values of a parameter that is an enumeration, and what else may begin with ``beginning``."""

    values: tuple[str, ...]
    beginning: str | None = None

    def check(self, name: str, text: str) -> str:
        """Raises Invalid with all of them."""
        if text not in self.values and not (self.beginning and text.startswith(self.beginning)):
            allowed = [*self.values, f"{self.beginning}…"] if self.beginning else self.values
            details: dict[str, Any] = {name: wrap(f"must be one of {', '.join(allowed)}", LONGEST_MESSAGE)}
            raise Invalid(**details)
        return text


def one_of(description: str, *values: str, beginning: str | None = None) -> Meta:
    """Of a parameter whose values are known only when the program runs; else Literal says the same."""
    schema: dict[str, Any] = {"enum": [*values]}
    if beginning:
        schema = {"anyOf": [schema, {"pattern": f"^{beginning.replace('.', '[.]')}"}]}
    return Meta(description=description, extra_json_schema=schema, extra={"one_of": OneOf(values, beginning)})


def read_query(kind: type[Query], raw: bytes) -> Query:
    """In the manner of spec 01, sections 1.1 and 1.7: what is unknown or empty is left out, of an integer the leading
    digits are taken, and it is moved into its bounds; but for a `StrictQuery`.

    Raises Invalid for an unknown value of an enumeration or a boolean, and for an unknown name that is nearly a known
    one; NotFound for an id in no form of an id.
    """
    strict = issubclass(kind, StrictQuery)
    if not raw and not strict:
        return kind()
    readers = _readers(kind)
    given = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=strict))
    if not given.keys() <= readers.keys():
        _check_names(given.keys() - readers.keys(), readers, _filters() if issubclass(kind, ListQuery) else ())
    if strict:
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            raise misfit(error, kind) from None
    found = {
        readers[name].field: value
        for name, text in given.items()
        if name in readers and (value := readers[name].read(text)) is not None
    }
    return kind(**found)


class _Reader(Struct, frozen=True):
    """``field`` may have another name than the parameter: ``from`` is a word of the language."""

    field: str
    read: Callable[[str], Any]


@cache
def _readers(kind: type[Struct]) -> dict[str, _Reader]:
    fields = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]  # of a Struct
    return {field.encode_name: _reader(field.name, field.encode_name, field.type) for field in fields}


def _reader(field: str, name: str, kind: Any) -> _Reader:
    match kind:
        case msgspec.inspect.Metadata(extra={"one_of": OneOf() as allowed}):
            return _Reader(field, partial(allowed.check, name))
        case msgspec.inspect.LiteralType():
            return _Reader(field, partial(OneOf(tuple(map(str, kind.values))).check, name))
        case msgspec.inspect.Metadata():
            return _reader(field, name, kind.type)
        case msgspec.inspect.UnionType():
            named = next(each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType))
            return _reader(field, name, named)
        case _:
            return _Reader(field, _plain(name, kind))


def _plain(name: str, kind: Any) -> Callable[[str], Any]:
    match kind:
        case msgspec.inspect.IntType():
            return lambda text: _integer(text, kind.ge, kind.le)
        case msgspec.inspect.BoolType():
            return partial(_boolean, name)
        case _:
            return _id if isinstance(kind, msgspec.inspect.UUIDType) else str.strip


@cache
def _filters() -> frozenset[str]:
    """Of all lists. All of them are there before anything is asked."""
    kinds = [ListQuery]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return frozenset(name for kind in kinds for name in _readers(kind))


def _check_names(unknown: Collection[str], known: Collection[str], elsewhere: Collection[str]) -> None:
    """A filter that nobody reads answers more than was asked for, as if it had been. Raises Invalid."""
    problems: dict[str, Any] = {}
    for name in sorted(unknown):
        if len(name) > LONGEST_NAME:
            continue
        if near := [each for each in known if _near(name, each)]:
            problems[name] = f"is no parameter here; {' or '.join(near)} is"
        elif name in elsewhere:
            problems[name] = f"filters other lists and not this one, which takes {', '.join(known)}"
    if problems:
        raise Invalid(**problems)


def _near(name: str, known: str) -> bool:
    """Spelled otherwise, with a part left out, or one slip of the hand away."""
    words = name.lower().replace("-", "_")
    joined, known_joined = words.replace("_", ""), known.replace("_", "")
    return joined == known_joined or {*words.split("_")} < {*known.split("_")} or _one_slip(joined, known_joined)


def _one_slip(text: str, other: str) -> bool:
    """A letter more, less or different, or two that changed places."""
    if min(len(text), len(other)) < SHORTEST_SLIP:
        return False
    alike = 0
    while alike < min(len(text), len(other)) and text[alike] == other[alike]:
        alike += 1
    text, other = text[alike:], other[alike:]
    swapped = text[:2] == other[1::-1] and text[2:] == other[2:]
    return swapped or text[1:] in (other, other[1:]) or text == other[1:]


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
