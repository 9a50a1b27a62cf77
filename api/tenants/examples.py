"""A tenant as the documentation shows it."""

from typing import Any

TENANT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000001",
    "name": "Acme",
    "slug": "acme",
    "email": "ops@acme.example",
    "settings": {"max_projects": 20},
    "status": "active",
    "token_data_retention_days": None,
    "default_story_budget_millicents": None,
    "custody_halted_at": None,
    "has_audit_key": True,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}

CALLING_KEY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000041",
    "name": "olga",
    "role": "orchestrator",
    "agent_id": "0193a2b4-0000-7000-8000-000000000031",
}
