"""Answers as they are documented."""

from typing import Any

EVIDENCE: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000061",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "source": "ci",
    "form": "junit",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 18211,
    "commit_sha": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "run_url": "https://ci.example.com/runs/17",
    "status": "pass",
    "tests": 120,
    "passed": 118,
    "failed": 0,
    "errors": 0,
    "skipped": 2,
    "executed_before": 121,
    "current": True,
    "reporter_agent_id": None,
    "flags": ["fewer_tests"],
    "ac_results": {"AC-1": "pass"},
    "failed_tests": [],
    "signatures": {"count": 0, "checked": False},
    "ci": {
        "issuer": "https://token.actions.githubusercontent.com",
        "repository": "acme/keys",
        "repository_id": "74213",
        "ref": "refs/heads/main",
        "workflow": "acme/keys/.github/workflows/ci.yml@refs/heads/main",
        "run_id": "1658821493",
    },
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
