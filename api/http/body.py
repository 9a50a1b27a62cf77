"""Reads a request's body whole, within its bounds."""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import msgspec

from api.http.json_guard import check_json
from api.http.refusal import ClientGone, Refused
from eventstore.gc_pauses import collector_paused

if TYPE_CHECKING:
    from litestar.types import Receive

LONG_BYTES = 64 * 1024
"""JSON longer than this is checked in a thread, so that the loop goes on answering others."""

LONG_FORM_BYTES = 4096
"""The same for a form, which costs ten times as much for each byte."""

FORM_BYTES = 64 * 1024
FORM_FIELDS = 1000
"""The most that a form may have, whatever the route takes as JSON."""

DRAIN_BYTES = 256 * 1024
"""Of more the connection ends: reading megabytes to refuse them would cost others more than an answer does."""
DRAIN_SECONDS = 1.0


FORM = "application/x-www-form-urlencoded"


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


def announced_length(headers: Mapping[bytes, bytes], most: int) -> int | None:
    """None when the body says where it ends. Known before the first byte, so that a client that waits for
    ``100 Continue`` sends none. Raises Refused."""
    length = headers.get(b"content-length")
    if length is None:
        return None
    length = length.strip()
    if not length.isdigit():
        raise Refused("bad_request", "Bad Request: Content-Length is not a number")
    if len(length) > 18 or int(length) > most:
        raise Refused("payload_too_large")
    return int(length)


def is_long(body: bytes, *, form: bool) -> bool:
    return len(body) > (LONG_FORM_BYTES if form else LONG_BYTES)


def checked(body: bytes, depth: int, *, form: bool) -> bytes:
    """The body as JSON that holds to all rules. Raises Refused. ``depth`` is the deepest nesting of JSON."""
    if form:
        return form_as_json(body)
    if body:
        check_json(body, depth)
    return body


def checked_aside(body: bytes, depth: int, *, form: bool) -> bytes:
    """``checked`` for one thread beside the loop's: without it the collector walks a growing tree that has no cycles,
    and holds the interpreter four times as long as the check itself."""
    with collector_paused():
        return checked(body, depth, form=form)


def unnoticed(_: int) -> None: ...


async def read(receive: "Receive", most: int, came: Callable[[int], None] = unnoticed, *, keep: bool = True) -> bytes:
    """Raises Refused beyond ``most`` bytes, ClientGone when the connection ends first. ``came`` is told how much of a
    body there is that does not come in one piece; not to ``keep`` it is for one that nobody looks at."""
    message: Any = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > most:
            raise Refused("payload_too_large")
        return body
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise Refused("payload_too_large")
        came(size)
        if keep:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise ClientGone


async def drain(receive: "Receive") -> bool:
    """Reads what is left of a refused request, within reason; true when that was all of it.

    Closing a connection with unread bytes resets it, and the client would not see why it was refused.
    """
    size = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while size < DRAIN_BYTES:
                message: Any = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return True
    except TimeoutError:
        return False
    return False


def form_as_json(body: bytes) -> bytes:
    """A flat form as a JSON object of strings. Raises Refused as the guard of JSON does."""
    if body.count(b"&") >= FORM_FIELDS:
        raise Refused("bad_request", f"Bad Request: more than {FORM_FIELDS} fields")
    found: dict[str, str] = {}
    for part in body.split(b"&"):
        if not part:
            continue
        name, _, value = part.partition(b"=")
        key = _form_text(name)
        if key in found:
            raise Refused("bad_request", f"Bad Request: the field {key[:64]!r} is given twice")
        found[key] = _form_text(value)
    return msgspec.json.encode(found)


def _form_text(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("bad_request", "Bad Request: the form is not UTF-8") from None
    if "\0" in text:
        raise Refused("bad_request", "Bad Request: the form has a NUL")
    return text
