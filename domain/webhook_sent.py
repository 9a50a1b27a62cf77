"""What webhooks send of which event of the log (spec 01, appendix B; spec 02, section 8.5)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from domain.agent import AgentRegistered
from domain.audit_shape import Fields, named
from domain.epic import EpicCompleted
from domain.event import Event
from domain.knowledge import events as knowledge
from domain.lifecycle import events as on
from domain.project import ProjectImported, ProjectMerged
from domain.skill_regression import SkillRegressed
from domain.usage.anomaly import CostAnomalyDetected
from domain.usage.budget import BudgetExceeded, BudgetWarned


class Sent(Struct, frozen=True):
    """``members`` of the payload by the event's field, besides ``@id``, the stream's id, and ``@actor_id`` and
    ``@actor_label``, who did it; ``says`` are members that follow from the event's type."""

    type: str
    members: Fields
    says: Mapping[str, Any] = {}


def _story(type_: str, *fields: str, says: Mapping[str, Any] | None = None, **renamed: str) -> Sent:
    place = named("project_id", "epic_id", story_id="@id")
    return Sent(type_, {**place, **named(*fields, **renamed)}, says or {})


def _moved(status: str, *fields: str, says: Mapping[str, Any] | None = None) -> Sent:
    new = {"new_status": status, **(says or {})}
    return _story("story.status_changed", *fields, old_status="agent_status_was", says=new)


BUDGET = named(
    "project_id", "scope_type", "scope_id", "budget_millicents", "budget_tokens", "current_spend_millicents",
    "current_spend_tokens", "utilization_pct", "alert_threshold_pct", "enforcement", "triggering_report_id",
    budget_id="@id",
)  # fmt: skip
ARTICLE = named("title", "category", "project_id", "status", "tags", id="@id")
ENDS = named("source_article_id", "target_article_id", "relationship_type", id="@id")
LEAD = "orchestrator_agent_id"

SENT: Mapping[type[Event], Sent] = {
    on.StoryContracted: _moved("contracted", "agent_id"),
    on.StoryClaimed: _moved("assigned", "agent_id"),
    on.StoryStarted: _moved("implementing", "agent_id"),
    on.StoryReported: _moved("reported_done", "agent_id"),
    on.StoryUnclaimed: _moved("pending", "agent_id"),
    on.LeaseExpired: _moved("pending", says={"agent_id": None}),
    on.ReviewRequested: _story("story.review_requested", "agent_id"),
    on.ReviewCompleted: _story("story.review_completed", "reviewer_agent_id", "review_type", "findings_count"),
    on.StoryVerified: _story("story.verified", LEAD, "summary"),
    on.StoryMarkedComplete: _story("story.verified", LEAD, "summary", "review_type"),
    on.StoryRejected: _story("story.rejected", LEAD, "reason", "findings"),
    on.StoryAutoReset: _story("story.auto_reset", LEAD, says={"reason": "rejected"}),
    on.StoryForceUnclaimed: _story(
        "story.force_unclaimed", LEAD, old_status="agent_status_was", says={"new_status": "pending"}
    ),
    on.StoryBackfilled: _story(
        "story.backfilled", "reason", "evidence_url", "pr_number", actor_id="@actor_id", actor_label="@actor_label",
        says={"source": "pre_loopctl"},
    ),
    on.StoryCommented: _story("story.commented", "comment_id", "agent_id"),
    on.StoryFlagged: _story(
        "story.flagged_for_rereview", "agent_id", "lazy_score", "lazy_factors", sanity_flags="flags"
    ),
    EpicCompleted: Sent(
        "epic.completed",
        named("project_id", "story_count", epic_id="@id", epic_number="number", epic_title="title"),
    ),
    on.ArtifactReported: Sent(
        "artifact.reported",
        named(
            "story_id", "artifact_type", "path", "reported_by", "reporter_agent_id", artifact_report_id="@id"
        ),
    ),
    AgentRegistered: Sent("agent.registered", named("agent_type", agent_id="@id", agent_name="name")),
    ProjectImported: Sent(
        "project.imported", named(project_id="@id", epic_count="epics_created", story_count="stories_created")
    ),
    ProjectMerged: Sent(
        "project.imported", named("epics_created", "stories_created", "stories_updated", project_id="@id"),
        {"merge": True},
    ),
    BudgetWarned: Sent("token.budget_warning", BUDGET),
    BudgetExceeded: Sent("token.budget_exceeded", {**BUDGET, **named("overage_millicents", "overage_tokens")}),
    SkillRegressed: Sent(
        "skill.cost_regression_detected",
        named(
            "project_id", "skill_id", "skill_name", "version", "previous_version", "kind", "total_invocations",
            "avg_cost_per_invocation_millicents", "previous_avg_cost_per_invocation_millicents",
            "avg_tokens_per_invocation", "previous_avg_tokens_per_invocation", "cost_change_pct", "token_change_pct",
            skill_version_id="@id",
        ),
    ),
    CostAnomalyDetected: Sent(
        "token.anomaly_detected",
        named(
            "project_id", "story_id", "story_title", "agent_id", "agent_name", "anomaly_type", "story_cost_millicents",
            "reference_avg_millicents", "deviation_factor", "baseline", "period", "reported_tokens", "metered_tokens",
            anomaly_id="@id",
        ),
    ),
    knowledge.ArticleCreated: Sent("article.created", ARTICLE),
    knowledge.ArticleUpdated: Sent("article.updated", {**ARTICLE, **named("changed_fields")}),
    knowledge.ArticlePublished: Sent("article.published", ARTICLE),
    knowledge.ArticleUnpublished: Sent("article.unpublished", ARTICLE),
    knowledge.ArticleArchived: Sent("article.archived", ARTICLE),
    knowledge.ArticleSuperseded: Sent(
        "article.superseded",
        named(
            "superseding_article_id", "superseding_title", superseded_article_id="@id", superseded_title="title",
        ),
    ),
    knowledge.ArticleLinkCreated: Sent("article_link.created", {**ENDS, **named("source_title", "target_title")}),
    knowledge.ArticleLinkDeleted: Sent("article_link.deleted", ENDS),
}  # fmt: skip
"""A type that none of these has is not sent yet: the capability that brings its event adds it here."""

TRIGGERS: Mapping[type[Event], str] = {event: sent.type for event, sent in SENT.items()}
