"""From a path to what answers it: Litestar's routing tree, our policy, and the way to call the handler."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Litestar
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.utils.path import normalize_path
from msgspec import Struct

from api.http.calling import Call, call_of, reads_body
from api.http.limits import Limits
from api.http.policy import Policy, policy_of
from api.http.refusal import Refused


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
