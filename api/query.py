"""Bounds on what stands after the ``?``, and on the path before it."""

from collections.abc import Collection
from urllib.parse import unquote_to_bytes

from api.refusal import Refused


def check_query(query: bytes, repeatable: Collection[str], most: int) -> None:
    """Raises Refused for too many parameters, one given twice that takes one value, bad UTF-8, and NUL."""
    parts = [part for part in query.split(b"&") if part]
    if len(parts) > most:
        raise Refused("bad_request", f"Bad Request: more than {most} query parameters")
    seen: set[str] = set()
    for part in parts:
        name = _decoded(part.partition(b"=")[0])
        _decoded(part)
        if name in seen and name not in repeatable:
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
