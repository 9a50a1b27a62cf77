"""Calls a plain handler without the framework's own request machinery, which costs more than most handlers.

Plain is a coroutine function that takes nothing but a JSON body (``data``), path parameters, who asks (``asking``)
and a query as a Struct (``wanted``), has no guard or hook, and returns a value to encode or a Response of bytes.
Every other handler goes through Litestar; a test holds the two ways to the same answers. Both decode the body once,
strictly, into the type that the handler declares.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Struct

from api.http.asking import Asking
from api.http.query import read_query


class Called(Struct, frozen=True):
    """What a plain handler's arguments are made from. ``body`` is checked JSON, or nothing."""

    path: Mapping[str, Any]
    body: bytes
    form: bool
    asking: Asking | None
    query: bytes


Call = Callable[[Called], Awaitable[bytes | Response[bytes]]]
"""To the encoded answer, or to one that says its status and headers as well."""

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


def _asking() -> None:
    raise TypeError("a handler that takes `asking` is called directly")


def _wanted() -> None:
    raise TypeError("a handler that takes `wanted` is called directly")


GIVEN = {"asking": Provide(_asking, sync_to_thread=False), "wanted": Provide(_wanted, sync_to_thread=False)}
"""Tells the framework that these parameters are neither in the path nor in the query."""


def takes_what_is_given(handler: HTTPRouteHandler) -> bool:
    return bool(handler.parsed_fn_signature.parameters.keys() & GIVEN.keys())


def query_type(handler: HTTPRouteHandler) -> type[Struct] | None:
    """The Struct that describes the handler's query."""
    field = handler.parsed_fn_signature.parameters.get("wanted")
    return field.annotation if field is not None else None


def direct_call(handler: HTTPRouteHandler, path_parameters: Mapping[str, Any]) -> Call | None:
    """None for a handler that needs the framework. ``path_parameters`` maps name to type."""
    if not _is_plain(handler, path_parameters):
        return None
    function: Any = handler.fn
    makers = _argument_makers(handler)

    async def call(called: Called) -> bytes | Response[bytes]:
        answer = await function(**called.path, **{name: make(called) for name, make in makers})
        return answer if isinstance(answer, Response) else ENCODER.encode(answer)

    return call


def _argument_makers(handler: HTTPRouteHandler) -> list[tuple[str, Callable[[Called], Any]]]:
    parameters = handler.parsed_fn_signature.parameters
    makers: list[tuple[str, Callable[[Called], Any]]] = []
    if "data" in parameters:
        makers.append(("data", _body_maker(parameters["data"].annotation)))
    if "asking" in parameters:
        makers.append(("asking", lambda called: called.asking))
    if (query := query_type(handler)) is not None:
        makers.append(("wanted", lambda called: read_query(query, called.query)))
    return makers


def _body_maker(kind: Any) -> Callable[[Called], Any]:
    decode = msgspec.json.Decoder(kind).decode

    def make(called: Called) -> Any:
        if called.form:
            return msgspec.json.decode(called.body, type=kind, strict=False)
        return decode(called.body or EMPTY)

    return make


def _is_plain(handler: HTTPRouteHandler, path_parameters: Mapping[str, Any]) -> bool:
    signature = handler.parsed_fn_signature
    needs = (
        handler.resolve_guards(),
        handler.resolve_dependencies().keys() - GIVEN.keys(),
        handler.resolve_before_request(),
        handler.resolve_after_response(),
        handler.after_request,
        handler.resolve_response_headers(),
        handler.resolve_response_cookies(),
        handler.background,
        handler.cache,
        "data" in signature.parameters and not needs_body(handler),
        signature.return_type.is_subclass_of((Response, ASGIResponse)) and not takes_what_is_given(handler),
    )
    return (
        inspect.iscoroutinefunction(handler.fn)
        and not any(needs)
        and str(handler.media_type) in ("", "MediaType.JSON", "application/json")
        and all(
            name in ("data", *GIVEN)
            or (path_parameters.get(name) is field.annotation and field.annotation in (UUID, str, int))
            for name, field in signature.parameters.items()
        )
    )
