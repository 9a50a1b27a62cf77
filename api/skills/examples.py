"""Skills as the documentation shows them."""

from typing import Any

SKILL: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000041",
    "name": "loopctl:review",
    "description": "Review finished work against its criteria",
    "current_version": 2,
    "status": "active",
    "project_id": None,
    "metadata": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-28T09:00:00.000000Z",
}
SUMMARY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000042",
    "version": 2,
    "changelog": "Looks for missing tests",
    "created_by": "user:admin",
    "attributed_to": None,
    "sha256": "6e9a0ac24f1a83d1d7d0bd8ef2b45bd3cc1b0c5b6cfbab5de5c2a0b3a2a2a1a0",
    "inserted_at": "2026-03-28T09:00:00.000000Z",
}
VERSION: dict[str, Any] = {
    **SUMMARY,
    "skill_id": SKILL["id"],
    "prompt_text": "Read the story and its criteria.\nThen read the change.\n",
    "metadata": {},
}
DIFF: dict[str, Any] = {
    "from": 1,
    "to": 2,
    "added": 1,
    "removed": 0,
    "diff": "--- loopctl:review@1\n+++ loopctl:review@2\n@@ -1 +1,2 @@\n Read the story and its criteria.\n"
    "+Then read the change.",
}
RESULT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000043",
    "skill_version_id": VERSION["id"],
    "verification_result_id": "0193a2b4-0000-7000-8000-000000000044",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "metrics": {"findings_count": 3, "false_positive_count": 1, "iteration": 1},
    "inserted_at": "2026-03-28T10:00:00.000000Z",
}
STAT: dict[str, Any] = {
    "version": 1,
    "total_results": 2,
    "pass_count": 1,
    "fail_count": 1,
    "partial_count": 0,
    "stories_reviewed": 1,
    "avg_findings": "3.0000",
    "avg_false_positives": "1.0000",
    "false_positive_rate": "0.3333",
    "avg_iterations": None,
}
COUNTERS: dict[str, int] = {"total": 6, "created": 6, "updated": 0, "unchanged": 0}
COST: dict[str, Any] = {
    "version_number": 2,
    "total_invocations": 3,
    "unpriced_invocations": 0,
    "total_cost_millicents": 4500,
    "avg_cost_per_invocation_millicents": 1500,
    "total_tokens": 36_000,
    "avg_tokens_per_invocation": 12_000,
    "stories_verified_count": 1,
    "stories_rejected_count": 0,
    "verification_rate_pct": 100,
    "cost_change_pct": 50,
    "token_change_pct": 20,
    "cost_regression": False,
    "token_regression": False,
}
SUMMED: dict[str, Any] = {
    "version_number": 2,
    "total_invocations": 3,
    "total_cost_millicents": 4500,
    "avg_cost_per_invocation_millicents": 1500,
}
