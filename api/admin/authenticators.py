"""The security key of a superadmin, with which they confirm recoveries: /api/v1/admin/authenticators."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.asking import Asker
from api.http.refusal import Refused
from api.services import Provided
from api.times import wire_time
from api.webauthn.bodies import AttestedBody, NameBody
from api.webauthn.enrolment import answered, enrolment_body, new_enrolment
from api.webauthn.relying_party import NAME, relying_party
from eventstore.callers.superadmin_authenticators import (
    CREDENTIAL_CONSTRAINT,
    KEY_CONSTRAINT,
    credentials,
    find_authenticator,
    store_authenticator,
)
from projections.rows.challenges import mark_used, store_challenge

TAGS = ["Administration"]
ENROLLED = {
    "name": "Blue key", "credential_id": "AAEC", "attestation_format": "packed",
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}  # fmt: skip
ENROLMENT = {
    "challenge": "3q2-7w…", "rp_id": "loopctl.example", "rp_name": NAME, "user_verification": "required",
    "friendly_name": "Blue key", "exclude_credentials": ["AAEC"], "expires_at": "2026-03-27T12:05:00.000000Z",
}  # fmt: skip


@post(
    "/api/v1/admin/authenticators/challenge",
    opt={"access": "=superadmin", "errors": ("authenticator_enrolled",)},
    tags=TAGS,
    summary="Begin to enrol the security key of a superadmin",
    description=(
        "For navigator.credentials.create; good for five minutes and once. What other superadmins have enrolled is in "
        "exclude_credentials: one security key does not speak for two."
    ),
    status_code=200,
    responses=answers(200, "What the browser asks the key with", {"data": ENROLMENT}),
)
async def begin_own_authenticator(services: Provided, asking: Asker, data: JSONBody[NameBody]) -> dict[str, Any]:
    made = new_enrolment(data.name(), services.utc_now())
    async with services.reading(asking.caller.key_id) as tx:  # its own: a superadmin is in no tenant
        if await find_authenticator(tx, asking.caller.key_id):
            raise Refused("authenticator_enrolled")
        await store_challenge(tx, made)
    async with services.reading_names() as tx:
        others = await credentials(tx)
    return {"data": enrolment_body(relying_party(services.settings), made, others)}


@post(
    "/api/v1/admin/authenticators",
    opt={"access": "=superadmin", "errors": ("invalid_attestation", "challenge_spent", "authenticator_enrolled")},
    tags=TAGS,
    summary="Enrol the security key of a superadmin",
    description=(
        "One for each superadmin's API key, for ever: to take another one, the operator makes another API key and "
        "revokes this one."
    ),
    status_code=201,
    responses=answers(201, "The security key", {"data": ENROLLED}),
)
async def enrol_own_authenticator(
    services: Provided, asking: Asker, data: JSONBody[AttestedBody]
) -> Response[dict[str, Any]]:
    attested, key_id, now = data.attested(), asking.caller.key_id, services.utc_now()
    try:
        async with services.reading(key_id) as tx:
            challenge, enrolled = await answered(tx, attested, relying_party(services.settings), now)
            await mark_used(tx, challenge, now)
            await store_authenticator(tx, key_id, enrolled, now)
    except asyncpg.UniqueViolationError as error:
        raise _taken(error) from None
    body = {
        "name": enrolled.name, "credential_id": enrolled.credential_id,
        "attestation_format": enrolled.attestation_format, "inserted_at": wire_time(now),
    }  # fmt: skip
    return Response({"data": body}, status_code=201)


def _taken(error: asyncpg.UniqueViolationError) -> Exception:
    match error.constraint_name:
        case constraint if constraint == KEY_CONSTRAINT:
            return Refused("authenticator_enrolled")
        case constraint if constraint == CREDENTIAL_CONSTRAINT:
            return Refused("invalid_attestation", "This security key is another superadmin's: take another one.")
        case _:
            return error


ROUTES: Sequence[HTTPRouteHandler] = (begin_own_authenticator, enrol_own_authenticator)
