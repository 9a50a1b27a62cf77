"""An agent as the documentation shows it."""

from typing import Any

AGENT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000004",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "name": "worker-1",
    "agent_type": "implementer",
    "status": "active",
    "last_seen_at": "2026-03-27T12:00:00.000000Z",
    "metadata": {},
    "cosigner": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
