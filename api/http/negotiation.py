"""What a client wants to read and what it says it sends (spec 01, section 1.1)."""

from functools import lru_cache


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


def wants_page(accept: bytes, path: str) -> bool:
    """A browser that goes to an address: below /api/ there are no pages, and its refusals stay JSON."""
    return wants_html(accept) and not path.startswith("/api/")


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
