"""Files of pages, and the page of all components."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.http.endpoints import SentHeaders
from api.http.page_headers import PAGE
from api.http.refusal import Refused
from api.services import Provided
from api.web.files import File, FilesMissing, file
from api.web.rendering import page

ANY_ACCEPT = {"access": "public", "any_accept": True}
FRESH = {"Cache-Control": "no-cache"}
"""Kept, and asked about: an answer without a body, when it is as the browser knows it."""


@get("/assets/{name:str}", opt=ANY_ACCEPT, include_in_schema=False, summary="A file of the pages")
async def show_asset(sent_headers: SentHeaders, name: FromPath[str]) -> Response[bytes]:
    return sent(found(name), sent_headers.get(b"if-none-match", b""))


@get("/design", opt=ANY_ACCEPT, include_in_schema=False, summary="Every component, for those who build pages")
async def show_design(services: Provided) -> Response[bytes]:
    if not services.settings.development:
        raise Refused("not_found")
    return page("design.html", now=services.utc_now())


def found(name: str) -> File:
    try:
        return file(name)
    except KeyError:
        raise Refused("not_found") from None
    except FilesMissing as error:
        raise Refused("assets_missing", str(error)) from error


def sent(wanted: File, known: bytes) -> Response[bytes]:
    headers = {**PAGE, **FRESH, "ETag": wanted.etag}
    if known.decode("latin-1").strip() == wanted.etag:
        return Response(b"", status_code=304, headers=headers)
    return Response(wanted.content, media_type=wanted.media_type, headers=headers)


ROUTES: Sequence[HTTPRouteHandler] = (show_asset, show_design)
