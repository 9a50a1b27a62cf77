"""Security keys of a tenant on the wire (spec 01, D15)."""

from typing import Any
from uuid import UUID

from api.times import wire_time
from api.webauthn.bodies import AttestedBody, Text
from domain.authenticator import Authenticator


class NewAuthenticatorBody(AttestedBody, frozen=True, kw_only=True):
    """For a challenge of POST …/authenticators/challenge."""

    webauthn_assertion: dict[str, Text] | Text | None = None


def authenticator_body(key: Authenticator) -> dict[str, Any]:
    return {
        "id": key.authenticator_id,
        "friendly_name": key.name,
        "credential_id": key.credential_id,
        "attestation_format": key.attestation_format,
        "aaguid": UUID(key.aaguid),
        "synced": key.backup_eligible,
        "suspected_at": wire_time(key.suspected_at),
        "last_used_at": wire_time(key.last_used_at),
        "inserted_at": wire_time(key.created_at),
    }
