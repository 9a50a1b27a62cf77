"""Keys of a tenant that is not there yet: kept under the id that it may have, until it is made or given up."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from api.http.refusal import Refused
from api.services import Services
from api.webauthn.client_data import BadClientData, challenge_in
from api.webauthn.registration import Attested, NotAttested, check_registration
from api.webauthn.relying_party import relying_party
from domain.authenticator import MOST_AUTHENTICATORS, AuthenticatorEnrolled
from eventstore.database.transaction import TenantTx
from projections.rows.challenges import (
    Challenge,
    forget_stale,
    read_challenges,
    stale_challenges,
    store_challenge,
    use_challenge,
)
from projections.rows.unknown_callers import Wish, may_ask

CHALLENGE_LASTS = timedelta(minutes=5)
DRAFT_LASTS = timedelta(minutes=15)
KEPT = timedelta(hours=1)
CHALLENGES_PER_SIGNUP = 12
"""That an address may ask for, for each signup that it may make."""
MOST_CHALLENGES = 30
"""Of one draft."""
SPENT = (
    "Of this signup there is nothing, or it has taken longer than 15 minutes: begin again with POST /signup/challenge."
)
USED = "This challenge was used or has expired: ask for another one with POST /signup/challenge."


async def check_open(services: Services, what: str, source: str, most: int) -> None:
    """Counts. Raises Refused when signup is closed, and when the address has asked too often within the hour."""
    if not services.settings.signups_per_hour:
        raise Refused("signup_closed")
    await check_rate_of(services, what, source, most)


async def check_rate_of(services: Services, what: str, source: str, most: int) -> None:
    """Counts, for something that needs no key. Raises Refused when the address has asked too often within the hour."""
    async with services.reading_names() as tx:
        may = await may_ask(tx, Wish(what, source), services.utc_now(), most)
    if not may:
        raise Refused(
            "rate_limited", "Too many tries from this address. Retry after an hour.", headers={"Retry-After": "3600"},
            retry_after_seconds=3600,
        )  # fmt: skip


async def new_challenge(
    services: Services, draft: UUID | None, name: str
) -> tuple[UUID, Challenge, Sequence[AuthenticatorEnrolled]]:
    """For a draft that has begun, or for a new one. Raises Refused."""
    now, ceremony = services.utc_now(), draft or services.new_id()
    value = secrets.token_bytes(32)
    made = Challenge(
        challenge_id=UUID(bytes=value[:16]), purpose="signup", challenge=value, nonce=secrets.token_bytes(32),
        subject=name, outcome=None, created_at=now, expires_at=now + CHALLENGE_LASTS, used_at=None,
    )  # fmt: skip
    async with services.reading(ceremony) as tx:
        before = await read_draft(services, tx) if draft else []
        enrolled = enrolled_in(before)
        if len(enrolled) >= MOST_AUTHENTICATORS or len(before) >= MOST_CHALLENGES:
            raise Refused("too_many_authenticators")
        await store_challenge(tx, made)
    await _clear(services)
    return ceremony, made, enrolled


async def enrol(services: Services, draft: UUID, attested: Attested) -> Sequence[AuthenticatorEnrolled]:
    """All that are enrolled now. Raises Refused."""
    async with services.reading(draft) as tx:
        before = await read_draft(services, tx)
        challenge = _answered(services, before, attested)
        try:
            credential = check_registration(
                relying_party(services.settings), challenge.challenge, challenge.subject, attested
            )
        except NotAttested as error:
            raise Refused("invalid_attestation", f"The security key was not enrolled: {error}.") from None
        enrolled = enrolled_in(before)
        if any(each.credential_id == credential.credential_id for each in enrolled):
            raise Refused("invalid_attestation", "This security key is enrolled already: take another one.")
        if len(enrolled) >= MOST_AUTHENTICATORS:
            raise Refused("too_many_authenticators")
        outcome = msgspec.json.encode(credential).decode()
        if not await use_challenge(tx, challenge, services.utc_now(), outcome):
            raise Refused("challenge_spent", USED)
        return [*enrolled, credential]


async def read_draft(services: Services, tx: TenantTx) -> Sequence[Challenge]:
    """Raises Refused when there is none, or none any more."""
    found = await read_challenges(tx, "signup")
    if not found or found[0].created_at + DRAFT_LASTS <= services.utc_now():
        raise Refused("challenge_spent", SPENT)
    return found


def enrolled_in(challenges: Sequence[Challenge]) -> Sequence[AuthenticatorEnrolled]:
    return [msgspec.json.decode(each.outcome, type=AuthenticatorEnrolled) for each in challenges if each.outcome]


def _answered(services: Services, challenges: Sequence[Challenge], attested: Attested) -> Challenge:
    """The one that the browser says it answers. Raises Refused."""
    try:
        value = challenge_in(attested.client_data_json)
    except BadClientData as error:
        raise Refused("invalid_attestation", f"The security key was not enrolled: {error}.") from None
    found = next((each for each in challenges if each.challenge == value), None)
    if found is None:
        raise Refused("invalid_attestation", "The challenge in client_data_json is none of this signup's.")
    if not found.is_open(services.utc_now()):
        raise Refused("challenge_spent", USED)
    return found


async def _clear(services: Services) -> None:
    """Whoever begins removes what others have left: no draft outlives the next signups."""
    before = services.utc_now() - KEPT
    async with services.reading_names() as tx:
        stale = await stale_challenges(tx, before)
    for tenant in stale:
        async with services.reading(tenant) as own:
            await forget_stale(own, before)
