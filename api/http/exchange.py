"""One request and its answer, as the shell sees them: headers in, headers out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from api.http.asking import Asking, Peer
from api.http.identifiers import request_id
from api.http.refusal import Header, Refused
from api.http.running import Pace

if TYPE_CHECKING:
    from litestar.types import Message, Receive, Send


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


def announced(headers: Mapping[bytes, bytes]) -> bool:
    """The request has a body, of a length that is known or not."""
    length = headers.get(b"content-length")
    return b"transfer-encoding" in headers or (length is not None and length.strip(b"0 ") != b"")


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


UNMATCHED = "unmatched"
"""The route of every path that there is not: a client must not be able to make a time series."""

NO_CONTENT = 204
"""Has neither a type nor a length (RFC 9110, section 8.6)."""
WHOLE_ANSWER = "loopctl.whole_answer"
"""ASGI extension of api.http.protocol: (scope, status, encoded headers, body, closes) → false when it cannot now."""

CUT = "loopctl.cut"
"""ASGI extension of api.http.protocol: () → the connection is over, whatever of an answer is still unread."""

ENDLESS = "loopctl.endless"
"""ASGI extension of api.http.protocol: () → the answer has no end, and a client that stops speaking has left."""

PIECE_BYTES = 65536
"""Of an answer that is longer so much is handed on at a time, so that what the client does not read stays with us."""


class Exchange:
    """Knows whether the answer has begun, and puts on it the headers that every answer has."""

    __slots__ = (
        "_common",
        "_send",
        "asking",
        "body_left",
        "headers",
        "method",
        "more",
        "pace",
        "peer",
        "quiet",
        "receive",
        "request_id",
        "route",
        "scope",
        "started_at",
        "status",
    )

    def __init__(self, scope: Any, receive: "Receive", send: "Send", common: CommonHeaders, started_at: float) -> None:
        self.scope: Any = scope
        self.receive = receive
        self.started_at = started_at
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = merged(scope["headers"])
        self.peer: Peer = scope.get("client")
        self.route = UNMATCHED
        self.request_id = request_id(self.headers.get(b"x-request-id"))
        self.status = 0
        """0 until the answer has begun."""
        self.body_left = announced(self.headers)
        """Part of the request's body may still be on its way."""
        self.quiet = False
        """Not worth a line in the log."""
        self.asking: Asking | None = None
        """None on public routes."""
        self.more: list[Header] = []
        """On whatever is answered from here on: limits, tree heads."""
        self.pace: Pace | None = None
        """Of an answer that takes its time, as it is read."""
        self._common = common
        self._send = send

    async def send(self, message: "Message") -> None:
        """For an answer that the framework makes."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = completed(list(message.get("headers", ())), self._common.headers)
            headers += self.more
            headers.append((b"x-request-id", self.request_id.encode()))
            await self._send({**message, "headers": headers})
        elif message["type"] == "http.response.body":
            await self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            await self._send(message)

    async def answer(self, status: int, kind: bytes, body: bytes, more: Sequence[Header] = ()) -> None:
        """For an answer of our own, complete."""
        own = [*self.more, *more] if self.more else more
        if len(body) <= PIECE_BYTES and self._answer_at_once(status, kind, body, own):
            return
        self.status = status
        headers = [] if status == NO_CONTENT else [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        headers += [*self._common.headers, *own, (b"x-request-id", self.request_id.encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send_body(body, more=False)

    async def answer_page(self, status: int, body: bytes, headers: Sequence[Header]) -> None:
        """The same for a page, whose own headers take the place of those that every answer has."""
        described = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(body)), *headers]
        await self.send({"type": "http.response.start", "status": status, "headers": described})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def cut(self) -> bool:
        """Ends the connection in the middle of an answer; false when the server has no way to."""
        cut = self.scope.get("extensions", {}).get(CUT)
        if cut is not None:
            cut()
        return cut is not None

    def goes_on(self) -> None:
        """The answer has no end: who does not speak any more does not listen either."""
        endless = self.scope.get("extensions", {}).get(ENDLESS)
        if endless is not None:
            endless()

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        left = 0 if self.method == "HEAD" else len(body)
        for start in range(0, left or 1, PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES] if left else b""
            await self._send(
                {"type": "http.response.body", "body": piece, "more_body": more or start + PIECE_BYTES < left}
            )
            if self.pace is not None:
                self.pace.passed(len(piece))

    def _answer_at_once(self, status: int, kind: bytes, body: bytes, more: Sequence[Header]) -> bool:
        """In one piece, which our own server takes and no other; false when it does not, or cannot now."""
        extensions = self.scope.get("extensions")
        if not extensions or WHOLE_ANSWER not in extensions:
            return False
        closes = any(name == b"connection" for name, _ in more)
        described = b"" if status == NO_CONTENT else b"content-type: %b\r\ncontent-length: %d\r\n" % (kind, len(body))
        head = b"%b%b%bx-request-id: %b\r\n" % (
            self._common.encoded,
            described,
            b"".join(b"%b: %b\r\n" % header for header in more if header[0] != b"connection"),
            self.request_id.encode(),
        )
        content = b"" if self.method == "HEAD" else body
        taken: bool = extensions[WHOLE_ANSWER](self.scope, status, head, content, closes=closes)
        if taken:
            self.status = status
        return taken
