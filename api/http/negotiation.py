"""What a client wants to read and what it says it sends (spec 01, section 1.1)."""

from collections.abc import Mapping
from functools import lru_cache

from api.http.refusal import Refused

FORM = "application/x-www-form-urlencoded"


@lru_cache(256)
def accepts_json(accept: bytes) -> bool:
    """True for ``*/*``, ``application/*``, ``application/json`` and any ``+json`` type, unless ``q=0``; for blank."""
    ranges = [part for part in accept.decode("latin-1").lower().split(",") if part.strip()]
    return not ranges or any(_is_json_range(part) for part in ranges)


@lru_cache(256)
def wants_problem(accept: bytes) -> bool:
    return _names(accept, "application/problem+json")


@lru_cache(256)
def wants_html(accept: bytes) -> bool:
    return _names(accept, "text/html")


def check_body_type(headers: Mapping[bytes, bytes]) -> bool:
    """Of a request that has a body: true when it is a form, false when it is JSON. Raises Refused otherwise."""
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise Refused("unsupported_media_type", "A body cannot be compressed", headers={"Accept-Encoding": "identity"})
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        raise Refused("unsupported_media_type", "A body can be chunked, and nothing else")
    kind = _body_kind(headers.get(b"content-type", b""))
    if kind is None:
        raise Refused("unsupported_media_type", f"Content-Type must be application/json or {FORM}, in UTF-8")
    return kind == FORM


@lru_cache(256)
def _body_kind(content_type: bytes) -> str | None:
    name, *parameters = (part.strip() for part in content_type.decode("latin-1").lower().split(";"))
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('" ') not in ("utf-8", "utf8", "us-ascii"):
            return None
    if name == FORM:
        return FORM
    is_json = name == "application/json" or (name.startswith("application/") and name.endswith("+json"))
    return "application/json" if is_json else None


def _names(accept: bytes, kind: str) -> bool:
    """``kind`` itself, not a range around it, and not with ``q=0``."""
    return any(_wanted(part) == kind for part in accept.decode("latin-1").lower().split(","))


def _wanted(text: str) -> str:
    """The type of one range; nothing when its quality is zero."""
    name, *parameters = (part.strip() for part in text.split(";"))
    return "" if any(_is_zero(parameter) for parameter in parameters) else name


def _is_json_range(text: str) -> bool:
    name = _wanted(text)
    return name in ("*/*", "application/*", "application/json") or ("/" in name and name.endswith("+json"))


def _is_zero(parameter: str) -> bool:
    """A quality of nothing: ``q=0``, ``q=0.000``."""
    return parameter.startswith("q=") and parameter[2:].strip("0.") == ""
