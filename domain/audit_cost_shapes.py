"""What events of costs are to the audit trail and the change feed: a part of audit_shapes.py."""

from collections.abc import Mapping

from domain.audit_shape import AuditShape, named
from domain.event import Event
from domain.skill_regression import SkillRegressed
from domain.usage import anomaly, archival, budget, metered
from domain.usage import events as usage

TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
USAGE = named(
    "story_id", "agent_id", *TOKENS, "model_name", "cost_millicents", "cost_source", "phase", "skill_version_id",
)  # fmt: skip
CROSSED = named(
    "scope_type", "scope_id", "utilization_pct", "budget_millicents", "budget_tokens", "current_spend_millicents",
    "current_spend_tokens", "enforcement", budget_id="@id",
)  # fmt: skip
CROSSED_AT = named("scope_type", "scope_id", budget_id="@id")
ARCHIVED = named("retention_days", "before", "anomalies_archived", reports_soft_deleted="reports_archived")
OF_STORY_COST = named("story_id", "anomaly_type", anomaly_id="@id")

COST_SHAPES: Mapping[type[Event], AuditShape] = {
    metered.MeteredUsageRecorded: AuditShape(
        "metered_usage", "recorded",
        new=named(
            "story_id", "agent_id", "signal", *TOKENS, "model_name", "cost_millicents", "cost_source", "session_id",
        ),
        more=named("story_id", "session_id"),
    ),
    SkillRegressed: AuditShape(
        "skill_version", "cost_regression_detected",
        new=named(
            "skill_id", "skill_name", "version", "previous_version", "kind", "total_invocations", "cost_change_pct",
            "token_change_pct", "avg_cost_per_invocation_millicents", "avg_tokens_per_invocation",
        ),
    ),
    usage.TokenUsageReported: AuditShape(
        "token_usage_report", "created", new=USAGE, more=named("story_id", "session_id"),
    ),
    usage.TokenUsageCorrected: AuditShape(
        "token_usage_report", "corrected", new={**USAGE, **named("corrects_report_id")},
        more=named("corrects_report_id", "story_id", "project_id", "input_tokens", "output_tokens", "cost_millicents"),
    ),
    usage.TokenUsageDeleted: AuditShape(
        "token_usage_report", "deleted", old=named("story_id", "cost_millicents", "model_name", *TOKENS),
        more=named("story_id", "project_id", "cost_millicents"),
    ),
    budget.TokenBudgetCreated: AuditShape(
        "token_budget", "created", new=named("scope_type", "scope_id", "per", *budget.TERMS),
    ),
    budget.TokenBudgetUpdated: AuditShape(
        "token_budget", "updated", old={name: f"{name}_was" for name in budget.TERMS},
        new=named(*budget.TERMS, "metadata"), changed_only=True,
    ),
    budget.TokenBudgetDeleted: AuditShape(
        "token_budget", "deleted", old=named("scope_type", "scope_id", "per", "budget_millicents", "budget_tokens"),
    ),
    budget.BudgetWarned: AuditShape(
        "token_budget", "threshold_crossed", new=CROSSED, becomes={"threshold_type": "warning"}, more=CROSSED_AT,
    ),
    budget.BudgetExceeded: AuditShape(
        "token_budget", "threshold_crossed", new=CROSSED, becomes={"threshold_type": "exceeded"}, more=CROSSED_AT,
    ),
    anomaly.CostAnomalyDetected: AuditShape(
        "cost_anomaly", "detected",
        new=named(
            "anomaly_type", "story_id", "story_title", "deviation_factor", "story_cost_millicents",
            "reference_avg_millicents", "baseline", "period", "reported_tokens", "metered_tokens",
        ),
        becomes={"resolved": False},
        more=named("story_id", "anomaly_type", "deviation_factor", anomaly_id="@id"),
    ),
    anomaly.CostAnomalyRemeasured: AuditShape(
        "cost_anomaly", "remeasured", named(deviation_factor="deviation_factor_was"),
        named(
            "deviation_factor", "story_cost_millicents", "reference_avg_millicents", "period", "reported_tokens",
            "metered_tokens",
        ),
        more=OF_STORY_COST,
    ),
    anomaly.CostAnomalyResolved: AuditShape(
        "cost_anomaly", "resolved", {}, named("cause", "note"), {"resolved": True}, OF_STORY_COST,
    ),
    anomaly.CostAnomalyReopened: AuditShape(
        "cost_anomaly", "reopened", {}, named("note"), {"resolved": False}, OF_STORY_COST,
    ),
    anomaly.CostAnomalyArchived: AuditShape("cost_anomaly", "archived", new=named("archived"), more=OF_STORY_COST),
    archival.TokenDataArchived: AuditShape(
        "token_data_archival", "archival_run", new=ARCHIVED, more=ARCHIVED,
    ),
}  # fmt: skip
