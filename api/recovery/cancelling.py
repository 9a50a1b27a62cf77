"""The tenant ends a recovery that it has not asked for: with its user key, or with any of its security keys alone."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.commands import carry_out, origin, refused, with_reply_headers
from api.documentation.responses import answers
from api.fresh.challenging import LASTS
from api.fresh.guard import Checking, Copied, Presented, evidence_of, touch_of
from api.http.asking import Asker
from api.http.endpoints import SentFrom, SentHeaders
from api.http.refusal import Refused
from api.paths import TenantPath
from api.recovery.bodies import CHALLENGE, SHOWN, CancelBody, recovery_body
from api.recovery.touching import asked_of_browser
from api.services import Provided, Services
from api.webauthn.assertion import NotAsserted, parse_assertion
from api.webauthn.client_data import BadClientData, challenge_in
from api.webauthn.relying_party import relying_party
from domain.authenticator import AuthenticatorSuspected
from domain.errors import Rejected
from domain.event import Stream
from domain.recovery import CancelledBy, cancel_recovery, recovery_stream
from eventstore.log.command import Change, Command, Known, Origin, Refusal, existing
from loopctl.tlog.operation import Operation, body_hash, operation_challenge
from projections.rows.authenticators import ALL_AUTHENTICATORS, read_authenticators
from projections.rows.challenges import CHALLENGES, Challenge, challenge_id, mark_used, store_challenge
from projections.rows.recoveries import RECOVERIES, find_recovery
from projections.rows.unknown_callers import Wish, may_ask

TAGS = ["Recovery"]
NOBODY = UUID(int=0)
"""Whose API key a touch goes with that comes without one."""
ACTOR = ("human:webauthn",)
PER_HOUR = 60
CANCELLED = {**SHOWN, "status": "cancelled", "ended_at": "2026-03-28T12:00:00.000000Z"}


@get(
    "/api/v1/tenants/me/recovery",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show the newest recovery of the caller's tenant",
    responses=answers(200, "The recovery, or null", {"data": SHOWN}),
)
async def show_own_recovery(services: Provided, asking: Asker) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        return {"data": recovery_body(await find_recovery(tx))}


@post(
    "/api/v1/tenants/me/recovery/cancel",
    opt={"access": "user+", "custody": True, "way_out": True, "errors": ("no_recovery", "idempotency_key_reused")},
    tags=TAGS,
    summary="Cancel the recovery of the caller's tenant",
    status_code=200,
    responses=answers(200, "The recovery", {"data": CANCELLED}),
)
async def cancel_own_recovery(services: Provided, asking: Asker) -> Response[bytes]:
    return await carry_out(services, asking, _cancelling(asking.caller.tenant_id, origin(services, asking), "user_key"))


@post(
    "/recovery/{tenant_id:uuid}/cancel/challenge",
    opt={"access": "public", "errors": ("rate_limited", "no_recovery")},
    tags=TAGS,
    summary="Ask for a challenge with which a security key of the tenant cancels its recovery",
    description="For navigator.credentials.get; no API key is needed. Sixty an hour from one address.",
    status_code=200,
    responses=answers(200, "The challenge", {"data": CHALLENGE}),
)
async def make_cancel_challenge(
    services: Provided, sent_headers: SentHeaders, peer: SentFrom, tenant_id: TenantPath
) -> dict[str, Any]:
    await check_rate(services, services.failed_keys.source(sent_headers, peer))
    now, nonce = services.utc_now(), secrets.token_bytes(32)
    value = operation_challenge(nonce, _operation(tenant_id))
    made = Challenge(
        challenge_id=challenge_id(value), purpose="operation", challenge=value, nonce=nonce, subject="{}",
        outcome=None, created_at=now, expires_at=now + LASTS, used_at=None,
    )  # fmt: skip
    async with services.reading(tenant_id) as tx:
        cancel_recovery(await find_recovery(tx), "authenticator", now)  # only to see whether it could be
        keys = [each for each in await read_authenticators(tx) if each.suspected_at is None]
        await store_challenge(tx, made)
    return {"data": asked_of_browser(relying_party(services.settings), made, keys)}


@post(
    "/recovery/{tenant_id:uuid}/cancel",
    opt={"access": "public", "errors": ("no_recovery", "webauthn_failed")},
    tags=TAGS,
    summary="Cancel the recovery of a tenant with a touch of any of its security keys",
    status_code=200,
    responses=answers(200, "The recovery", {"data": CANCELLED}),
)
async def cancel_by_touch(services: Provided, tenant_id: TenantPath, data: JSONBody[CancelBody]) -> Response[bytes]:
    given, now = _given(data), services.utc_now()
    async with services.reading(tenant_id) as tx:  # what anybody may send reaches a log only where there is one
        cancel_recovery(await find_recovery(tx), "authenticator", now)
    own = _cancelling(tenant_id, Origin(actor=ACTOR, at=now, refuse=refused), "authenticator")
    how, every = Checking(relying_party(services.settings), now), ALL_AUTHENTICATORS.need(None)
    challenge = CHALLENGES.need(given.challenge_id or NOBODY)

    def decide(known: Known) -> Sequence[Change] | Refusal:
        changes = own.decide(known)
        try:
            touch = touch_of(given, known[challenge], _operation(tenant_id), known[every], how)
        except Copied as copied:
            stream = Stream("authenticator", copied.key.authenticator_id)
            suspicion = AuthenticatorSuspected(sign_count_was=copied.key.sign_count)
            return Refusal(Rejected(f"Refused: {copied}.", code="webauthn_failed"), [Change(stream, suspicion)])
        evidence = Change(Stream("authenticator", touch.key.authenticator_id), evidence_of(touch, how.party))
        return changes if isinstance(changes, Refusal) else [evidence, *changes]

    def streams(known: Known) -> Sequence[Stream]:
        return [recovery_stream(tenant_id), *(Stream("authenticator", each.authenticator_id) for each in known[every])]

    command = structs.replace(
        own, decide=decide, streams=streams, needs=(*own.needs, every, challenge), alone=True,
        beside=partial(mark_used, id_=given.challenge_id or NOBODY, at=now),
    )  # fmt: skip
    reply = await services.submit(tenant_id, command)
    return with_reply_headers(reply.status, reply.body, reply.position)


def _cancelling(tenant_id: UUID, origin: Origin, by: CancelledBy) -> Command:
    stream = recovery_stream(tenant_id)
    need = RECOVERIES.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, cancel_recovery(known[need], by, origin.at))]

    return Command(
        origin=origin, needs=(need,), streams=(stream,), decide=decide,
        answer=lambda known, _: {"data": recovery_body(existing(known, need))},
    )  # fmt: skip


def _operation(tenant_id: UUID) -> Operation:
    return Operation(tenant_id, "POST", f"/recovery/{tenant_id}/cancel", body_hash(None), NOBODY)


def _given(data: CancelBody) -> Presented:
    """Raises Refused."""
    try:
        assertion = parse_assertion(structs.asdict(data))
        value = challenge_in(assertion.client_data_json)
    except (NotAsserted, BadClientData) as error:
        raise Refused("webauthn_failed", f"What was sent as assertion is none: {error}.") from None
    if len(value) != 32:
        raise Refused("webauthn_failed", "Its challenge is none of ours.")
    return Presented(challenge_id=challenge_id(value), assertion=assertion)


async def check_rate(services: Services, source: str) -> None:
    """Counts. Raises Refused when the address has asked too often within the hour."""
    async with services.reading_names() as tx:
        may = await may_ask(tx, Wish("recovery", source), services.utc_now(), PER_HOUR)
    if not may:
        raise Refused(
            "rate_limited", "Too many from this address. Retry after an hour.", headers={"Retry-After": "3600"},
            retry_after_seconds=3600,
        )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (
    show_own_recovery,
    cancel_own_recovery,
    make_cancel_challenge,
    cancel_by_touch,
)
