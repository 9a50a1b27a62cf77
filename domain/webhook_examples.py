"""An example of what is sent of each type: for tests of a receiver, and for the documents."""

from collections.abc import Mapping
from typing import Any

STORY = {
    "story_id": "0193a2b4-0000-7000-8000-000000000004",
    "project_id": "0193a2b4-0000-7000-8000-000000000002",
    "epic_id": "0193a2b4-0000-7000-8000-000000000003",
}
AGENT = "0193a2b4-0000-7000-8000-000000000005"
LEAD = "0193a2b4-0000-7000-8000-000000000006"
SOMETHING = "0193a2b4-0000-7000-8000-000000000007"
ARTICLE = "0193a2b4-0000-7000-8000-000000000008"
OTHER = "0193a2b4-0000-7000-8000-000000000009"
BUDGET = {
    "budget_id": SOMETHING, "scope_type": "story", "scope_id": STORY["story_id"], "project_id": STORY["project_id"],
    "budget_millicents": 10_000, "budget_tokens": None, "current_spend_millicents": 8_500,
    "current_spend_tokens": 90_000, "utilization_pct": 85, "alert_threshold_pct": 80, "enforcement": "warn",
    "triggering_report_id": OTHER,
}  # fmt: skip
OF_ARTICLE = {
    "id": ARTICLE, "title": "An article", "category": "pattern", "project_id": None, "status": "draft", "tags": ["a"],
}  # fmt: skip
LINK = {
    "id": SOMETHING, "source_article_id": ARTICLE, "target_article_id": OTHER, "relationship_type": "relates_to",
}  # fmt: skip

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "story.status_changed": {**STORY, "old_status": "pending", "new_status": "contracted", "agent_id": AGENT},
    "story.review_requested": {**STORY, "agent_id": AGENT},
    "story.review_completed": {**STORY, "reviewer_agent_id": OTHER, "review_type": "enhanced", "findings_count": 0},
    "story.verified": {**STORY, "orchestrator_agent_id": LEAD, "summary": "All acceptance criteria met"},
    "story.rejected": {
        **STORY, "orchestrator_agent_id": LEAD, "reason": "Missing tests",
        "findings": {"missing_tests": ["empty input handling", "error boundary"]},
    },
    "story.auto_reset": {**STORY, "reason": "rejected", "orchestrator_agent_id": LEAD},
    "story.force_unclaimed": {
        **STORY, "old_status": "assigned", "new_status": "pending", "orchestrator_agent_id": LEAD,
    },
    "story.backfilled": {
        **STORY, "source": "pre_loopctl", "actor_id": SOMETHING, "actor_label": "user:admin",
        "reason": "Finished before", "evidence_url": None, "pr_number": 7,
    },
    "story.commented": {**STORY, "comment_id": SOMETHING, "agent_id": AGENT},
    "story.flagged_for_rereview": {
        **STORY, "agent_id": AGENT, "sanity_flags": ["lazy"], "lazy_score": 85,
        "lazy_factors": {"few_tool_calls": 90, "low_token_ratio": 80},
    },
    "epic.completed": {
        "epic_id": STORY["epic_id"], "epic_number": 1, "epic_title": "An epic", "project_id": STORY["project_id"],
        "story_count": 3,
    },
    "artifact.reported": {
        "artifact_report_id": SOMETHING, "story_id": STORY["story_id"], "artifact_type": "test", "path": "tests/a.py",
        "reported_by": "agent", "reporter_agent_id": AGENT,
    },
    "agent.registered": {"agent_id": AGENT, "agent_name": "worker-1", "agent_type": "implementer"},
    "project.imported": {"project_id": STORY["project_id"], "epic_count": 2, "story_count": 12},
    "webhook.test": {"data": {"message": "This is a test event", "webhook_id": SOMETHING}},
    "token.budget_warning": BUDGET,
    "token.budget_exceeded": {
        **BUDGET, "current_spend_millicents": 11_000, "utilization_pct": 110, "overage_millicents": 1_000,
        "overage_tokens": 0,
    },
    "skill.cost_regression_detected": {
        "skill_version_id": SOMETHING, "skill_id": OTHER, "project_id": None, "skill_name": "loopctl:review",
        "version": 4, "previous_version": 3, "kind": "both", "total_invocations": 3,
        "avg_cost_per_invocation_millicents": 3_000, "previous_avg_cost_per_invocation_millicents": 1_000,
        "avg_tokens_per_invocation": 30_000, "previous_avg_tokens_per_invocation": 10_000, "cost_change_pct": 200,
        "token_change_pct": 200,
    },
    "token.anomaly_detected": {
        "anomaly_id": SOMETHING, "story_id": STORY["story_id"], "story_title": "A story", "agent_id": AGENT,
        "agent_name": "worker-1", "anomaly_type": "high_cost", "story_cost_millicents": 100_000,
        "reference_avg_millicents": 32_500, "deviation_factor": "3.08", "baseline": "epic_day_mean",
        "period": "2026-03-26", "project_id": STORY["project_id"], "reported_tokens": None, "metered_tokens": None,
    },
    "article.created": OF_ARTICLE,
    "article.updated": {**OF_ARTICLE, "changed_fields": ["title"]},
    "article.published": {**OF_ARTICLE, "status": "published"},
    "article.unpublished": OF_ARTICLE,
    "article.archived": {**OF_ARTICLE, "status": "archived"},
    "article.superseded": {
        "superseded_article_id": ARTICLE, "superseded_title": "An article", "superseding_article_id": OTHER,
        "superseding_title": "A newer article",
    },
    "article_link.created": {**LINK, "source_title": "An article", "target_title": "A newer article"},
    "article_link.deleted": LINK,
}  # fmt: skip
