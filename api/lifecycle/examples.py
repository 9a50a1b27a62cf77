"""Answers of the lifecycle as the documentation shows them."""

from typing import Any

from api.stories.examples import STORY

STORY_ANSWER: dict[str, Any] = {"story": STORY, "next_actions": []}

VERIFIED: dict[str, Any] = {
    "status": "verified",
    "run_id": None,
    "story": {**STORY, "agent_status": "reported_done", "verified_status": "verified"},
    "next_actions": [],
    "next_action": {"description": "The story is verified."},
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

RUN: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000024",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "reporter_agent_id": "0193a2b4-0000-7000-8000-000000000032",
    "status": "pass",
    "runner_type": "ci_github",
    "commit_sha": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "commit_content_hash": None,
    "logs_url": "https://ci.example.com/runs/17",
    "ac_results": {"AC-1": "pass"},
    "started_at": None,
    "completed_at": "2026-03-27T12:00:00.000000Z",
    "inserted_at": "2026-03-27T12:00:00.000000Z",
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
CAPABILITY = {
    "cap_id": "0193a2b4-0000-7000-8000-00000000000d",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "typ": "start_cap",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "issued_to_lineage": ["0193a2b4-0000-7000-8000-00000000000a"],
    "issued_at": "2026-03-27T12:00:00.000000Z",
    "expires_at": "2026-03-27T13:00:00.000000Z",
    "nonce": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "kid": "0011223344556677",
    "signature": "…",
}
