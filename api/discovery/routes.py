"""GET /, /api/v1/, /api/v1/routes and /.well-known/loopctl."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter

from api.discovery.schemas import Entry, RouteEntry, RouteList, WellKnown
from api.discovery.well_known import json_schema, matches, weak_etag, well_known
from api.http.headers import PAGE
from api.http.negotiation import wants_html
from api.services import Services

PUBLIC = {"access": "public"}
ANY_ACCEPT = {"access": "public", "any_accept": True}

LANDING = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>loopctl</title><link rel="icon" href="/favicon.ico"></head>
<body>
<h1>loopctl</h1>
<p>The state store of an AI development loop. Nobody marks their own work as done.</p>
<ul>
<li><a href="/swaggerui">The API, to try out</a></li>
<li><a href="/api/v1/openapi">The OpenAPI document</a></li>
<li><a href="/health">Health</a></li>
</ul>
</body>
</html>
"""


def discovery_routes(services: Services, listed: Callable[[], Sequence[RouteEntry]]) -> Sequence[HTTPRouteHandler]:
    """``listed`` is asked at the first request, when every route is known."""
    entry_document = Entry("loopctl", services.version, "/api/v1/openapi", "/swaggerui", "/health")

    @get(
        "/api/v1", opt=PUBLIC, tags=["Discovery"], summary="Where to go from here", responses=_ok(Entry, entry_document)
    )
    async def entry() -> Entry:
        return entry_document

    @get(
        "/api/v1/routes",
        opt=PUBLIC,
        tags=["Discovery"],
        summary="Every route with the role that it needs",
        responses=_ok(RouteList, RouteList([RouteEntry("GET", "/health", "How the service is", "public")], 1)),
    )
    async def list_routes() -> RouteList:
        found = list(listed())
        return RouteList(found, len(found))

    return [_root_route(), entry, list_routes, *_well_known_routes(services)]


def _root_route() -> HTTPRouteHandler:
    @get(
        "/",
        opt=ANY_ACCEPT,
        tags=["Discovery"],
        summary="A page for people; everybody else is sent to /api/v1/",
        media_type="text/html",
        responses={
            200: ResponseSpec(str, False, "The page, when Accept names text/html", "text/html"),
            302: ResponseSpec(None, False, "To /api/v1/"),
        },
    )
    async def root(request: Request[Any, Any, Any]) -> Response[bytes]:
        if wants_html(request.headers.get("accept", "").encode("latin-1", "replace")):
            return Response(LANDING.encode(), media_type="text/html", headers=PAGE)
        return Response(b"", status_code=302, media_type="text/html", headers={"Location": "/api/v1/"})

    return root


def _well_known_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    document = well_known(services.settings, services.version)
    body = msgspec.json.encode(document)
    etag = weak_etag(body)
    schema = msgspec.json.encode(json_schema(services.settings))

    @get(
        "/.well-known/loopctl",
        opt=PUBLIC,
        tags=["Discovery"],
        summary="Where an agent that knows only the host finds everything else",
        description="Has a weak ETag; ask with If-None-Match. Nothing in it belongs to a tenant.",
        responses={**_ok(WellKnown, document), 304: ResponseSpec(None, False, "It is as you know it")},
    )
    async def find_loopctl(
        if_none_match: Annotated[
            str | None, HeaderParameter(name="If-None-Match", description="The ETag that you know")
        ] = None,
    ) -> Response[bytes]:
        headers = {"Cache-Control": "public, max-age=3600", "ETag": etag}
        if matches(if_none_match, etag):
            return Response(b"", status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    @get(
        "/.well-known/loopctl/schema.json",
        opt=PUBLIC,
        tags=["Discovery"],
        summary="The JSON Schema of /.well-known/loopctl",
        media_type="application/schema+json",
        responses={200: ResponseSpec(dict[str, Any], False, "JSON Schema 2020-12", "application/schema+json")},
    )
    async def show_schema() -> Response[bytes]:
        return Response(
            schema, media_type="application/schema+json", headers={"Cache-Control": "public, max-age=86400"}
        )

    return [find_loopctl, show_schema]


def _ok(kind: type, example: object) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(kind, False, "The document", examples=[Example(value=example)])}
