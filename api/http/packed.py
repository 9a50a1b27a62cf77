"""Bodies that are not JSON yet: protobuf, XML, and what was compressed by gzip; only of routes that take them."""

import zlib
from collections.abc import Callable, Mapping

from api.http.refusal import Refused

JSON = b"application/json"
GZIP = b"gzip"
LARGEST_UNPACKED = 4_000_000
"""A body that becomes larger is refused before it is: gzip makes a thousand bytes of one."""


Makers = Mapping[bytes, Callable[[bytes], bytes]]
"""By the type of the body: what makes JSON of it. Raises Refused."""


def is_packed(headers: Mapping[bytes, bytes], makers: Makers) -> bool:
    """Whether it has to be made into JSON, or refused with the types that there are; JSON and forms are looked at as
    everywhere."""
    kind = _kind(headers)
    if kind in makers or not kind.endswith((b"json", b"form-urlencoded")):
        return True
    return headers.get(b"content-encoding", b"").strip().lower() == GZIP


def as_json(headers: Mapping[bytes, bytes], body: bytes, makers: Makers) -> bytes:
    """Raises Refused."""
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding not in (b"", b"identity", GZIP):
        raise Refused("unsupported_media_type", "A body can be compressed by gzip", headers={"Accept-Encoding": "gzip"})
    kind = _kind(headers)
    if kind != JSON and kind not in makers:
        named = b", ".join((*makers, JSON)).decode()
        raise Refused("unsupported_media_type", f"Content-Type must be one of {named}")
    whole = unpacked(body) if encoding == GZIP else body
    return whole if kind == JSON else makers[kind](whole)


def unpacked(body: bytes) -> bytes:
    """Raises Refused."""
    inflating = zlib.decompressobj(wbits=31)
    try:
        whole = inflating.decompress(body, LARGEST_UNPACKED)
    except zlib.error:
        raise Refused("bad_request", "Bad Request: the body is not what gzip writes") from None
    if inflating.unconsumed_tail:
        raise Refused("payload_too_large")
    if not inflating.eof:
        raise Refused("bad_request", "Bad Request: the body is not what gzip writes")
    return whole


def _kind(headers: Mapping[bytes, bytes]) -> bytes:
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
