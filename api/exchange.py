"""One request and its answer, as the shell sees them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from api.asking import Asking
from api.headers import CommonHeaders, Header, completed
from api.metrics import UNMATCHED
from api.request_id import request_id

if TYPE_CHECKING:
    from litestar.types import Message, Receive, Send


WHOLE_ANSWER = "loopctl.whole_answer"
"""ASGI extension of api.protocol: (status, encoded headers, body) → false when it cannot be taken now."""


class Exchange:
    """Knows whether the answer has begun, and puts on it the headers that every answer has."""

    __slots__ = (
        "_common",
        "_send",
        "asking",
        "body_left",
        "headers",
        "method",
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
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
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
        self._common = common
        self._send = send

    async def send(self, message: "Message") -> None:
        """For an answer that the framework makes."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = completed(list(message.get("headers", ())), self._common.headers)
            headers.append((b"x-request-id", self.request_id))
            await self._send({**message, "headers": headers})
        elif self.method == "HEAD" and message["type"] == "http.response.body":
            await self._send({**message, "body": b""})
        else:
            await self._send(message)

    async def answer(self, status: int, kind: bytes, body: bytes, more: Sequence[Header] = ()) -> None:
        """For an answer of our own, complete. Our server takes it in one piece; every other one as ASGI has it."""
        self.status = status
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"x-request-id", self.request_id)]
        headers += more
        shown = b"" if self.method == "HEAD" else body
        extensions = self.scope.get("extensions")
        if extensions and WHOLE_ANSWER in extensions:
            head = self._common.encoded + b"".join([b"%b: %b\r\n" % header for header in headers])
            if extensions[WHOLE_ANSWER](status, head, shown):
                return
        headers += self._common.headers
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": shown, "more_body": False})
