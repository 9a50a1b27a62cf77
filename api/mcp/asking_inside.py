"""Requests that a tool makes of this very server: each goes the way of every request, with the caller's own key."""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

from litestar.types import Scope
from msgspec import Struct

from api.http.asking import Peer
from api.http.endpoints import Within
from loopctl.answers import Answer, Request


class Sender(Struct, frozen=True):
    """Called in a thread beside the loop, on which the request runs."""

    within: Within
    loop: asyncio.AbstractEventLoop

    def __call__(self, request: Request) -> Answer:
        """Raises TimeoutError."""
        running = asyncio.run_coroutine_threadsafe(answered(self.within, request), self.loop)
        try:
            return running.result(request.seconds)
        except TimeoutError:
            running.cancel()
            raise


async def answered(within: Within, request: Request) -> Answer:
    content = request.content or b""
    heard: MutableMapping[str, Any] = {"status": 500, "headers": [], "content": b""}

    async def receive() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(part: Mapping[str, Any]) -> None:
        if part["type"] == "http.response.start":
            heard.update(status=part["status"], headers=part["headers"])
        else:
            heard["content"] += part.get("body", b"")

    if within.app is None:
        raise TypeError("only the shell makes requests that can ask it")
    await within.app(_scope(request, len(content), within.peer), receive, send)
    found = {name.lower(): value.decode("latin-1") for name, value in heard["headers"]}
    return Answer(
        heard["status"], heard["content"], found.get(b"retry-after", ""), found.get(b"content-type", ""),
        found.get(b"location", ""),
    )  # fmt: skip


def _scope(request: Request, length: int, peer: Peer) -> Scope:
    path, _, query = request.target.partition("?")
    said = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
    if request.content is not None:
        said.append((b"content-length", b"%d" % length))
    scope: Any = {
        "type": "http", "http_version": "1.1", "method": request.method, "scheme": "http", "path": unquote(path),
        "raw_path": path.encode("latin-1"), "query_string": query.encode("latin-1"), "root_path": "",
        "headers": said, "client": peer, "server": None, "extensions": {},
    }  # fmt: skip
    return scope  # type: ignore[no-any-return]  # of Litestar's own kind
