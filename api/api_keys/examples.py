"""API keys as the documentation shows them."""

from typing import Any

KEY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000003",
    "name": "worker-1",
    "key_prefix": "lc_AAECA",
    "role": "agent",
    "agent_id": None,
    "dispatch_id": None,
    "last_used_at": "2026-03-27T12:00:00.000000Z",
    "expires_at": None,
    "revoked_at": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
NEW_KEY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000003",
    "raw_key": "lc_…",
    "key_prefix": "lc_AAECA",
    "role": "agent",
    "name": "worker-1",
    "agent_id": None,
    "expires_at": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
REVOKED_KEY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000003",
    "name": "worker-1",
    "key_prefix": "lc_AAECA",
    "role": "agent",
    "agent_id": None,
    "revoked_at": "2026-03-27T12:00:00.000000Z",
}
