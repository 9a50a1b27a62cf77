"""Confirming a request in a browser, for the command line: /api/v1/ceremonies and the page /ceremonies/…"""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.ceremonies.answering import answer_ceremony, begin_ceremony, shown, standing
from api.ceremonies.examples import BEGUN, CONFIRMED, SHOWN, STANDING
from api.documentation.responses import answers
from api.fresh.challenging import OperationBody
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.paths import CeremonyPath
from api.services import Provided
from api.web.rendering import page

TAGS = ["Security keys"]
Text = Annotated[str, Meta(max_length=16_384)]


class AssertionBody(Struct, frozen=True, kw_only=True):
    """What navigator.credentials.get has returned, in base64url."""

    credential_id: Text = ""
    authenticator_data: Text = ""
    client_data_json: Text = ""
    signature: Text = ""


@post(
    "/api/v1/ceremonies",
    opt={"access": "user+", "errors": ("no_authenticators",)},
    tags=TAGS,
    summary="Have a request confirmed in a browser",
    description=(
        "For a client that is no browser. A person opens url, on this machine or another, compares user_code, reads "
        "what is to be done, and touches a security key. Then the request is sent with Loopctl-Ceremony: "
        "<ceremony_id>. All within two minutes."
    ),
    status_code=201,
    responses=answers(201, "The ceremony", {"data": BEGUN}),
)
async def create_ceremony(services: Provided, asking: Asker, data: JSONBody[OperationBody]) -> dict[str, Any]:
    return {"data": await begin_ceremony(services, asking, data.wish())}


@get(
    "/api/v1/ceremonies/{ceremony_id:uuid}",
    opt={"access": "user+"},
    tags=TAGS,
    summary="Ask how a ceremony stands",
    description="With the key that began it, and its poll_secret as the header Loopctl-Poll-Secret.",
    responses=answers(200, "pending, confirmed, used or expired", {"data": STANDING}),
)
async def show_ceremony(
    services: Provided, asking: Asker, sent_headers: SentHeaders, ceremony_id: CeremonyPath
) -> dict[str, Any]:
    return {"data": await standing(services, asking, ceremony_id, sent_headers)}


@post(
    "/api/v1/ceremonies/{ceremony_id:uuid}/assertion",
    opt={"access": "public", "errors": ("not_found", "challenge_spent", "webauthn_failed")},
    tags=TAGS,
    summary="Answer a ceremony",
    description="By the page: whoever can touch one of the tenant's security keys needs no API key for it.",
    status_code=200,
    responses=answers(200, "It is confirmed", {"data": CONFIRMED}),
)
async def confirm_ceremony(
    services: Provided, ceremony_id: CeremonyPath, data: JSONBody[AssertionBody]
) -> dict[str, Any]:
    given = {name: getattr(data, name) for name in data.__struct_fields__}
    return {"data": await answer_ceremony(services, ceremony_id, given)}


@get(
    "/ceremonies/{ceremony_id:uuid}/operation",
    opt={"access": "public", "errors": ("not_found",)},
    tags=TAGS,
    summary="What a ceremony is about, for its page",
    responses=answers(200, "In words, and as it will be sent", {"data": SHOWN}),
)
async def show_operation(services: Provided, ceremony_id: CeremonyPath) -> dict[str, Any]:
    return {"data": await shown(services, ceremony_id)}


@get(
    "/ceremonies/{ceremony_id:uuid}",
    opt={"access": "public", "any_accept": True},
    tags=TAGS,
    summary="The page on which a person confirms a request",
    media_type="text/html",
    responses={200: ResponseSpec(str, False, "A page", "text/html")},
)
async def show_page(ceremony_id: CeremonyPath) -> Response[bytes]:  # noqa: ARG001  # the page's script reads it
    return page("ceremony.html")


ROUTES: Sequence[HTTPRouteHandler] = (
    create_ceremony,
    show_ceremony,
    confirm_ceremony,
    show_operation,
    show_page,
)
