"""Answers of the lifecycle as the documentation shows them."""

from typing import Any

from api.stories.examples import STORY

STORY_ANSWER: dict[str, Any] = {"story": STORY, "next_actions": []}

VERIFIED: dict[str, Any] = {
    "status": "verification_pending",
    "run_id": None,
    "story": {**STORY, "agent_status": "reported_done", "verified_status": "verified"},
    "next_actions": [],
    "next_action": {"description": "…", "learn_more": "…"},
}

REVIEW: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000021",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "reviewer_agent_id": "0193a2b4-0000-7000-8000-000000000031",
    "review_type": "adversarial",
    "findings_count": 3,
    "fixes_count": 2,
    "disproved_count": 1,
    "summary": "Two fixed, one was no finding",
    "completed_at": "2026-03-27T12:00:00.000000Z",
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}

VERIFICATION: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000022",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "orchestrator_agent_id": "0193a2b4-0000-7000-8000-000000000032",
    "result": "pass",
    "summary": "All criteria met",
    "findings": {},
    "review_type": "adversarial",
    "iteration": 1,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}

ARTIFACT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000023",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "reported_by": "agent",
    "reporter_agent_id": "0193a2b4-0000-7000-8000-000000000031",
    "artifact_type": "commit_diff",
    "path": "https://example.com/pull/7",
    "exists": True,
    "details": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}

BULK: dict[str, Any] = {"results": [{"story_id": "0193a2b4-0000-7000-8000-000000000011", "status": "success"}]}
