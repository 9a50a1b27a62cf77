"""Security keys as the documentation shows them."""

from typing import Any

AUTHENTICATOR: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000061",
    "friendly_name": "Blue key",
    "credential_id": "AAEC",
    "attestation_format": "packed",
    "aaguid": "00000000-0000-0000-0000-000000000000",
    "synced": False,
    "suspected_at": None,
    "last_used_at": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
ENROLMENT: dict[str, Any] = {
    "challenge": "q8Wl3bJx1kX8r2m0o1XbJm0mQ2V7y0V3u0cT3sT9b1A",
    "rp_id": "loopctl.example",
    "rp_name": "loopctl",
    "user_verification": "required",
    "friendly_name": "Red key",
    "exclude_credentials": ["AAEC"],
    "expires_at": "2026-03-27T12:05:00.000000Z",
}
CHALLENGE: dict[str, Any] = {
    "challenge": "q8Wl3bJx1kX8r2m0o1XbJm0mQ2V7y0V3u0cT3sT9b1A",
    "rp_id": "loopctl.example",
    "user_verification": "required",
    "allow_credentials": [{"id": "AAEC", "name": "Blue key"}],
    "operation": "Delete the project my-app",
    "expires_at": "2026-03-27T12:02:00.000000Z",
}
