"""GET /, /api/v1/, /api/v1/routes and /.well-known/loopctl."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import structs

from api.discovery.schemas import Entry, RouteEntry, RouteList, WellKnown
from api.discovery.well_known import json_schema, matches, weak_etag, well_known
from api.http.endpoints import SentHeaders
from api.http.negotiation import wants_html
from api.http.page_headers import PAGE
from api.services import Provided
from config.settings import Settings

PUBLIC = {"access": "public"}
ENTRY = Entry("loopctl", "1.0.0", "/api/v1/openapi", "/swaggerui", "/health")
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


def _ok(kind: type, example: object) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(kind, False, "The document", examples=[Example(value=example)])}


@get("/api/v1", opt=PUBLIC, tags=["Discovery"], summary="Where to go from here", responses=_ok(Entry, ENTRY))
async def entry(services: Provided) -> Entry:
    return structs.replace(ENTRY, version=services.version)


@get(
    "/api/v1/routes",
    opt=PUBLIC,
    tags=["Discovery"],
    summary="Every route with the role that it needs",
    responses=_ok(RouteList, RouteList([RouteEntry("GET", "/health", "How the service is", "public")], 1)),
)
async def list_routes(services: Provided) -> RouteList:
    found = list(services.documents.routes())
    return RouteList(found, len(found))


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
async def root(sent_headers: SentHeaders) -> Response[bytes]:
    if wants_html(sent_headers.get(b"accept", b"")):
        return Response(LANDING.encode(), media_type="text/html", headers=PAGE)
    return Response(b"", status_code=302, media_type="text/html", headers={"Location": "/api/v1/"})


@get(
    "/.well-known/loopctl",
    opt=PUBLIC,
    tags=["Discovery"],
    summary="Where an agent that knows only the host finds everything else",
    description="Has a weak ETag; ask with If-None-Match. Nothing in it belongs to a tenant.",
    responses={
        **_ok(WellKnown, well_known(Settings(), ENTRY.version)),
        304: ResponseSpec(None, False, "It is as you know it"),
    },
)
async def find_loopctl(services: Provided, sent_headers: SentHeaders) -> Response[bytes]:
    body = msgspec.json.encode(well_known(services.settings, services.version))
    etag = weak_etag(body)
    headers = {"Cache-Control": "public, max-age=3600", "ETag": etag}
    if matches(sent_headers.get(b"if-none-match", b"").decode("latin-1") or None, etag):
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
async def show_schema(services: Provided) -> Response[bytes]:
    schema = msgspec.json.encode(json_schema(services.settings))
    return Response(schema, media_type="application/schema+json", headers={"Cache-Control": "public, max-age=86400"})


ROUTES: Sequence[HTTPRouteHandler] = (
    entry,
    list_routes,
    root,
    find_loopctl,
    show_schema,
)
