"""A tenant of one's own, with a security key: /signup."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.endpoints import SentFrom, SentHeaders
from api.services import Provided
from api.signup.enrolling import CHALLENGES_PER_SIGNUP, check_open, enrol, new_challenge
from api.signup.examples import CHALLENGE, ENROLLED, SIGNED_UP
from api.signup.making import make_tenant
from api.signup.schemas import (
    AttestationBody,
    EnrolBody,
    SignupBody,
    ceremony_of,
    challenge_body,
    enrolled_body,
)
from api.web.rendering import page
from api.web.visitors import session_of_new_key
from api.webauthn.relying_party import relying_party

TAGS = ["Signup"]
ANY_ACCEPT = {"access": "public", "any_accept": True}
NO_STORE = {"Cache-Control": "no-store"}


@get(
    "/signup",
    opt=ANY_ACCEPT,
    tags=TAGS,
    summary="The page on which a tenant is made",
    media_type="text/html",
    responses={200: ResponseSpec(str, False, "A page", "text/html")},
)
async def show_signup() -> Response[bytes]:
    return page("signup.html")


@post(
    "/signup/challenge",
    opt={"access": "public", "errors": ("rate_limited", "signup_closed", "challenge_spent", "too_many_authenticators")},
    tags=TAGS,
    summary="Begin to enrol a security key",
    description=(
        "For navigator.credentials.create: the challenge is good for five minutes and once. Without ceremony_id a "
        "signup begins; with it another key joins the same one, up to five within a quarter of an hour."
    ),
    status_code=200,
    responses=answers(200, "What the browser asks the key with", CHALLENGE),
)
async def begin_enrolment(
    services: Provided, sent_headers: SentHeaders, peer: SentFrom, data: JSONBody[EnrolBody]
) -> dict[str, Any]:
    name = data.name()
    draft = ceremony_of(data.ceremony_id) if data.ceremony_id else None
    source = services.failed_keys.source(sent_headers, peer)
    most = services.settings.signups_per_hour * CHALLENGES_PER_SIGNUP
    await check_open(services, "signup challenge", source, most)
    ceremony, made, enrolled = await new_challenge(services, draft, name)
    return challenge_body(relying_party(services.settings), ceremony, name, made, enrolled)


@post(
    "/signup/attestation",
    opt={"access": "public", "errors": ("invalid_attestation", "challenge_spent", "too_many_authenticators")},
    tags=TAGS,
    summary="Enrol a security key",
    description=(
        "What navigator.credentials.create has returned, in base64url. The key must have seen its user (user "
        "verification: PIN, finger, face) on a page of this service. Nothing is stored of what is not good."
    ),
    status_code=200,
    responses=answers(200, "The keys that are enrolled", ENROLLED),
)
async def enrol_authenticator(services: Provided, data: JSONBody[AttestationBody]) -> dict[str, Any]:
    draft = ceremony_of(data.ceremony_id)
    return enrolled_body(draft, await enrol(services, draft, data.attested()))


@post(
    "/signup",
    opt={
        "access": "public",
        "errors": (
            "rate_limited", "signup_closed", "challenge_spent", "no_authenticators", "slug_taken", "email_taken",
            "invalid_attestation",
        ),
    },
    tags=TAGS,
    summary="Make the tenant",
    description=(
        "With its log, its log key, the security keys that were enrolled, and its first API key of role user, in one "
        "transaction. raw_key is shown in this answer only. Five an hour from one address, unless the operator says "
        "otherwise."
    ),
    status_code=201,
    responses=answers(201, "The tenant and its first key", SIGNED_UP),
)  # fmt: skip
async def sign_up(
    services: Provided, sent_headers: SentHeaders, peer: SentFrom, data: JSONBody[SignupBody]
) -> Response[dict[str, Any]]:
    draft = ceremony_of(data.ceremony_id)
    source = services.failed_keys.source(sent_headers, peer)
    await check_open(services, "signup", source, services.settings.signups_per_hour)
    made = await make_tenant(services, draft, data)
    cookie = await session_of_new_key(services, sent_headers, draft, made["api_key"]["id"])
    return Response(made, status_code=201, headers={**NO_STORE, **cookie})


ROUTES: Sequence[HTTPRouteHandler] = (
    show_signup,
    begin_enrolment,
    enrol_authenticator,
    sign_up,
)
