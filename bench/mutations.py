"""Requests that nobody should send, made from ones that somebody might. All randomness comes from the argument."""

import random
import re
from collections.abc import Sequence

METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND", b"BREW", b"get")

HEADERS = (
    b"Accept: text/html", b"Accept: application/json;q=0", b"Accept: ,,;;q=x", b"Accept: application/problem+json",
    b"Accept: " + b"*/*," * 500, b"Accept-Encoding: gzip", b"Authorization: Bearer lc_" + b"x" * 40,
    b"Authorization: \xff\xfe", b"Connection: close", b"Connection: upgrade", b"Content-Encoding: gzip",
    b"Content-Length: 0", b"Content-Length: 1", b"Content-Length: -1", b"Content-Length: 99999999999999999999",
    b"Content-Length: 0x10", b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length:", b"Content-Type:",
    b"Content-Type: text/plain", b"Content-Type: application/json; charset=utf-16", b"Content-Type: ;;;=",
    b"Content-Type: application/x-www-form-urlencoded", b"Content-Type: multipart/form-data", b"Cookie: a=\x80",
    b"Expect: 100-continue", b"Expect: 200-ok", b"Host: other", b"Host:", b"Host: a b", b"Host: \xff",
    b"If-None-Match: *", b"If-None-Match: W/\"" + b"0" * 5000, b"Range: bytes=0-0,1-1", b"TE: trailers",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Upgrade: websocket", b"Upgrade: h2c",
    b"X-Forwarded-For: 1.2.3.4, \xff", b"X-Forwarded-Proto: https", b"X-HTTP-Method-Override: DELETE",
    b"X-Request-Id: a\tb", b"X-Request-Id: " + b"a" * 300, b"X-Request-Id: \xc3\xa9", b"X: " + b"y" * 17000,
    b"Loopctl-Witness: size=1; root=; key=", b"Loopctl-Witness: \xff", b"Loopctl-Witness:",
    b"Loopctl-Witness: size=1; root=" + b"A" * 43 + b"; key=00c0ffee", b"Loopctl-Witness-Note: \xff",
    b"Loopctl-Witness-Note: " + b"A" * 9000, b"X-Loopctl-Last-Known-STH: 1:", b"Loopctl-Assertion: e30",
    b"X-Loopctl-Last-Known-STH: 99:" + b"A" * 22, b"Loopctl-Assertion: \xff", b"Loopctl-Ceremony: \xff",
    b"Loopctl-Ceremony: 019a0000-0000-7000-8000-000000000000", b"X-Loopctl-Capability: {}",
    b"X\x00: y", b"X: \x00", b"X: a\r b", b" folded: yes", b": nameless", b"no colon", b"\xff\xff: \xff",
)  # fmt: skip

TARGETS = (
    b"/", b"//", b"/api/v1", b"//api//v1//", b"/api/v1/openapi?version=3.0", b"/api/v1/openapi?version=%00",
    b"/api/v1/openapi?version=3.1&version=3.0", b"/api/v1?%ff=%fe", b"/%2e%2e/%2e%2e/etc/passwd", b"/%", b"/%zz",
    b"/swaggerui/%2e%2e%2f__init__.py", b"/swaggerui/%00", b"/\xff", b"/\xc3\xa9", b"/livez?" + b"a=b&" * 101,
    b"/livez?" + b"a" * 8000, b"/" + b"a/" * 4000, b"/livez#fragment", b"http://x/livez", b"*", b"livez", b"?", b"",
    b"/livez?a[]=1&a[]=2", b"/livez;x=1", b"/health%20", b"/health\t", b"/.well-known/loopctl%0d%0aX:y",
)  # fmt: skip

BODIES = (
    b"", b"{}", b"[]", b"null", b'"', b'{"name":"a","name":"b"}', b'{"name":"\\u0000"}', b'{"name":"\x00"}',
    b'{"name":"\xff"}', b'{"\xff":1}', b'{"name":"\xed\xa0\x80"}', b'{"name":"\\ud800"}',
    b'{"name":"a","count":9223372036854775808}', b'{"name":"a","count":' + b"9" * 5000 + b"}",
    b'{"name":"a","count":1e400}', b'{"name":"a","count":NaN}', b'{"name":"a","count":-Infinity}',
    b'{"name":"a","count":1.0}', b'{"name":"a","count":true}', b'{"name":["a"]}', b'{"name":{"a":{"b":{}}}}',
    b'{"name":"a","tags":' + b"[" * 65 + b"]" * 65 + b"}", b"[" * 5000, b"[" * 2000 + b"]" * 2000, b'{"a":' * 3000,
    b'{"name":"' + b"a" * 100_000 + b'"}', b"[" + b"1," * 20_000 + b"1]", b"\xef\xbb\xbf{}", b"name=a&name=b",
    b"name=%ff", b"\x1f\x8b\x08\x00", b"<?xml version='1.0'?><a/>", b'{"name":"a"}{"name":"b"}', b'{"name":"a",}',
    b"{'name':1}",
)  # fmt: skip

