"""An import and an export as the documentation shows them."""

from typing import Any

EPICS: list[dict[str, Any]] = [
    {
        "number": 1,
        "title": "Foundation",
        "stories": [
            {
                "number": "1.1",
                "title": "Accounts",
                "acceptance_criteria": [{"id": "AC-1", "description": "A person can sign in"}],
                "estimated_hours": 4,
            },
            {"number": "1.2", "title": "Roles", "initial_agent_status": "reported_done"},
        ],
    }
]
STORY_DEPENDENCIES: list[dict[str, Any]] = [{"story": "1.2", "depends_on": "1.1"}]
EPIC_DEPENDENCIES: list[dict[str, Any]] = [{"epic": 2, "depends_on": 1}]
IMPORTED: dict[str, Any] = {"import": {"epics_created": 1, "stories_created": 2, "dependencies_created": 1}}
MERGED: dict[str, Any] = {
    "import": {
        "epics_created": 0,
        "epics_updated": 0,
        "epics_unchanged": 1,
        "stories_created": 1,
        "stories_updated": 1,
        "stories_unchanged": 0,
        "updates": [{"story": "1.1", "fields": ["title", "acceptance_criteria"]}],
        "stories_orphaned": [{"number": "1.2", "title": "Roles"}],
        "dependencies_created": 1,
        "dependencies_existing": 3,
    },
    "not_imported": ["epics[0].stories[0].assigned_at"],
    "ignored": ["epics[0].stories[0].labels"],
}
EXPORT: dict[str, Any] = {
    "export_metadata": {
        "exported_at": "2026-03-27T12:00:00.000000Z",
        "loopctl_version": "0.1.0",
        "project_id": "0193a2b4-0000-7000-8000-000000000002",
        "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
        "position": 41,
    },
    "project": {
        "name": "My App", "slug": "my-app", "description": None, "repo_url": None, "tech_stack": None,
        "status": "active", "mission": None, "metadata": {},
    },
    "epics": [
        {
            "number": 1, "title": "Foundation", "description": None, "phase": None, "position": 0, "metadata": {},
            "stories": [
                {
                    "number": "1.1", "title": "Accounts", "description": None,
                    "acceptance_criteria": [{"id": "AC-1", "criterion": "A person can sign in"}],
                    "estimated_hours": 4, "agent_status": "pending", "verified_status": "unverified",
                    "assigned_agent_id": None, "assigned_at": None, "reported_done_at": None, "verified_at": None,
                    "rejected_at": None, "rejection_reason": None, "metadata": {}, "external_source": "github",
                    "external_id": "#12", "external_times": {"created_at": "2026-02-01T09:30:00Z"}, "labels": ["auth"],
                    "priority": 1, "assignee": "ann", "claimed_criteria": [], "parent": None,
                }
            ],
        }
    ],
    "story_dependencies": [],
    "epic_dependencies": [],
}  # fmt: skip
