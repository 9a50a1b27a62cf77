"""Another security key for a tenant that there is: its challenge, and what the browser brings back for it."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from litestar import Response

from api.authenticators.schemas import authenticator_body
from api.commands import carry_out, earlier, origin, written
from api.http.asking import Asking
from api.http.refusal import Refused
from api.services import Services
from api.webauthn.enrolment import answered, enrolment_body, new_enrolment
from api.webauthn.registration import Attested
from api.webauthn.relying_party import relying_party
from domain.authenticator import MOST_AUTHENTICATORS, enrol_authenticator
from domain.event import Recorded, Stream
from domain.tenant_settings import read_settings
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.authenticators import (
    ALL_AUTHENTICATORS,
    AUTHENTICATORS,
    CREDENTIAL_INDEX,
    read_authenticators,
)
from projections.rows.challenges import mark_used, store_challenge
from projections.rows.tenants import TENANTS

OTHERS = "This security key belongs to another tenant already: take another one."


async def begin(services: Services, asking: Asking, name: str) -> dict[str, Any]:
    """What navigator.credentials.create wants. Raises Refused when there are as many keys as there may be."""
    made = new_enrolment(name, services.utc_now())
    async with services.reading(asking.caller.tenant_id) as tx:
        keys = await read_authenticators(tx)
        if len(keys) >= MOST_AUTHENTICATORS:
            raise Refused("too_many_authenticators")
        await store_challenge(tx, made)
    return enrolment_body(relying_party(services.settings), made, [each.credential_id for each in keys])


async def enrol(services: Services, asking: Asking, attested: Attested) -> Response[bytes]:
    """Raises Refused."""
    try:
        async with services.reading(asking.caller.tenant_id) as tx:
            party = relying_party(services.settings)
            challenge, credential = await answered(tx, attested, party, services.utc_now())
    except Refused as refusal:
        return await written(services, asking, await earlier(services, asking, refusal))
    stream = Stream("authenticator", services.new_id())
    every, made = ALL_AUTHENTICATORS.need(None), AUTHENTICATORS.need(stream.id)
    tenant = TENANTS.need(asking.caller.tenant_id)

    def decide(known: Known) -> Sequence[Change]:
        bound = read_settings(existing(known, tenant).settings).device_bound_only
        return [Change(stream, enrol_authenticator(credential, known[every], device_bound_only=bound))]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return {"data": authenticator_body(existing(known, made))}

    async def use(tx: TenantTx) -> None:
        await mark_used(tx, challenge, services.utc_now())

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(every, made, tenant), streams=(stream,),
        status=201, beside=use,
    )  # fmt: skip
    try:
        return await carry_out(services, asking, command)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != CREDENTIAL_INDEX:
            raise
        raise Refused("invalid_attestation", OTHERS) from None
