"""UI test runs as the documentation shows them, in both forms."""

from typing import Any

FINDING: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000062",
    "severity": "bug",
    "title": "No error is shown for a wrong password",
    "steps": "1. Open /login\n2. Enter a wrong password",
    "expected": "A message below the field",
    "actual": "The page is empty",
    "recorded_by_agent_id": None,
    "recorded_at": "2026-03-27T12:05:00.000000Z",
}
LISTED: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000061",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "project_id": "0193a2b4-0000-7000-8000-000000000002",
    "started_by_agent_id": None,
    "status": "running",
    "guide_reference": "docs/guides/login.md",
    "notes": "After the second epic",
    "summary": None,
    "findings_count": 1,
    "screenshots_count": 0,
    "critical_count": 0,
    "high_count": 1,
    "started_at": "2026-03-27T12:00:00.000000Z",
    "completed_at": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:05:00.000000Z",
}
RUN: dict[str, Any] = {**LISTED, "findings": [FINDING]}
GUIDED: dict[str, Any] = {**RUN, "status": "in_progress"}
"""The same in the other form."""
