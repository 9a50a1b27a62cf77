"""GET /api/v1/, /api/v1/routes and /.well-known/loopctl."""

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
from api.services import Provided
from config.settings import Settings

PUBLIC = {"access": "public"}
ENTRY = Entry("loopctl", "1.0.0", "/api/v1/openapi", "/swaggerui", "/health")


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
    find_loopctl,
    show_schema,
)
