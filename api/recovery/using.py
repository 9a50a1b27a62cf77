"""The link of a recovery that was completed: one new security key, and a user key that is shown once."""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.commands import refused
from api.documentation.responses import answers
from api.http.endpoints import SentFrom, SentHeaders
from api.http.refusal import Refused
from api.recovery.bodies import LinkBody, UseLinkBody, link_parts
from api.recovery.cancelling import ACTOR, TAGS, check_rate
from api.services import Provided
from api.web.rendering import page
from api.webauthn.enrolment import answered, enrolment_body, new_enrolment
from api.webauthn.relying_party import NAME, relying_party
from domain.api_key import ALPHABET, RANDOM_CHARACTERS, complete_key, shown_prefix
from domain.authenticator import enrol_authenticator
from domain.event import Stream
from domain.key import ApiKeyCreated
from domain.recovery import check_link, recovery_stream, use_link
from domain.tenant_settings import read_settings
from eventstore.callers.callers import store_key_hash
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, Origin, existing
from projections.rows.authenticators import ALL_AUTHENTICATORS, CREDENTIAL_INDEX
from projections.rows.challenges import mark_used, store_challenge
from projections.rows.recoveries import RECOVERIES, find_recovery
from projections.rows.tenants import TENANTS

ANY_ACCEPT = {"access": "public", "any_accept": True}
RECOVERED = "recovered"
NO_STORE = {"Cache-Control": "no-store"}
OTHERS = "This security key belongs to a tenant already: take another one."
ENROLMENT = {
    "challenge": "3q2-7w…", "rp_id": "loopctl.example", "rp_name": NAME, "user_verification": "required",
    "friendly_name": "Blue key", "expires_at": "2026-03-27T12:05:00.000000Z",
}  # fmt: skip
USED = {
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "api_key": {"id": "0193a2b4-0000-7000-8000-000000000041", "raw_key": "lc_…", "key_prefix": "lc_AAECA",
                "role": "user", "name": RECOVERED},
}  # fmt: skip


@get(
    "/recovery",
    opt=ANY_ACCEPT,
    tags=TAGS,
    summary="The page of a recovery",
    media_type="text/html",
    responses={200: ResponseSpec(str, False, "A page", "text/html")},
)
async def show_recovery_page(services: Provided) -> Response[bytes]:
    return page("recovery.html", contact=services.settings.contact)


@post(
    "/recovery/challenge",
    opt={"access": "public", "errors": ("rate_limited", "recovery_link_spent")},
    tags=TAGS,
    summary="Begin to enrol the new security key of a recovered tenant",
    description="For navigator.credentials.create; good for five minutes and once. The link is not used up by it.",
    status_code=200,
    responses=answers(200, "What the browser asks the key with", {"data": ENROLMENT}),
)
async def begin_recovered(
    services: Provided, sent_headers: SentHeaders, peer: SentFrom, data: JSONBody[LinkBody]
) -> dict[str, Any]:
    name, (tenant_id, secret) = data.name(), link_parts(data.link)
    await check_rate(services, services.failed_keys.source(sent_headers, peer))
    made = new_enrolment(name, services.utc_now())
    async with services.reading(tenant_id) as tx:
        check_link(await find_recovery(tx), _hashed(secret), made.created_at)
        await store_challenge(tx, made)
    return {"data": enrolment_body(relying_party(services.settings), made)}


@post(
    "/recovery",
    opt={"access": "public", "errors": ("recovery_link_spent", "invalid_attestation", "challenge_spent")},
    tags=TAGS,
    summary="Use the link: enrol a security key and get a user key",
    description="raw_key is shown in this answer only. The link is good for nothing after it.",
    status_code=201,
    responses=answers(201, "The user key", {"data": USED}),
)
async def use_recovery_link(services: Provided, data: JSONBody[UseLinkBody]) -> Response[Any]:
    attested, (tenant_id, secret), now = data.attested(), link_parts(data.link), services.utc_now()
    if not services.peppers:
        raise Refused("sealed", "No key can be made: the service has no pepper.")
    async with services.reading(tenant_id) as tx:
        check_link(await find_recovery(tx), _hashed(secret), now)
        challenge, enrolled = await answered(tx, attested, relying_party(services.settings), now)
    raw_key, key, lock = (
        _new_raw_key(),
        Stream("api_key", services.new_id()),
        Stream("authenticator", services.new_id()),
    )
    stream = recovery_stream(tenant_id)
    need, tenant, every = RECOVERIES.need(stream.id), TENANTS.need(tenant_id), ALL_AUTHENTICATORS.need(None)
    created = ApiKeyCreated(name=RECOVERED, role="user", key_prefix=shown_prefix(raw_key))

    def decide(known: Known) -> Sequence[Change]:
        used = use_link(known[need], _hashed(secret), now)
        bound = read_settings(existing(known, tenant).settings).device_bound_only
        made = enrol_authenticator(enrolled, known[every], device_bound_only=bound)
        return [Change(stream, used), Change(lock, made), Change(key, created)]

    async def beside(tx: TenantTx) -> None:
        await mark_used(tx, challenge, now)
        await store_key_hash(tx, key.id, services.peppers[0], raw_key)

    command = Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(need, tenant, every),
        streams=(stream, key, lock), decide=decide, answer=lambda *_: None, beside=beside, alone=True, status=201,
    )  # fmt: skip
    try:
        reply = await services.submit(tenant_id, command)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != CREDENTIAL_INDEX:
            raise
        raise Refused(
            "invalid_attestation", "This security key belongs to a tenant already: take another one."
        ) from None
    if reply.status != 201:
        return Response(reply.body, status_code=reply.status, media_type="application/json")
    await services.callers_changed(tenant_id)
    shown = {"id": key.id, "raw_key": raw_key, "key_prefix": created.key_prefix, "role": "user", "name": RECOVERED}
    return Response({"data": {"tenant_id": tenant_id, "api_key": shown}}, status_code=201, headers=NO_STORE)


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _new_raw_key() -> str:
    return complete_key("".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))


ROUTES: Sequence[HTTPRouteHandler] = (show_recovery_page, begin_recovered, use_recovery_link)
