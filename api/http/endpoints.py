"""From a path to what answers it: Litestar's routing tree, our policy, and the call of the handler.

Litestar routes and documents; its own way from a request to a handler costs more than most handlers. A handler is a
coroutine function at the top of its module, and asks for what it wants by the names of its parameters:

- path parameters, under their names in the path;
- ``data``: the JSON body, decoded strictly into the declared type;
- ``wanted``: the query, read into a Struct as `api.http.query` says;
- ``asking``: who asks; ``sent_headers``, with names in lower case; ``peer``, who is at the other end of the connection;
  ``services``: what the application is given; ``within``: the application itself, for requests within a request.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.enums import MediaType
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp
from litestar.utils.helpers import get_enum_string_value
from litestar.utils.path import normalize_path
from msgspec import Struct

from api.http.asking import Asking, Peer
from api.http.ignored import Find, told, unknown_members
from api.http.limits import Limits
from api.http.policy import Policy, policy_of
from api.http.query import read_query
from api.http.refusal import Refused
from api.http.validation import misfit
from loopctl.tlog.operation import MEMBER


class Called(Struct, frozen=True):
    """What arguments are made from. ``body`` is checked JSON, or nothing."""

    path: Mapping[str, Any]
    body: bytes
    form: bool
    asking: Asking | None
    query: bytes
    headers: Mapping[bytes, bytes]
    peer: Peer = None
    app: "ASGIApp | None" = None


Answer = bytes | Response[Any]
"""The encoded answer with the handler's own status, or one that says its status and headers as well."""

Call = Callable[[Called], Awaitable[Answer]]

SentHeaders = NamedDependency[Mapping[bytes, bytes]]
"""How a handler declares that it looks at the request's headers: ``sent_headers: SentHeaders``."""

SentFrom = NamedDependency[Peer]
"""How a handler declares that it wants to know who is at the other end: ``peer: SentFrom``."""


class Within(Struct, frozen=True):
    """A request, for a handler that asks the application itself in the name of whoever has sent it."""

    app: "ASGIApp | None"
    headers: Mapping[bytes, bytes]
    peer: Peer


AskedWithin = NamedDependency[Within]
"""How it declares that: ``within: AskedWithin``."""

ENCODER = msgspec.json.Encoder()
EMPTY = b"{}"
"""A missing body reads as an empty object, so that the answer names the fields that are missing."""


def _made_here(name: str) -> Provide:
    def framework_calls() -> None:
        raise TypeError(f"the framework calls no handler, and so does not make {name}")

    return Provide(framework_calls, sync_to_thread=False)


GIVEN = {name: _made_here(name) for name in ("asking", "within", "peer", "sent_headers", "services", "wanted")}
"""Tells the framework that these parameters are neither in the path nor in the query."""


class Undeclared(Exception):
    """A handler wants something that no request has."""


def reads_body(handler: HTTPRouteHandler) -> bool:
    """Nobody looks at the body of another one."""
    return "data" in handler.parsed_fn_signature.parameters


def query_type(handler: HTTPRouteHandler) -> type[Struct] | None:
    """The Struct that describes the handler's query."""
    field = handler.parsed_fn_signature.parameters.get("wanted")
    return field.annotation if field is not None else None


def call_of(handler: HTTPRouteHandler, path: Mapping[str, Any], services: object) -> Call:
    """``path`` maps the names of path parameters to their types. Raises Undeclared."""
    _check_nothing_is_ignored(handler)
    _check_all_is_made(handler, path)
    function: Any = handler.fn
    given = {"services": services} if "services" in handler.parsed_fn_signature.parameters else {}
    makers = _makers(handler)
    media_type = get_enum_string_value(handler.media_type) or MediaType.JSON.value

    async def call(called: Called) -> bytes | Response[Any]:
        arguments = {name: make(called) for name, make in makers}
        answer = await function(**called.path, **given, **arguments)
        if isinstance(answer, Response):
            return answer
        if media_type != MediaType.JSON.value:
            return Response(answer, media_type=media_type)
        return ENCODER.encode(answer)

    body = handler.parsed_fn_signature.parameters.get("data")
    find = unknown_members(body.annotation) if body else None
    if find and handler.opt.get("fresh"):
        find = _without_assertion(find)
    return call if find is None else _saying_what_is_ignored(call, find)


def _without_assertion(find: Find) -> Find:
    """Of a route that a person may have to confirm: api/fresh has read it."""
    return lambda body: [name for name in find(body) if name != MEMBER]


def _saying_what_is_ignored(call: Call, find: Find) -> Call:
    """For an answer of success with an object in it; a refusal says what is wrong, and no more."""

    async def called_and_told(called: Called) -> bytes | Response[Any]:
        answer = await call(called)
        whole = answer if isinstance(answer, Response) else None
        content = answer if whole is None else whole.content
        if not called.body or not isinstance(content, bytes) or not content.startswith(b"{"):
            return answer
        if whole and (whole.status_code or 200) >= 300:  # no success
            return answer
        names = find(called.body)
        if not names:
            return answer
        if whole is None:
            return told(content, names)
        whole.content = told(content, names)
        return whole

    return called_and_told


