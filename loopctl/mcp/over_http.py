"""One message over streamable HTTP, without sessions: the server's part, to which the SDK says what is answered."""

import logging
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from msgspec import Struct

from loopctl.mcp.carrying_out import Calls
from loopctl.mcp.serving import server_of

SAID = {b"accept": b"application/json, text/event-stream", b"content-type": b"application/json"}
"""The answer is JSON, whatever the client would take besides, and so was the message: the server has read it."""

logging.getLogger("mcp").setLevel(logging.WARNING)  # it says of each message that a manager has started


class Reply(Struct):
    status: int = 500
    kind: str | None = None
    content: bytes = b""


async def replied(calls: Calls, headers: Mapping[bytes, bytes], message: bytes) -> Reply:
    """To the body of a POST; both eras of the protocol."""
    reply, unread = Reply(), [message]

    async def receive() -> dict[str, Any]:
        if not unread:
            await anyio.sleep_forever()  # a client that leaves is the server's affair, which ends this task then
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(part: Mapping[str, Any]) -> None:
        if part["type"] == "http.response.start":
            reply.status = part["status"]
            reply.kind = next((value.decode() for name, value in part["headers"] if name == b"content-type"), None)
        else:
            reply.content += part.get("body", b"")

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": "/mcp", "query_string": b"",
        # What is around a value is no part of it, and servers of HTTP leave what is behind it.
        "headers": [*{**{name: value.strip(b" \t") for name, value in headers.items()}, **SAID}.items()],
    }  # fmt: skip
    manager = StreamableHTTPSessionManager(server_of(calls), json_response=True, stateless=True)
    async with manager.run():
        await manager.handle_request(scope, receive, send)
    return reply
