"""Examples of costs, for the documentation."""

from typing import Any

from api.costs.schemas import dollars

REPORT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000061",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "epic_id": "0193a2b4-0000-7000-8000-000000000008",
    "project_id": "0193a2b4-0000-7000-8000-000000000004",
    "agent_id": "0193a2b4-0000-7000-8000-000000000031",
    "reporter_relation": "assignee",
    "source": "self_reported",
    "model_name": "claude-sonnet-4-5",
    "input_tokens": 12_000,
    "cache_read_tokens": 80_000,
    "cache_write_tokens": 4_000,
    "output_tokens": 3_000,
    "reasoning_tokens": None,
    "total_tokens": 99_000,
    "cost_millicents": 12_000,
    "cost_dollars": dollars(12_000),
    "cost_source": "computed",
    "expected_cost_millicents": 12_000,
    "cost_mismatch_pct": None,
    "phase": "implementing",
    "attempt": 0,
    "session_id": None,
    "skill_version_id": None,
    "metadata": {},
    "tool_call_count": None,
    "cot_length_tokens": None,
    "tests_run_count": None,
    "corrects_report_id": None,
    "deleted_at": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
TOTALS: dict[str, Any] = {
    "total_input_tokens": 12_000,
    "total_cache_read_tokens": 80_000,
    "total_cache_write_tokens": 4_000,
    "total_output_tokens": 3_000,
    "total_tokens": 99_000,
    "total_cost_millicents": 12_000,
    "cost_millicents": 12_000,
    "total_cost_dollars": dollars(12_000),
    "report_count": 1,
    "unpriced_count": 0,
    "mismatch_count": 0,
}
