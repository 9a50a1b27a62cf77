"""The OpenAPI document and the page that shows it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from msgspec import Meta

from api.documentation.assets import KINDS, Assets, AssetsMissing
from api.documentation.page import HTML, SCRIPT
from api.http.page_headers import PAGE
from api.http.query import StrictQuery
from api.http.refusal import Refused
from api.services import Provided

ANY_ACCEPT = {"access": "public", "any_accept": True}
LASTING = {"Cache-Control": "public, max-age=3600"}


class VersionQuery(StrictQuery, frozen=True, kw_only=True):
    version: Annotated[Literal["3.0", "3.1"], Meta(description="Version of OpenAPI")] = "3.1"


@get(
    "/api/v1/openapi",
    opt={"access": "public", "request_seconds": 60.0},  # to make it, on a machine that has much else to do
    tags=["Discovery"],
    summary="This document",
    description="OpenAPI 3.1; the same in 3.0 for tools that know no newer one.",
    responses={200: ResponseSpec(dict[str, Any], False, "The OpenAPI document")},
)
async def show_openapi(services: Provided, wanted: NamedDependency[VersionQuery]) -> Response[bytes]:
    return Response(await services.documents.encoded(wanted.version), media_type="application/json", headers=LASTING)


@get(
    "/swaggerui",
    opt=ANY_ACCEPT,
    tags=["Discovery"],
    summary="The API, to read and to try out",
    media_type="text/html",
    responses={200: ResponseSpec(str, False, "A page", "text/html")},
)
async def show_swagger(services: Provided) -> Response[bytes]:
    _read(
        services.assets, "swagger-ui-bundle.js"
    )  # so that a missing set-up is said here and not in the browser's console
    return Response(HTML.encode(), media_type="text/html", headers=PAGE)


@get("/swagger", opt=ANY_ACCEPT, include_in_schema=False, summary="Moved to /swaggerui")
async def redirect_to_swagger() -> Response[bytes]:
    return Response(b"", status_code=302, media_type="text/html", headers={"Location": "/swaggerui"})


@get("/swaggerui/{name:str}", opt=ANY_ACCEPT, include_in_schema=False, summary="A file of the page")
async def show_file(services: Provided, name: FromPath[str]) -> Response[bytes]:
    if name == "start.js":
        return Response(SCRIPT.encode(), media_type="text/javascript", headers={**PAGE, **LASTING})
    return _file(services.assets, name)


def _file(assets: Assets, name: str) -> Response[bytes]:
    if name not in KINDS:
        raise Refused("not_found")
    return Response(_read(assets, name), media_type=KINDS[name], headers={**PAGE, **LASTING})


def _read(assets: Assets, name: str) -> bytes:
    try:
        return assets.file(name)
    except AssetsMissing as error:
        raise Refused("assets_missing", str(error)) from error


ROUTES: Sequence[HTTPRouteHandler] = (
    show_openapi,
    show_swagger,
    redirect_to_swagger,
    show_file,
)