GOOD_BODY = b'{"name":"ann","count":2,"tags":["a","b"]}'


def malformed(chance: random.Random, routes: Sequence[tuple[bytes, bytes]]) -> bytes:
    """One request, valid or not; ``routes`` are pairs of method and path that exist."""
    kind = chance.randrange(10)
    if kind < 4:
        return _mangled(chance, _valid(chance, routes))
    if kind < 6:
        return _with_headers(chance, routes)
    if kind < 9:
        return _with_body(chance, routes)
    return _with_target(chance, routes)


def _valid(chance: random.Random, routes: Sequence[tuple[bytes, bytes]]) -> bytes:
    method, path = chance.choice(routes)
    body = GOOD_BODY if method in (b"POST", b"PUT", b"PATCH") else b""
    return _request(method, path, [b"Content-Type: application/json"] if body else [], body)


def _request(method: bytes, path: bytes, headers: Sequence[bytes], body: bytes) -> bytes:
    length = [b"Content-Length: %d" % len(body)] if body else []
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, path), b"Host: x", *headers, *length, b"", body])


def _with_headers(chance: random.Random, routes: Sequence[tuple[bytes, bytes]]) -> bytes:
    method, path = chance.choice(routes)
    headers = chance.choices(HEADERS, k=chance.randint(1, 4))
    return _request(method, path, headers, chance.choice((b"", GOOD_BODY)))


def _with_body(chance: random.Random, routes: Sequence[tuple[bytes, bytes]]) -> bytes:
    method, path = chance.choice([route for route in routes if route[0] not in (b"GET", b"HEAD")] or routes)
    body = chance.choice(BODIES) if chance.random() < 0.5 else _mangled(chance, GOOD_BODY)
    kind = chance.choice((b"application/json", b"application/json", b"application/x-www-form-urlencoded", b"text/xml"))
    if chance.random() < 0.3:
        headers = [b"Content-Type: " + kind, b"Transfer-Encoding: chunked"]
        return _request(method, path, headers, b"").removesuffix(b"\r\n") + b"\r\n" + _chunked(chance, body)
    return _request(method, path, [b"Content-Type: " + kind], body)


def _with_target(chance: random.Random, routes: Sequence[tuple[bytes, bytes]]) -> bytes:
    target = chance.choice(TARGETS)
    if chance.random() < 0.3:
        target = _mangled(chance, chance.choice(routes)[1])
    return _request(chance.choice(METHODS), target, [], b"")


def _chunked(chance: random.Random, body: bytes) -> bytes:
    """Mostly in order; now and then a size that lies, an extension, a trailer, or no end."""
    parts: list[bytes] = []
    while body:
        size = chance.randint(1, max(1, len(body) // 2 + 1))
        piece, body = body[:size], body[size:]
        odd = chance.random() < 0.1
        shown = chance.choice((b"0%x", b"%x;a=b", b"-%x", b" %x", b"f%x") if odd else (b"%x",)) % len(piece)
        parts.append(shown + b"\r\n" + piece + (b"\n" if chance.random() < 0.02 else b"\r\n"))
    end = chance.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"0\r\n", b"00000\r\n\r\n", b"zz\r\n"))
    return b"".join(parts) + end


def _mangled(chance: random.Random, text: bytes) -> bytes:
    """One to four small damages."""
    damaged = bytearray(text)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(damaged) + 1)
        match chance.randrange(6):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << chance.randrange(8)
            case 1:
                damaged[at:at] = chance.randbytes(chance.randint(1, 8))
            case 2:
                del damaged[at : at + chance.randint(1, 8)]
            case 3:
                damaged[at:at] = damaged[max(0, at - 20) : at]
            case 4:
                del damaged[at:]
            case _:
                damaged[at:at] = chance.choice((b"\r\n", b"\0", b"\xff", b"%", b'"', b"{", b"\r\n\r\n", b"\xc0\x80"))
    return bytes(damaged)


