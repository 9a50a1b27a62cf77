"""Calls a plain handler without the framework's own request machinery, which costs more than most handlers.

Plain is a coroutine function that takes nothing but a JSON body (``data``) and path parameters, has no guard,
dependency or hook, and returns a value to encode. Every other handler goes through Litestar; a test holds the two
ways to the same answers. Both decode the body once, strictly, into the type that the handler declares.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

Call = Callable[[Mapping[str, Any], bytes, bool], Awaitable[bytes]]
"""Path parameters, checked JSON (or nothing), whether it was a form → the encoded answer."""

ENCODER = msgspec.json.Encoder()
EMPTY = b"{}"
"""A missing body reads as an empty object, so that the answer names the fields that are missing."""


class TypedRequest(Request[Any, Any, State]):
    """Decodes a body into the handler's own type at once, where Litestar makes a dictionary and converts it laxly."""

    async def json(self) -> Any:
        field = self.route_handler.parsed_fn_signature.parameters.get("data")
        body = await self.body()
        kind = field.annotation if field is not None else Any
        return msgspec.json.decode(body or EMPTY, type=kind, strict=not self.scope.get("loopctl_form", False))


BODY_SOURCES = frozenset({"data", "body", "request", "scope"})
"""Parameters of a handler through which it can come by the body."""


def reads_body(handler: HTTPRouteHandler) -> bool:
    """It may look at the body, itself or in a hook. Nobody does for GET, where a body has no meaning."""
    hooks = (handler.resolve_guards(), handler.resolve_dependencies(), handler.resolve_before_request())
    named = BODY_SOURCES & handler.parsed_fn_signature.parameters.keys()
    return not handler.http_methods <= {"GET", "HEAD"} and bool(named or any(hooks))


def needs_body(handler: HTTPRouteHandler) -> bool:
    """It takes a body and has no default for a missing one."""
    field = handler.parsed_fn_signature.parameters.get("data")
    return field is not None and not field.has_default


def direct_call(handler: HTTPRouteHandler, path_parameters: Mapping[str, Any]) -> Call | None:
    """None for a handler that needs the framework. ``path_parameters`` maps name to type."""
    if not _is_plain(handler, path_parameters):
        return None
    function: Any = handler.fn
    encode = ENCODER.encode
    field = handler.parsed_fn_signature.parameters.get("data")
    if field is None:

        async def without_body(path: Mapping[str, Any], _: bytes, __: bool) -> bytes:
            return encode(await function(**path))

        return without_body
    kind = field.annotation
    decode = msgspec.json.Decoder(kind).decode

    async def with_body(path: Mapping[str, Any], body: bytes, form: bool) -> bytes:
        if form:
            return encode(await function(data=msgspec.json.decode(body, type=kind, strict=False), **path))
        return encode(await function(data=decode(body or EMPTY), **path))

    return with_body


def _is_plain(handler: HTTPRouteHandler, path_parameters: Mapping[str, Any]) -> bool:
    signature = handler.parsed_fn_signature
    needs = (
        handler.resolve_guards(),
        handler.resolve_dependencies(),
        handler.resolve_before_request(),
        handler.resolve_after_response(),
        handler.after_request,
        handler.resolve_response_headers(),
        handler.resolve_response_cookies(),
        handler.background,
        handler.cache,
        "data" in signature.parameters and not needs_body(handler),
        signature.return_type.is_subclass_of((Response, ASGIResponse)),
    )
    return (
        inspect.iscoroutinefunction(handler.fn)
        and not any(needs)
        and str(handler.media_type) in ("MediaType.JSON", "application/json")
        and all(
            name == "data" or (path_parameters.get(name) is field.annotation and field.annotation in (UUID, str, int))
            for name, field in signature.parameters.items()
        )
    )
