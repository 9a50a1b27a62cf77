"""Signing up on the wire (spec 01, section 2.2)."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from api.times import wire_time
from api.webauthn.bodies import AttestedBody, NameBody, Text
from api.webauthn.encoding import to_text
from api.webauthn.relying_party import NAME, RelyingParty
from domain.authenticator import MOST_AUTHENTICATORS, AuthenticatorEnrolled
from domain.errors import Invalid
from domain.fields import BLANK, must_be
from projections.rows.challenges import Challenge


class EnrolBody(NameBody, frozen=True, kw_only=True):
    """``ceremony_id`` of a signup that has begun, for another key of it."""

    ceremony_id: Text | None = None


class AttestationBody(AttestedBody, frozen=True, kw_only=True):
    ceremony_id: Text | None = None


class SignupBody(Struct, frozen=True, kw_only=True):
    """``authenticators`` are the credential ids of those that are to be kept; all that were enrolled, unless said."""

    ceremony_id: Text | None = None
    name: Text | None = None
    slug: Text | None = None
    email: Text | None = None
    authenticators: Annotated[list[Text], Meta(max_length=MOST_AUTHENTICATORS)] | None = None


def ceremony_of(text: str | None) -> UUID:
    """Raises Invalid."""
    if not (text or "").strip():
        raise Invalid(ceremony_id=BLANK)
    try:
        return UUID((text or "").strip())
    except ValueError:
        raise Invalid(ceremony_id=must_be("the ceremony_id that POST /signup/challenge has answered")) from None


def challenge_body(
    party: RelyingParty, ceremony_id: UUID, name: str, made: Challenge, enrolled: Sequence[AuthenticatorEnrolled]
) -> dict[str, Any]:
    return {
        "data": {
            "ceremony_id": ceremony_id,
            "challenge": to_text(made.challenge),
            "rp_id": party.id,
            "rp_name": NAME,
            "user_verification": "required",
            "friendly_name": name,
            "exclude_credentials": [each.credential_id for each in enrolled],
            "expires_at": wire_time(made.expires_at),
        }
    }


def enrolled_body(ceremony_id: UUID, enrolled: Sequence[AuthenticatorEnrolled]) -> dict[str, Any]:
    return {
        "data": {
            "ceremony_id": ceremony_id,
            "authenticators": [
                {
                    "friendly_name": each.name,
                    "credential_id": each.credential_id,
                    "attestation_format": each.attestation_format,
                    "synced": each.backup_eligible,
                }
                for each in enrolled
            ],
        }
    }
