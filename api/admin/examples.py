"""Tenants and figures as superadmins see them, for the documentation."""

from typing import Any

LISTED: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000001",
    "name": "Acme",
    "slug": "acme",
    "email": "ops@acme.example",
    "status": "active",
    "custody_halted_at": None,
    "project_count": 2,
    "story_count": 40,
    "agent_count": 3,
    "api_key_count": 5,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
DETAIL: dict[str, Any] = {
    **LISTED,
    "settings": {"max_projects": 20},
    "epic_count": 6,
    "token_data_retention_days": None,
    "default_story_budget_millicents": None,
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
STATS: dict[str, Any] = {
    "total_tenants": 1,
    "tenants_active": 1,
    "tenants_suspended": 0,
    "tenants_deactivated": 0,
    "tenants_pending_enrollment": 0,
    "tenants_halted": 0,
    "total_projects": 2,
    "total_epics": 6,
    "total_stories": 40,
    "total_agents": 3,
    "total_api_keys": 5,
    "stories_by_agent_status": {
        "pending": 40, "contracted": 0, "assigned": 0, "implementing": 0, "reported_done": 0,
    },
    "stories_by_verified_status": {"unverified": 40, "verified": 0, "rejected": 0},
    "active_stories": 0,
    "active_agents": 1,
}  # fmt: skip
