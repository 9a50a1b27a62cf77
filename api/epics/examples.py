"""An epic and its progress as the documentation shows them."""

from typing import Any

EPIC: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000003",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "project_id": "0193a2b4-0000-7000-8000-000000000002",
    "number": 1,
    "title": "Accounts",
    "description": None,
    "phase": "p0_foundation",
    "position": 0,
    "metadata": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
COUNTED_EPIC: dict[str, Any] = {**EPIC, "story_count": 3, "completion_percentage": 33.3}
STORY_LINE: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000004",
    "number": "1.2",
    "title": "Rotate API keys",
    "agent_status": "pending",
    "verified_status": "unverified",
}
EPIC_PROGRESS: dict[str, Any] = {
    "total_stories": 3,
    "stories_by_agent_status": {"pending": 1, "contracted": 0, "assigned": 0, "implementing": 1, "reported_done": 1},
    "stories_by_verified_status": {"unverified": 2, "verified": 1, "rejected": 0},
    "verification_percentage": 33.3,
}
PROJECT_PROGRESS: dict[str, Any] = {
    **EPIC_PROGRESS,
    "total_epics": 1,
    "epics_completed": 0,
    "estimated_hours_total": 7.5,
    "estimated_hours_completed": 2.0,
}
