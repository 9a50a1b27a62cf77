"""Pages for everybody: the first one, the guide, the legal texts; and what browsers and crawlers look for."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from api.http.endpoints import SentHeaders
from api.http.negotiation import wants_html
from api.http.page_headers import PAGE
from api.services import Provided
from api.web.rendering import page
from api.web.routes import ANY_ACCEPT, found, sent

ROBOTS = b"User-agent: *\nAllow: /\nDisallow: /app\n"


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
async def root(services: Provided, sent_headers: SentHeaders) -> Response[bytes]:
    if wants_html(sent_headers.get(b"accept", b"")):
        return page("landing.html", base=services.settings.base_url(), wiki=True)
    return Response(b"", status_code=302, media_type="text/html", headers={"Location": "/api/v1/"})


@get("/docs", opt=ANY_ACCEPT, include_in_schema=False, summary="The configuration guide")
async def show_guide() -> Response[bytes]:
    return page("docs.html")


@get("/terms", opt=ANY_ACCEPT, include_in_schema=False, summary="Terms of service")
async def show_terms(services: Provided) -> Response[bytes]:
    return page("terms.html", contact=services.settings.contact)


@get("/privacy", opt=ANY_ACCEPT, include_in_schema=False, summary="Privacy policy")
async def show_privacy(services: Provided) -> Response[bytes]:
    return page("privacy.html", contact=services.settings.contact)


@get("/robots.txt", opt=ANY_ACCEPT, include_in_schema=False, summary="What crawlers may read")
async def show_robots() -> Response[bytes]:
    return Response(ROBOTS, media_type="text/plain", headers=PAGE)


@get("/favicon.ico", opt=ANY_ACCEPT, include_in_schema=False, summary="The icon of every page")
async def show_icon(sent_headers: SentHeaders) -> Response[bytes]:
    return sent(found("favicon.png"), sent_headers.get(b"if-none-match", b""))


@get("/images/{name:str}", opt=ANY_ACCEPT, include_in_schema=False, summary="A picture for those who link here")
async def show_picture(sent_headers: SentHeaders, name: FromPath[str]) -> Response[bytes]:
    return sent(found(name), sent_headers.get(b"if-none-match", b""))


ROUTES: Sequence[HTTPRouteHandler] = (
    root,
    show_guide,
    show_terms,
    show_privacy,
    show_robots,
    show_icon,
    show_picture,
)
