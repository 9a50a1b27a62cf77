"""An audit entry as the documentation shows it."""

from typing import Any

ENTRY: dict[str, Any] = {
    "id": "6f0f4f5e-3f0b-5b39-9a4f-0d6a4b1f7a11",
    "position": 41,
    "entity_type": "story",
    "entity_id": "0193a2b4-0000-7000-8000-000000000009",
    "action": "status_changed",
    "actor_type": "api_key",
    "actor_id": "0193a2b4-0000-7000-8000-000000000005",
    "actor_label": "agent:worker-1",
    "old_state": {"agent_status": "assigned"},
    "new_state": {"agent_status": "implementing", "agent_id": "0193a2b4-0000-7000-8000-000000000006"},
    "project_id": "0193a2b4-0000-7000-8000-000000000002",
    "metadata": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
META: dict[str, int] = {"page": 1, "page_size": 20, "total_count": 1, "total_pages": 1, "limit": 20, "offset": 0}
PAGE: dict[str, Any] = {"data": [ENTRY], "pagination": {"total": 1, "page": 1, "page_size": 20}, "meta": META}