def _check_nothing_is_ignored(handler: HTTPRouteHandler) -> None:
    """What only Litestar's own way would do is refused. Raises Undeclared."""
    name, signature = handler.fn.__name__, handler.parsed_fn_signature
    ignored = {
        "guards": handler.resolve_guards(),
        "dependencies": handler.resolve_dependencies().keys() - GIVEN.keys(),
        "before_request": handler.resolve_before_request(),
        "after_request": handler.after_request,
        "after_response": handler.resolve_after_response(),
        "response_headers": handler.resolve_response_headers(),
        "response_cookies": handler.resolve_response_cookies(),
        "background": handler.background,
        "cache": handler.cache,
        "request": "request" in signature.parameters or "scope" in signature.parameters,
    }
    if given := [what for what, value in ignored.items() if value]:
        raise Undeclared(f"{name} declares {', '.join(given)}, which nothing here does.")
    if not inspect.iscoroutinefunction(handler.fn):
        raise Undeclared(f"{name} is no coroutine function.")


def _check_all_is_made(handler: HTTPRouteHandler, path: Mapping[str, Any]) -> None:
    for name, field in handler.parsed_fn_signature.parameters.items():
        in_path = str if path.get(name) is Path else path.get(name)  # the rest of a path comes as text
        if name not in ("data", *GIVEN) and in_path is not field.annotation:
            raise Undeclared(f"{handler.fn.__name__} asks for {name}, which is made from nothing of that type.")


def _makers(handler: HTTPRouteHandler) -> list[tuple[str, Callable[[Called], Any]]]:
    parameters = handler.parsed_fn_signature.parameters
    makers: list[tuple[str, Callable[[Called], Any]]] = []
    if "data" in parameters:
        makers.append(("data", _body_maker(parameters["data"].annotation, parameters["data"].default)))
    if "asking" in parameters:
        makers.append(("asking", _asking))
    if "sent_headers" in parameters:
        makers.append(("sent_headers", lambda called: called.headers))
    if "peer" in parameters:
        makers.append(("peer", lambda called: called.peer))
    if "within" in parameters:
        makers.append(("within", lambda called: Within(called.app, called.headers, called.peer)))
    if (query := query_type(handler)) is not None:
        makers.append(("wanted", lambda called: read_query(query, called.query)))
    return makers


def _asking(called: Called) -> Asking:
    if called.asking is None:
        raise TypeError("a public route knows no caller")
    return called.asking


def _body_maker(kind: Any, default: Any) -> Callable[[Called], Any]:
    decode = msgspec.json.Decoder(kind).decode
    optional = default is None

    def make(called: Called) -> Any:
        if optional and not called.body:
            return None
        try:
            if called.form:
                return msgspec.json.decode(called.body, type=kind, strict=False)
            return decode(called.body or EMPTY)
        except msgspec.ValidationError as error:
            raise misfit(error, kind) from None

    return make


def without_body(answer: Stream) -> Stream:
    """The same, with nothing in it: for a client that asks for the head of what could go on for minutes."""
    return Stream(iter(()), status_code=answer.status_code, headers=answer.headers, media_type=answer.media_type)


def framework_request(scope: Any) -> Request[Any, Any, State]:
    """What a response of the framework wants to see before it is sent."""
    return Request(scope)


class Endpoint(Struct, frozen=True):
    """One handler at one path."""

    policy: Policy
    template: str
    """Names the route in metrics and logs, where a path could hold ids."""
    handler: HTTPRouteHandler
    call: Call
    reads_body: bool
    """Of another one the body is read within the limits, and nobody looks at it."""


class Found(Struct):
    """A request's endpoint with what its path says."""

    endpoint: Endpoint
    parameters: dict[str, Any]


class Endpoints:
    """Raises UndeclaredRoute while it is made. Uses the router of the pinned Litestar, without the layers around it."""

    def __init__(self, app: Litestar, limits: Limits, services: object) -> None:
        self._route = app.asgi_router.handle_routing
        self._known = _known(app, limits, services)

    def find(self, method: str, path: str) -> Found:
        """Raises Refused (not_found), for a wrong method and for an id in a wrong form too."""
        try:
            _, handler, plain, parameters, template = self._route(
                normalize_path(path) if path[-1:] == "/" or path[:1] != "/" or "//" in path else path, method
            )
        except (NotFoundException, MethodNotAllowedException):
            raise Refused("not_found") from None
        endpoint = self._known.get((id(handler), template))
        if endpoint is None or (parameters and not _canonical(parameters, plain)):
            raise Refused("not_found")
        return Found(endpoint, parameters)


def _known(app: Litestar, limits: Limits, services: object) -> Mapping[tuple[int, str], Endpoint]:
    found: dict[tuple[int, str], Endpoint] = {}
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            raise TypeError(f"{route.path} is not HTTP: nothing here guards it")
        for handler in route.route_handlers:
            if handler.fn.__module__.startswith("litestar."):
                continue  # OPTIONS, which it adds to each route, stays an unknown path
            policy = policy_of(handler, f"{'/'.join(sorted(handler.http_methods))} {route.path_format}", limits)
            types = {name: definition.type for name, definition in route.path_parameters.items()}
            found[id(handler), route.path_format] = Endpoint(
                policy=policy,
                template=route.path_format,
                handler=handler,
                call=call_of(handler, types, services),
                reads_body=reads_body(handler),
            )
    return found


def _canonical(parameters: Mapping[str, Any], path: str) -> bool:
    """Each id stands in the path in its one spelling, letter case aside: no braces, no ``urn:``, no ``0_7``."""
    parts = path.lower().split("/")
    return all(str(value) in parts for value in parameters.values() if isinstance(value, UUID | int))
