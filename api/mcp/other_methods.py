"""What else a client of MCP may try at /mcp, refused as the protocol wants it. In no list of routes."""

from collections.abc import Sequence
from typing import Any

from litestar import delete, get
from litestar.handlers import HTTPRouteHandler

from api.http.refusal import Refused

OPEN: dict[str, Any] = {"access": "public", "any_accept": True}


@get("/mcp", opt=OPEN)
async def listen() -> None:
    raise _other_method()


@delete("/mcp", opt=OPEN, status_code=200)
async def end_session() -> None:
    raise _other_method()


def _other_method() -> Refused:
    message = "Method Not Allowed: there are no sessions here, each message is a POST"
    return Refused("method_not_allowed", message, headers={"Allow": "POST"})


OTHER_METHODS: Sequence[HTTPRouteHandler] = (listen, end_session)
