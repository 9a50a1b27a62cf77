"""Bodies that are not JSON yet: protobuf, and what was compressed by gzip; only of routes that take them."""

import zlib
from collections.abc import Callable, Mapping

from api.http.refusal import Refused

PROTOBUF = b"application/x-protobuf"
GZIP = b"gzip"
LARGEST_UNPACKED = 4_000_000
"""A body that becomes larger is refused before it is: gzip makes a thousand bytes of one."""


def is_packed(headers: Mapping[bytes, bytes]) -> bool:
    """Whether it has to be made into JSON; what is neither is looked at as everywhere."""
    return _kind(headers) == PROTOBUF or headers.get(b"content-encoding", b"").strip().lower() == GZIP


def as_json(headers: Mapping[bytes, bytes], body: bytes, protobuf: Callable[[bytes], bytes]) -> bytes:
    """Raises Refused."""
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding not in (b"", b"identity", GZIP):
        raise Refused("unsupported_media_type", "A body can be compressed by gzip", headers={"Accept-Encoding": "gzip"})
    if _kind(headers) not in (PROTOBUF, b"application/json"):
        raise Refused("unsupported_media_type", "Content-Type must be application/x-protobuf or application/json")
    whole = unpacked(body) if encoding == GZIP else body
    return protobuf(whole) if _kind(headers) == PROTOBUF else whole


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
