"""Dispatches as the documentation shows them."""

from typing import Any

ROOT = "0193a2b4-0000-7000-8000-00000000000a"
DISPATCH: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-00000000000b",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "parent_dispatch_id": ROOT,
    "agent_id": "0193a2b4-0000-7000-8000-000000000004",
    "story_id": None,
    "role": "agent",
    "lineage_path": [ROOT, "0193a2b4-0000-7000-8000-00000000000b"],
    "human_root": True,
    "expires_at": "2026-03-27T13:00:00.000000Z",
    "revoked_at": None,
    "created_at": "2026-03-27T12:00:00.000000Z",
}
MINTED: dict[str, Any] = {
    "dispatch": DISPATCH,
    "api_key": {
        "id": "0193a2b4-0000-7000-8000-00000000000c",
        "raw_key": "lc_…",
        "key_prefix": "lc_AAECA",
        "role": "agent",
        "agent_id": "0193a2b4-0000-7000-8000-000000000004",
        "expires_at": "2026-03-27T13:00:00.000000Z",
    },
    "next_action": {"description": "Hand raw_key to the agent that is dispatched: it is shown in this answer only."},
}
