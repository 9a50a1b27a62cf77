"""Security keys of the caller's tenant, and challenges that they confirm a request with: /api/v1/tenants/me."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.authenticators.enrolling import begin, enrol
from api.authenticators.examples import AUTHENTICATOR, CHALLENGE, ENROLMENT
from api.authenticators.schemas import NewAuthenticatorBody, authenticator_body
from api.commands import carry_out, carry_out_removal, no_body, origin
from api.documentation.responses import answers, answers_nothing
from api.fresh.challenging import OperationBody, challenge_body, make_challenge
from api.http.asking import Asker
from api.pages import PageQuery, page_of
from api.paths import AuthenticatorPath
from api.projects.examples import META
from api.services import Provided
from api.webauthn.bodies import NameBody
from domain.authenticator import remove_authenticator, rename_authenticator
from domain.event import Stream
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.authenticators import ALL_AUTHENTICATORS, AUTHENTICATORS, read_authenticators

TAGS = ["Security keys"]
RETRYABLE = ("idempotency_key_reused",)


@post(
    "/api/v1/tenants/me/webauthn/challenge",
    opt={"access": "user+", "errors": ("no_authenticators",)},
    tags=TAGS,
    summary="Ask for a challenge that confirms one request",
    description=(
        "For navigator.credentials.get. Good for two minutes, once, and for exactly this method, path (with query), "
        "body and API key. What it returns goes along with the request: webauthn_assertion in the body, or its JSON in "
        "base64url as Loopctl-Assertion."
    ),
    status_code=200,
    responses=answers(200, "The challenge", {"data": CHALLENGE}),
)
async def make_operation_challenge(services: Provided, asking: Asker, data: JSONBody[OperationBody]) -> dict[str, Any]:
    made = await make_challenge(services, asking, data.wish())
    return {"data": challenge_body(services, made)}


@get(
    "/api/v1/tenants/me/authenticators",
    opt={"access": "user+"},
    tags=TAGS,
    summary="List the security keys",
    description="The oldest first. One that is suspected is not taken any more: remove it.",
    responses=answers(200, "A page of them", {"data": [AUTHENTICATOR], "meta": META}),
)
async def list_authenticators(services: Provided, asking: Asker, wanted: NamedDependency[PageQuery]) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await read_authenticators(tx)
    return page.answer([authenticator_body(each) for each in page.of(found)], len(found))


@post(
    "/api/v1/tenants/me/authenticators/challenge",
    opt={"access": "user+", "custody": True, "errors": ("too_many_authenticators",)},
    tags=TAGS,
    summary="Begin to enrol another security key",
    description="For navigator.credentials.create; good for five minutes and once.",
    status_code=200,
    responses=answers(200, "What the browser asks the key with", {"data": ENROLMENT}),
)
async def begin_authenticator(services: Provided, asking: Asker, data: JSONBody[NameBody]) -> dict[str, Any]:
    return {"data": await begin(services, asking, data.name())}


@post(
    "/api/v1/tenants/me/authenticators",
    opt={
        "access": "user+",
        "custody": True,
        "fresh": True,
        "errors": ("invalid_attestation", "challenge_spent", "too_many_authenticators", *RETRYABLE),
    },
    tags=TAGS,
    summary="Enrol another security key",
    description="Five at most. Where the tenant has one already, one of those has to be touched for this request.",
    status_code=201,
    responses=answers(201, "The key", {"data": AUTHENTICATOR}),
)
async def add_authenticator(services: Provided, asking: Asker, data: JSONBody[NewAuthenticatorBody]) -> Response[bytes]:
    return await enrol(services, asking, data.attested())


@patch(
    "/api/v1/tenants/me/authenticators/{authenticator_id:uuid}",
    opt={"access": "user+", "custody": True, "errors": RETRYABLE},
    tags=TAGS,
    summary="Rename a security key",
    responses=answers(200, "The key", {"data": AUTHENTICATOR}),
)
async def rename(
    services: Provided, asking: Asker, authenticator_id: AuthenticatorPath, data: JSONBody[NameBody]
) -> Response[bytes]:
    stream, need = Stream("authenticator", authenticator_id), AUTHENTICATORS.need(authenticator_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in rename_authenticator(existing(known, need), data.friendly_name)]

    command = Command(
        origin=origin(services, asking), decide=decide, needs=(need,), streams=(stream,),
        answer=lambda known, _: {"data": authenticator_body(existing(known, need))},
    )  # fmt: skip
    return await carry_out(services, asking, command)


@delete(
    "/api/v1/tenants/me/authenticators/{authenticator_id:uuid}",
    opt={"access": "user+", "custody": True, "fresh": True, "errors": ("last_authenticator", *RETRYABLE)},
    tags=TAGS,
    summary="Remove a security key",
    description="Never the last one that is good. One of the tenant's has to be touched for this request.",
    status_code=204,
    responses=answers_nothing(204, "It is removed"),
)
async def remove(services: Provided, asking: Asker, authenticator_id: AuthenticatorPath) -> Response[None]:
    stream, need = Stream("authenticator", authenticator_id), AUTHENTICATORS.need(authenticator_id)
    every = ALL_AUTHENTICATORS.need(None)

    def decide(known: Known) -> Sequence[Change]:
        key = existing(known, need)
        others = [each for each in known[every] if each.authenticator_id != authenticator_id and not each.suspected_at]
        return [Change(stream, remove_authenticator(key, len(others)))]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=no_body, needs=(need, every), streams=(stream,),
        status=204,
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    make_operation_challenge,
    list_authenticators,
    begin_authenticator,
    add_authenticator,
    rename,
    remove,
)
