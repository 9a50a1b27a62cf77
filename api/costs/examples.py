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
    "source": "self_reported",
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
BUDGET: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000062",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "scope_type": "story",
    "scope_id": "0193a2b4-0000-7000-8000-000000000011",
    "project_id": "0193a2b4-0000-7000-8000-000000000004",
    "per": None,
    "budget_millicents": 500_000,
    "budget_tokens": 200_000,
    "budget_input_tokens": None,
    "budget_output_tokens": None,
    "limit_tokens": 200_000,
    "budget_dollars": dollars(500_000),
    "enforcement": "warn",
    "alert_threshold_pct": 80,
    "counts": "self_reported",
    "current_spend_millicents": 3_000,
    "current_spend_dollars": dollars(3_000),
    "current_spend_tokens": 99_000,
    "current_spend_input_tokens": 96_000,
    "current_spend_output_tokens": 3_000,
    "remaining_millicents": 497_000,
    "remaining_dollars": dollars(497_000),
    "utilization_pct": 49,
    "warning_fired": False,
    "exceeded_fired": False,
    "metadata": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
EFFECTIVE: dict[str, Any] = {
    "effective_budget_millicents": 500_000,
    "budget_source": "project_inherited",
    "budget_id": "0193a2b4-0000-7000-8000-000000000062",
    "current_spend_millicents": 3_000,
    "utilization_pct": 0,
}

