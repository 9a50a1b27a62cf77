"""One request and its answer, as the shell sees them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from api.http.asking import Asking
from api.http.headers import CommonHeaders, Header, completed, merged
from api.http.metrics import UNMATCHED
from api.http.request_id import request_id

if TYPE_CHECKING:
    from litestar.types import Message, Receive, Send


WHOLE_ANSWER = "loopctl.whole_answer"
"""ASGI extension of api.http.protocol: (scope, status, encoded headers, body) → false when it cannot be taken now."""


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
        self.route = UNMATCHED
        self.request_id = request_id(self.headers.get(b"x-request-id"))
        self.status = 0
        """0 until the answer has begun."""
        self.body_left = False
        """Part of the request's body may still be on its way."""
        self.quiet = False
        """Not worth a line in the log."""
        self.asking: Asking | None = None
        """None on public routes."""
        self.more: list[Header] = []
        """On whatever is answered from here on: limits, tree heads."""
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
        elif self.method == "HEAD" and message["type"] == "http.response.body":
            await self._send({**message, "body": b""})
        else:
            await self._send(message)

    async def answer(self, status: int, kind: bytes, body: bytes, more: Sequence[Header] = ()) -> None:
        """For an answer of our own, complete."""
        own = [*self.more, *more] if self.more else more
        if self._answer_at_once(status, kind, body, own):
            return
        self.status = status
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        headers += [*self._common.headers, *own, (b"x-request-id", self.request_id.encode())]
        shown = b"" if self.method == "HEAD" else body
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": shown, "more_body": False})

    def _answer_at_once(self, status: int, kind: bytes, body: bytes, more: Sequence[Header]) -> bool:
        """In one piece, which our own server takes and no other; false when it does not, or cannot now."""
        extensions = self.scope.get("extensions")
        if not extensions or WHOLE_ANSWER not in extensions or any(name == b"connection" for name, _ in more):
            return False
        head = b"%bcontent-type: %b\r\ncontent-length: %d\r\n%bx-request-id: %b\r\n" % (
            self._common.encoded,
            kind,
            len(body),
            b"".join(b"%b: %b\r\n" % header for header in more),
            self.request_id.encode(),
        )
        taken: bool = extensions[WHOLE_ANSWER](self.scope, status, head, b"" if self.method == "HEAD" else body)
        if taken:
            self.status = status
        return taken
