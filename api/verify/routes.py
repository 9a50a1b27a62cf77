"""GET /verify: a bundle, checked by the browser that it is dropped into."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.http.endpoints import SentHeaders
from api.http.page_headers import PAGE
from api.http.refusal import Refused
from api.verify.files import file
from api.web.rendering import html

ANY_ACCEPT = {"access": "public", "any_accept": True}
SILENT = {
    **PAGE,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
"""Of this page and of its worker: the browser lets neither of them send anything, to us neither."""

FRESH = {"Cache-Control": "no-cache"}
"""Kept, and asked about: modules of two versions must never meet."""


@get("/verify", opt=ANY_ACCEPT, include_in_schema=False, summary="The page that checks a bundle offline")
async def show_verify() -> Response[bytes]:
    return Response(html("verify.html", {}), media_type="text/html", headers={**SILENT, **FRESH})


@get("/verify/{rest:path}", opt=ANY_ACCEPT, include_in_schema=False, summary="A module of the verifier")
async def show_module(sent_headers: SentHeaders, rest: FromPath[str]) -> Response[bytes]:
    try:
        wanted = file(rest.removeprefix("/"))
    except KeyError:
        raise Refused("not_found") from None
    headers = {**SILENT, **FRESH, "ETag": wanted.etag}
    if sent_headers.get(b"if-none-match", b"").decode("latin-1").strip() == wanted.etag:
        return Response(b"", status_code=304, headers=headers)
    return Response(wanted.content, media_type=wanted.media_type, headers=headers)


ROUTES: Sequence[HTTPRouteHandler] = (show_verify, show_module)
