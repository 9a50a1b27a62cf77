"""A new security key for something that is there already: the challenge, and what the browser brings back for it."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from api.http.refusal import Refused
from api.times import wire_time
from api.webauthn.client_data import BadClientData, challenge_in
from api.webauthn.encoding import to_text
from api.webauthn.registration import Attested, NotAttested, check_registration
from api.webauthn.relying_party import NAME, RelyingParty
from domain.authenticator import AuthenticatorEnrolled
from eventstore.database.transaction import TenantTx
from projections.rows.challenges import Challenge, challenge_id, find_challenge

LASTS = timedelta(minutes=5)
SPENT = "The challenge was used or has expired: ask for another one where this one came from."


def new_enrolment(name: str, at: datetime) -> Challenge:
    """Of a key that is to be called so."""
    value = secrets.token_bytes(32)
    return Challenge(
        challenge_id=challenge_id(value), purpose="enrolment", challenge=value, nonce=secrets.token_bytes(32),
        subject=name, outcome=None, created_at=at, expires_at=at + LASTS, used_at=None,
    )  # fmt: skip


def enrolment_body(party: RelyingParty, made: Challenge, known: Sequence[str] = ()) -> dict[str, Any]:
    """What navigator.credentials.create wants; ``known`` are credential ids that it must not take."""
    return {
        "challenge": to_text(made.challenge), "rp_id": party.id, "rp_name": NAME, "user_verification": "required",
        "friendly_name": made.subject, "exclude_credentials": list(known), "expires_at": wire_time(made.expires_at),
    }  # fmt: skip


async def answered(
    tx: TenantTx, attested: Attested, party: RelyingParty, at: datetime
) -> tuple[UUID, AuthenticatorEnrolled]:
    """Id of the challenge, which is yet to be marked as used, and the key. Raises Refused."""
    try:
        found = await _named(tx, attested)
        if not found.is_open(at):
            raise Refused("challenge_spent", SPENT)
        return found.challenge_id, check_registration(party, found.challenge, found.subject, attested)
    except (BadClientData, NotAttested) as error:
        raise Refused("invalid_attestation", f"The security key was not enrolled: {error}.") from None


async def _named(tx: TenantTx, attested: Attested) -> Challenge:
    """Raises BadClientData, NotAttested."""
    value = challenge_in(attested.client_data_json)
    found = await find_challenge(tx, challenge_id(value)) if len(value) == 32 else None
    if found is None or found.purpose != "enrolment" or found.challenge != value:
        raise NotAttested("its challenge is none that was asked for here")
    return found
