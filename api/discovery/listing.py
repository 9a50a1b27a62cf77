"""The route list, read off the router."""

import re
from collections.abc import Sequence

from litestar import Litestar
from litestar.routes import HTTPRoute

from api.discovery.schemas import RouteEntry

PLACEHOLDER = re.compile(r"\{([^}]+)\}")


def listed_routes(app: Litestar) -> Sequence[RouteEntry]:
    """Sorted by path, then method; the framework's own OPTIONS handlers answer 404 and are not in it."""
    found = [
        RouteEntry(method, PLACEHOLDER.sub(r":\1", route.path_format), handler.summary or "", handler.opt["access"])
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "access" in handler.opt
        for method in handler.http_methods
    ]
    return sorted(found, key=lambda entry: (entry.path, entry.method))
