"""A signup as the documentation shows it."""

from typing import Any

from api.tenants.examples import TENANT

CEREMONY = "0193a2b4-0000-7000-8000-000000000001"
CHALLENGE: dict[str, Any] = {
    "data": {
        "ceremony_id": CEREMONY,
        "challenge": "q8Wl3bJx1kX8r2m0o1XbJm0mQ2V7y0V3u0cT3sT9b1A",
        "rp_id": "loopctl.example",
        "rp_name": "loopctl",
        "user_verification": "required",
        "friendly_name": "Blue key",
        "exclude_credentials": [],
        "expires_at": "2026-03-27T12:05:00.000000Z",
    }
}
ENROLLED: dict[str, Any] = {
    "data": {
        "ceremony_id": CEREMONY,
        "authenticators": [
            {"friendly_name": "Blue key", "credential_id": "AAEC", "attestation_format": "packed", "synced": False}
        ],
    }
}
SIGNED_UP: dict[str, Any] = {
    "tenant": TENANT,
    "api_key": {
        "id": "0193a2b4-0000-7000-8000-000000000003",
        "raw_key": "lc_…",
        "key_prefix": "lc_AAECA",
        "role": "user",
        "name": "root",
    },
    "onboarding_url": None,
}