AGENT = "0193a2b4-0000-7000-8000-000000000031"
METERED_TOKENS: dict[str, Any] = {"metrics": 99_500, "spans": None, "logs": None}
COUNTED = {"stories_count": 1, "verified_count": 1, "rejected_count": 0, "verification_rate_pct": 100}
MEASURED_BUDGET: dict[str, Any] = {**BUDGET, "metered_tokens": METERED_TOKENS}
AGENT_COSTS: dict[str, Any] = {
    "agent_id": AGENT,
    "agent_name": "worker-3",
    "total_stories_reported": 8,
    "story_count": 8,
    **TOTALS,
    "avg_cost_per_story_millicents": 1_500,
    "avg_tokens_per_story": 12_375,
    "budget_millicents": None,
    "budget_tokens": 230_000,
    "budget_utilization_pct": 43,
    "primary_model": "claude-sonnet-4-5",
    "efficiency_rank": 1,
    "metered_tokens": METERED_TOKENS,
}
MODEL_COSTS: dict[str, Any] = {
    "model_name": "claude-sonnet-4-5",
    **TOTALS,
    "avg_cost_per_report_millicents": 12_000,
    "stories_count": 1,
    "stories_verified_count": 1,
    "stories_rejected_count": 0,
    "verification_rate_pct": 100,
    "rework_cost_millicents": 0,
    "metered_tokens": METERED_TOKENS,
}
OF_MODEL = {"input_tokens": 96_000, "output_tokens": 3_000, "total_tokens": 99_000, "cost_millicents": 12_000}
MODELS: dict[str, Any] = {
    "model_breakdown": [{"model_name": "claude-sonnet-4-5", **OF_MODEL}],
    "model_costs": {"claude-sonnet-4-5": OF_MODEL},
}
EPIC_COSTS: dict[str, Any] = {
    "epic_id": "0193a2b4-0000-7000-8000-000000000008",
    "epic_number": 1,
    "epic_name": "Accounts",
    "epic_title": "Accounts",
    "story_count": 2,
    "completed_story_count": 1,
    **TOTALS,
    "avg_cost_per_story_millicents": 6_000,
    "cost_per_verified_story_millicents": 12_000,
    "budget_millicents": 100_000,
    "utilization_pct": 12,
    "metered_tokens": METERED_TOKENS,
    **MODELS,
}
METERED: dict[str, Any] = {
    "metrics": {
        "source": "metered",
        "total_input_tokens": 12_400,
        "total_cache_read_tokens": 80_000,
        "total_cache_write_tokens": 4_000,
        "total_output_tokens": 3_100,
        "total_tokens": 99_500,
        "total_cost_millicents": 12_300,
        "total_cost_dollars": "0.12",
        "export_count": 14,
        "unpriced_count": 0,
    },
    "spans": None,
    "logs": None,
}
PROJECT_COSTS: dict[str, Any] = {
    **TOTALS,
    "metered": METERED,
    "budget_millicents": None,
    "budget_tokens": 200_000,
    "utilization_pct": 49,
    "budget_utilization_percent": 49,
    "cost_by_phase": {"implementing": 12_000},
    **MODELS,
    "agent_count": 1,
    "story_count": 1,
    "avg_cost_per_story_millicents": 12_000,
    "verified_story_count": 1,
    "verified_stories_cost_millicents": 12_000,
    "cost_per_verified_story_millicents": 12_000,
    "rework_cost_millicents": 0,
    "rework_tokens": 0,
    "top_agents": [{"agent_id": AGENT, "agent_name": "worker-3", "cost_millicents": 12_000, "total_tokens": 99_000}],
}
TREND: dict[str, Any] = {"period": "2026-03-27", **TOTALS, "unique_agents": 1, "metered_tokens": METERED_TOKENS}
CELL: dict[str, Any] = {"model_name": "claude-sonnet-4-5", "phase": "implementing", **TOTALS, **COUNTED}
GROUP = {"agent_count": 1, "avg_verification_rate_pct": 100, "avg_cost_per_story_millicents": 12_000}
MIX: dict[str, Any] = {"matrix": [CELL], "comparative": {"mixed_model": GROUP, "single_model": GROUP}}
PROFILE: dict[str, Any] = {
    "agent_id": AGENT,
    "agent_name": "worker-3",
    "model_count": 1,
    "is_model_blender": False,
    "models_used": ["claude-sonnet-4-5"],
    "total_cost_millicents": 12_000,
    "cost_millicents": 12_000,
    "metered_tokens": METERED_TOKENS,
    "usage": [{**CELL, "cost_share_pct": 100}],
}
ANOMALY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000091",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "project_id": "0193a2b4-0000-7000-8000-000000000002",
    "epic_id": "0193a2b4-0000-7000-8000-000000000008",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "story_title": "A user signs in",
    "agent_id": AGENT,
    "agent_name": "worker-3",
    "anomaly_type": "high_cost",
    "story_cost_millicents": 100_000,
    "story_cost_dollars": "1.00",
    "reference_avg_millicents": 32_500,
    "deviation_factor": "3.08",
    "reported_tokens": None,
    "metered_tokens": None,
    "resolved": False,
    "archived": False,
    "note": None,
    "metadata": {"baseline": "epic_day_mean", "period": "2026-03-26"},
    "inserted_at": "2026-03-27T02:05:00.000000Z",
    "updated_at": "2026-03-27T02:05:00.000000Z",
}
BEHAVIOUR: dict[str, Any] = {
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "lazy_score": 0.85,
    "lazy_threshold": 0.7,
    "lazy_flagged": True,
    "lazy_breakdown": {"few_tool_calls": 0.9, "low_token_ratio": 0.8},
    "lazy_reasons": ["fewer than 5 tool calls", "fewer tokens than a fifth of what the estimate stands for"],
    "sanity_flags": ["lazy", "too_fast"],
    "figures": {
        "total_tokens": 1_000,
        "tool_call_count": 2,
        "cot_length_tokens": None,
        "tests_run_count": None,
    },
    "flagged": ["lazy", "too_fast"],
    "flagged_at": "2026-03-27T12:05:00.000000Z",
}
SETTLED_ANOMALY: dict[str, Any] = {
    name: value for name, value in {**ANOMALY, "resolved": True, "note": "A large migration"}.items()
    if name not in ("agent_id", "agent_name")
}  # fmt: skip