VALUES = (
    b"null", b"true", b"-1", b"0", b"1.5", b"1e400", b"-0.0", b"9007199254740993", b"9223372036854775808",
    b"2147483648", b"-9223372036854775809", b"9" * 400, b'""', b'" "', b'"\\u0000"', b'"\\ud800"',
    b'"\\ud83d\\ude00"', b'"\x7f"', b"[]", b"{}", b"[[]]", b"[null]", b'{"a":{"b":[1]}}',
    b'"' + b"x" * 70_000 + b'"', b'{"a":"' + b"y" * 66_000 + b'"}', b'"1e-999999"', b'"1e999999"', b'"NaN"',
    b'"0x10"', b'"{019a0000-0000-7000-8000-000000000000}"', b'"019A0000000070008000000000000000"',
    b'"urn:uuid:019a0000-0000-7000-8000-000000000000"', b'"00000000-0000-0000-0000-000000000000"', b'"1.1"',
    b'"9999999999.1"', b'"2026-02-30T00:00:00Z"', b'"0001-01-01T00:00:00+14:00"',
    b'"9999-12-31T23:59:59.999999-14:00"', b'"../../etc"', b'"\xc3\xa9"', b'"' + b"\xf0\x9f\x98\x80" * 300 + b'"',
    b"1", b"1000001", b'"user"', b'"verified"',
)  # fmt: skip
"""To stand where another value stood. Several are the ends of some range; several are two spellings of one thing."""

QUERIES = (
    b"page=0", b"page=99999999999999999999", b"page_size=-1", b"limit=1e9", b"offset=9223372036854775807",
    b"after=-1", b"after=9223372036854775808", b"cursor=%00", b"since=yesterday",
    b"since=0001-01-01T00:00:00%2B14:00", b"project_id=x", b"since=9999-12-31T23:59:59-14:00", b"epic_id=",
    b"number=%ff", b"number=9999999999999.1", b"status=%F0%9F%98%80", b"from=2026-13-01",
    b"to=0001-01-01T00:00:00+23:59", b"at=9223372036854775808", b"index=99999999999999999999", b"size=0",
    b"kind=consistency&first=5&size=1", b"include_archived=maybe", b"phase=%00", b"search=%25%5C_",
    b"state_key=%20", b"entity_id=x", b"actor_id=x", b"merge=2", b"dry_run=maybe", b"dry_run=true&merge=true",
    b"if_position=-1", b"if_position=9223372036854775808", b"if_position=soon", b"sort_by=name;drop",
    b"since=2026-03-27T12:00:00.000000999999999999Z", b"since=2026-03-27T12:00:00.000000000000000001%2B99:99",
    b"include_cost=true", b"include_token_totals=1", b"projct_id=x", b"-=1", b"_=1", b"%C3%A9=1", b"action=observe.",
    b"entity_type=a&entity_type=b",
)  # fmt: skip


def keyed(chance: random.Random, method: bytes, path: bytes, raw_key: bytes, body: bytes) -> bytes:
    """One request with a key that is good; what it asks for is right, but for one thing or two."""
    headers = [b"Authorization: Bearer " + raw_key] if raw_key else []
    headers += [b"Content-Type: application/json"] if body else []
    kind = chance.randrange(10)
    if kind < 5 and body:
        body = _with_values(chance, body)
    elif kind < 6 and body:
        body = _mangled(chance, body)
    elif kind < 8:
        path += (b"&" if b"?" in path else b"?") + b"&".join(chance.choices(QUERIES, k=chance.choice((1, 1, 2))))
    elif kind < 9:
        headers.append(chance.choice((*HEADERS, b"Idempotency-Key: \xff", b"Idempotency-Key: a", b"Prefer: receipt")))
    else:
        path = _mangled(chance, path).replace(b" ", b"%20")
    return _request(method, path, headers, body)


def _with_values(chance: random.Random, body: bytes) -> bytes:
    """One to three values of the JSON, however deep, replaced by others; now and then one that nobody asked for."""
    spans = [
        found.span(1)
        for found in re.finditer(rb'[:\[,]("(?:[^"\\\\]|\\\\.)*"(?!:)|-?[\d.]+|true|false|null|\{\}|\[\])', body)
    ]
    for start, end in sorted(chance.sample(spans, min(len(spans), chance.choice((1, 1, 2, 3)))), reverse=True):
        body = body[:start] + chance.choice(VALUES) + body[end:]
    if chance.random() < 0.3 and body.startswith(b"{") and len(body) > 2:
        body = b"{" + chance.choice(MEMBERS) + b":" + chance.choice(VALUES) + b"," + body[1:]
    return body


MEMBERS = tuple(
    b'"%b"' % name
    for name in (
        b"metadata", b"description", b"estimated_hours", b"acceptance_criteria", b"lease_seconds", b"fencing_token",
        b"cap_id", b"if_position", b"dry_run", b"merge", b"labels", b"stories", b"project",
        b"pr_number", b"completed_at", b"findings", b"findings_count", b"settings", b"expires_at",
        b"grace_period_hours",
        b"position", b"phase", b"verification_criterion", b"status", b"version", b"state_key", b"epic_number", b"merge",
        b"story_dependencies", b"epic_dependencies", b"default_story_budget_millicents", b"details", b"mission",
        b"agent_id",
    )
)  # fmt: skip
