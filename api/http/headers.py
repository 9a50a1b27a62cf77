"""Security headers (spec 06, section 6.8)."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from api.http.refusal import Refused

Header = tuple[bytes, bytes]


class CommonHeaders(Struct, frozen=True):
    """The same headers twice: as ASGI wants them, and as they go out."""

    headers: tuple[Header, ...]
    encoded: bytes


ANSWER: tuple[Header, ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
"""On every answer that sets no policy of its own."""

STRICT_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)

PAGE: dict[str, str] = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
}
"""For a route that answers with a page, a script or a picture."""


ONCE = frozenset({b"authorization", b"content-length", b"idempotency-key", b"transfer-encoding"})
"""Of a request: who takes the first of two and who takes the last would see two different requests."""


def merged(headers: Sequence[Header]) -> dict[bytes, bytes]:
    """Lines of the same name are one list (RFC 9110, section 5.3). Names are in lower case."""
    found = dict(headers)
    if len(found) == len(headers):
        return found
    lines: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        lines.setdefault(name, []).append(value)
    return {name: b", ".join(values) for name, values in lines.items()}


def check_once(headers: Sequence[Header], joined: Mapping[bytes, bytes]) -> None:
    """``joined`` are the same, merged. Raises Refused when a header is repeated that must not be."""
    if len(joined) == len(headers):
        return
    names = [name for name, _ in headers]
    for name in sorted(ONCE):
        if names.count(name) > 1:
            # Where this request ends may be said in two ways, so nothing after it is believed.
            reason = f"Bad Request: the header {name.decode()} is given twice"
            raise Refused("bad_request", reason, headers={"Connection": "close"})


def common_headers(*, secure: bool) -> CommonHeaders:
    """Of every answer; ``secure`` when the public address is https."""
    headers = (*ANSWER, STRICT_TRANSPORT) if secure else ANSWER
    return CommonHeaders(headers, b"".join(b"%b: %b\r\n" % header for header in headers))


def completed(headers: Sequence[Header], common: Sequence[Header]) -> list[Header]:
    """``headers`` with those of ``common`` that they lack; JSON gets its charset."""
    present = {name.lower() for name, _ in headers}
    done = [(b"content-type", b"application/json; charset=utf-8") if _is_bare_json(h) else h for h in headers]
    done += [header for header in common if header[0] not in present]
    return done


def _is_bare_json(header: Header) -> bool:
    return header[0].lower() == b"content-type" and header[1] == b"application/json"
