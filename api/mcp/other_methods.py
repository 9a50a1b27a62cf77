"""What else a client of MCP may try at /mcp, refused as the protocol wants it. In no list of routes."""

from collections.abc import Sequence
from typing import Any

from litestar import delete, get
from litestar.handlers import HTTPRouteHandler

from api.http.refusal import Refused

OPEN: dict[str, Any] = {"access": "public", "any_accept": True}


async def other_method() -> None:
    message = "Method Not Allowed: there are no sessions here, each message is a POST"
    raise Refused("method_not_allowed", message, headers={"Allow": "POST"})


OTHER_METHODS: Sequence[HTTPRouteHandler] = (
    get("/mcp", opt=OPEN)(other_method),
    delete("/mcp", opt=OPEN, status_code=200)(other_method),
)
