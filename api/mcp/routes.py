"""/mcp: the tools of the caller's role over streamable HTTP, without sessions (docs/mcp.md)."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers, answers_nothing
from api.http.asking import Asker, Asking
from api.http.endpoints import AskedWithin
from api.http.refusal import Refused
from api.mcp.asking_inside import Sender
from api.mcp.schemas import MessageBody
from api.services import Provided
from loopctl.mcp.carrying_out import Calls, One
from loopctl.mcp.inside import Inside
from loopctl.mcp.tools import TOOLS

HANDED_ON = (
    "authorization", "x-impersonate-tenant", "x-effective-role", "x-forwarded-for", "x-request-id", "loopctl-witness",
    "loopctl-witness-note", "x-loopctl-last-known-sth", "x-loopctl-sth-bootstrap",
)  # fmt: skip
"""Headers of the call that say who asks, and what it has seen of the log: its requests answer for the same."""
SECONDS = 60.0
"""For a call with everything that its tool asks for; an import takes longest."""


@post(
    "/mcp",
    opt={
        "access": "=agent,orchestrator,user", "any_accept": True, "places": "tools", "request_seconds": SECONDS,
        "errors": ("foreign_origin",),
    },
    tags=["Discovery"],
    summary="The tools of the key's role, over MCP",
    description=(
        "Streamable HTTP without sessions, of the Model Context Protocol: one message, one answer in JSON. Which tools "
        "there are follows from the key's role; X-Loopctl-Project names the project that is meant when a call names "
        "none. A call counts as one request, and so does each request that its tool makes."
    ),
    status_code=200,
    responses={
        **answers(200, "What is answered to a request", {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}),
        **answers_nothing(202, "A notification has come"),
    },
)  # fmt: skip
async def speak(services: Provided, asking: Asker, within: AskedWithin, data: JSONBody[MessageBody]) -> Response[bytes]:
    headers = within.headers
    _check_origin(headers, services.settings.base_url())
    speaking = await services.tool_threads.speak()
    client = Inside(Sender(within, asyncio.get_running_loop()), _handed_on(headers), _idempotency_key(asking))
    project = headers.get(b"x-loopctl-project", b"").decode("latin-1").strip() or None
    calls = Calls(TOOLS[asking.caller.role.value], partial(services.tool_threads.act, One(client, project)))
    reply = await speaking(calls, headers, msgspec.json.encode(data))
    return Response(reply.content, status_code=reply.status, media_type=reply.kind or "application/json")


def _check_origin(headers: Mapping[bytes, bytes], own: str) -> None:
    """A browser says whose page asks: a page of somebody else's has no business here. Raises Refused."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and origin != own:
        raise Refused("foreign_origin", f"Pages of {origin[:100]!r} may not use the tools of {own}.")


def _handed_on(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name: headers[name.encode()].decode("latin-1") for name in HANDED_ON if name.encode() in headers}


def _idempotency_key(asking: Asking) -> str | None:
    return asking.idempotency.key if asking.idempotency else None


ROUTES: Sequence[HTTPRouteHandler] = (speak,)
