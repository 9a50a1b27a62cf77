"""Asks an application in this process, as a server would, and keeps what it answers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.app import create_app
from api.http.limits import Limits
from api.http.shell import Shell
from tests.support.services import services_with

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Answer(Struct, frozen=True):
    """``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> Any:
        return self.json()["error"]


class Echo(Struct, frozen=True):
    """A body with one of each."""

    name: str
    count: int = 0
    tags: list[str] = []


@post("/echo", status_code=200, opt={"access": "public"}, summary="Says it back")
async def echo(data: JSONBody[Echo]) -> Echo:
    return data


def made(*routes: HTTPRouteHandler, limits: Limits | None = None, **services: Any) -> Shell:
    """An application that needs nothing from outside, with ``routes`` besides its own."""
    return create_app(services_with(limits=limits or Limits(), **services), extra_routes=routes)


async def ask(
    app: Any,
    target: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | Sequence[bytes] | None = None,
) -> Answer:
    """``body`` in pieces arrives in pieces, without an announced length."""
    pieces = [body] if isinstance(body, bytes) else list(body or [])
    scope = _scope(method, target, headers or {}, body)
    sent: list[Any] = []

    asked = 0
    answered = asyncio.Event()

    async def receive() -> Any:
        nonlocal asked
        asked += 1
        if not pieces and body is not None:
            return {"type": "http.disconnect"}
        if not pieces:
            if asked > 1:  # a client that has sent all, waits for its answer, and then leaves
                await answered.wait()
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b""}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    await app(scope, receive, send)
    return _answer(sent)


def _scope(method: str, target: str, headers: Mapping[str, str], body: bytes | Sequence[bytes] | None) -> Any:
    path, _, query = target.partition("?")
    raw = [(b"host", b"test"), *((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items())]
    if isinstance(body, bytes):
        raw.append((b"content-length", str(len(body)).encode()))
    elif body is not None:
        raw.append((b"transfer-encoding", b"chunked"))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "scheme": "http",
        "headers": raw,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 4000),
        "state": {},
    }


def _answer(sent: Sequence[Any]) -> Answer:
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1, f"one answer was expected: {sent}"
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in starts[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(starts[0]["status"], headers, body)
