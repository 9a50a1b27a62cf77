"""What each event is to the audit trail and the change feed: what it happened to, what it is called there, the state
before, the state after, and what else was said.

The vocabulary that clients know is spec 01, appendix B. An entry shows only what the event changed.
"""

from collections.abc import Mapping
from typing import Any

from domain import (
    agent,
    authenticator,
    capability,
    ci_trust,
    dependency,
    dispatch,
    epic,
    erasure,
    key,
    log_key,
    observation,
    orchestrator_state,
    project,
    purpose_key,
    recovery,
    skill,
    skill_import,
    skill_result,
    state_digest,
    story,
    story_details,
    tenant,
    ui_test_run,
    violator,
    webhook,
)
from domain.audit_cost_shapes import COST_SHAPES
from domain.audit_shape import AuditShape, named
from domain.event import Event
from domain.knowledge import events as knowledge
from domain.knowledge import ingestion
from domain.lifecycle import events as on

FREE_FORM = frozenset(
    {
        "metadata",
        "acceptance_criteria",
        "findings",
        "details",
        "verification_criterion",
        "state_data",
        "data",
        "settings",
        "metrics",
        "lazy_factors",
        "external_times",
    }
)  # fmt: skip
"""Fields whose text is a client's JSON."""


WAS = named(agent_status="agent_status_was")
WAS_ASSIGNED = named(agent_status="agent_status_was", assigned_agent_id="assigned_agent_id_was")
WAS_BOTH = named(agent_status="agent_status_was", verified_status="verified_status_was")
WAS_VERIFIED = named(verified_status="verified_status_was")
IN_QUEUE: Mapping[str, Any] = {"agent_status": "pending", "assigned_agent_id": None}
CONFIRMED: Mapping[str, Any] = {"agent_status": "reported_done", "verified_status": "verified"}
JUDGED = named("verification_id", "review_type", "findings", "iteration")
STORY_ENDS = named("story_id", "depends_on_story_id")
EPIC_ENDS = named("epic_id", "depends_on_epic_id")
OF_STORY = named("number", "title", "epic_id", "project_id")

OF_DETAILS = story_details.StoryDetails.__struct_fields__
OF_ARTICLE = ("title", "category", "status", "project_id", "tags")
MOVED = named(status="status_was"), named("status")
LINK = named("source_article_id", "target_article_id", "relationship_type")

CAPABILITY = named("cap_id", "typ", "story_id", "expires_at", issued_to_lineage="lineage")

AUDIT_SHAPES: Mapping[type[Event], AuditShape] = {
    tenant.TenantCreated: AuditShape("tenant", "tenant_created", new=named("name", "slug", "root_of_trust")),
    tenant.TenantUpdated: AuditShape(
        "tenant", "tenant_updated", new=named(
            "name", "settings", "default_story_budget_millicents", "token_data_retention_days", "email_changed"
        )
    ),
    tenant.TenantSuspended: AuditShape(
        "tenant", "tenant_suspended", named(status="status_was"), {}, {"status": "suspended"},
    ),
    tenant.TenantActivated: AuditShape(
        "tenant", "tenant_activated", named(status="status_was"), {}, {"status": "active"},
    ),
    tenant.CustodyHalted: AuditShape(
        "tenant", "custody_halted", new=named("reason", "evidence", "kind", "claimed_size"),
    ),
    tenant.HaltCleared: AuditShape(
        "tenant", "halt_cleared", old=named(custody_halted_at="halted_at"), new=named("reason"),
    ),
    key.ApiKeyCreated: AuditShape(
        "api_key", "created", new=named("name", "role", "key_prefix", "agent_id", "expires_at"),
        more=named("dispatch_id"),
    ),
    key.ApiKeyLinked: AuditShape("api_key", "linked", new=named("agent_id")),
    key.ApiKeyRotated: AuditShape("api_key", "rotated", new=named("replaced_by", "expires_at")),
    key.ApiKeyRevoked: AuditShape("api_key", "revoked", new={}, becomes={"revoked": True}),
    agent.AgentRegistered: AuditShape(
        "agent", "registered", new=named("name", "agent_type"), becomes={"status": "active"}, more=named("key_id")
    ),
    agent.AgentUpdated: AuditShape(
        "agent", "updated", named(status="status_was"), named("status", "metadata", "cosigner"), changed_only=True,
    ),
    authenticator.AuthenticatorRenamed: AuditShape(
        "authenticator", "renamed", named(name="name_was"), named("name"),
    ),
    authenticator.AuthenticatorRemoved: AuditShape("authenticator", "removed", old=named("name", "credential_id")),
    authenticator.AuthenticatorAsserted: AuditShape(
        "authenticator", "asserted", new=named("method", "path", "key_id", "sign_count"),
        more=named("body_hash", "nonce", "credential_id", "authenticator_data", "client_data_json", "signature"),
    ),
    authenticator.AuthenticatorSuspected: AuditShape("authenticator", "suspected", more=named("sign_count_was")),
    authenticator.AuthenticatorEnrolled: AuditShape(
        "authenticator", "enrolled",
        new=named("name", "credential_id", "attestation_format", "aaguid", "backup_eligible", "backed_up"),
    ),
    dispatch.DispatchCreated: AuditShape(
        "dispatch", "created",
        new=named("role", "agent_id", "story_id", "parent_dispatch_id", "expires_at", lineage_path="lineage"),
        more=named("key_id", "human_root", "minters"),
    ),
    dispatch.DispatchRevoked: AuditShape(
        "dispatch", "revoked", new=named(revoked_count="ended"), becomes={"revoked": True}
    ),
    capability.CapabilityMinted: AuditShape("capability", "minted", new=CAPABILITY, more=named("nonce")),
    capability.CapabilityPickedUp: AuditShape("capability", "picked_up", new=CAPABILITY, more=named("nonce")),
    capability.CapabilityConsumed: AuditShape(
        "capability", "consumed", new=named("cap_id", "typ", "story_id"), becomes={"consumed": True}
    ),
    purpose_key.PurposeKeyMade: AuditShape("purpose_key", "created", new=named("purpose", "kid", "public")),
    erasure.PayloadErased: AuditShape(
        "payload", "erased", new=named("seq", "event", "entity_kind", "entity_id", "members"), more=named("reason")
    ),
    state_digest.StateDigested: AuditShape("projection", "digested", new=named("size", "tables")),
    log_key.LogKeyBootstrapped: AuditShape("tenant", "audit_key_bootstrapped", new=named("vkey", "reason")),
    log_key.LogKeyRotated: AuditShape(
        "tenant", "key_rotated", old=named("old_key_id"), new=named("new_vkey"), more=named("reason"),
    ),
    recovery.RecoveryOpened: AuditShape("recovery", "opened", new=named("reason"), more=named("touch")),
    recovery.RecoverySeconded: AuditShape(
        "recovery", "seconded", new=named("reason", "ready_at"), more=named("touch"), becomes={"status": "waiting"}
    ),
    recovery.RecoveryCancelled: AuditShape(
        "recovery", "cancelled", new=named("by"), becomes={"status": "cancelled"}
    ),
    recovery.RecoveryCompleted: AuditShape(
        "recovery", "completed", new=named("link_expires_at"), more=named("touch"), becomes={"status": "completed"}
    ),
    recovery.RecoveryUsed: AuditShape("recovery", "used", new={}, becomes={"status": "used"}),
    violator.ViolatorResolved: AuditShape(
        "violator", "resolved", old=named(status="status_was"), new=named("note"), becomes={"status": "resolved"}
    ),
    violator.ViolatorIgnored: AuditShape(
        "violator", "ignored", old=named(status="status_was"), new=named("note"), becomes={"status": "ignored"}
    ),
    project.ProjectCreated: AuditShape("project", "created", new=named("name", "slug", "status")),
    project.ProjectUpdated: AuditShape(
        "project", "updated", old=named(name="name_was", status="status_was"),
        new=named("name", "status", "repo_url", "description", "tech_stack", "mission", "metadata"),
        changed_only=True,
    ),
    project.ProjectArchived: AuditShape(
        "project", "archived", old=named(status="status_was"), new={}, becomes={"status": "archived"},
    ),
    ci_trust.CiTrusted: AuditShape(
        "ci_trust", "set", new=named("project_id", "issuer", "repository_id", "owner_id", "workflow", "ref"),
    ),
    ci_trust.CiDistrusted: AuditShape("ci_trust", "removed", new=named("project_id")),
    project.ProjectImported: AuditShape(
        "project", "imported", new=named("epics_created", "stories_created", "dependencies_created"),
    ),
    project.ProjectMerged: AuditShape(
        "project", "merge_imported",
        new=named("epics_created", "epics_updated", "stories_created", "stories_updated", "dependencies_created")
    ),
    epic.EpicCreated: AuditShape("epic", "created", new=named("number", "title", "project_id", "phase", "position")),
    epic.EpicUpdated: AuditShape(
        "epic", "updated", old=named(title="title_was", phase="phase_was", position="position_was"),
        new=named("title", "phase", "position", "description", "metadata"),
        changed_only=True,
    ),
    epic.EpicDeleted: AuditShape("epic", "deleted", old=named("number", "title", "project_id")),
    epic.EpicCompleted: AuditShape(
        "epic", "completed",
        new=named("project_id", "story_count", epic_id="@id", epic_number="number", epic_title="title")
    ),
    dependency.StoryDependencyCreated: AuditShape("story_dependency", "created", new=STORY_ENDS),
    dependency.StoryDependencyDeleted: AuditShape("story_dependency", "deleted", old=STORY_ENDS),
    dependency.EpicDependencyCreated: AuditShape("epic_dependency", "created", new=EPIC_ENDS),
    dependency.EpicDependencyDeleted: AuditShape("epic_dependency", "deleted", old=EPIC_ENDS),
    story.StoryCreated: AuditShape(
        "story", "created", new=OF_STORY, becomes={"agent_status": "pending", "verified_status": "unverified"},
    ),
    story.StoryImported: AuditShape("story", "imported", new={**OF_STORY, **named("agent_status", "verified_status")}),
    story.StoryUpdated: AuditShape(
        "story", "updated", old=named(title="title_was", description="description_was"),
        new=named("title", "description", "acceptance_criteria", "estimated_hours", "metadata", *OF_DETAILS),
        changed_only=True,
    ),
    story.StoryRevised: AuditShape("story", "revised", new=named("revision", "contract_void")),
    story.CriterionUpdated: AuditShape(
        "story", "criterion_updated", new=named("ac_id", "verification_criterion", "status", "evidence_path"),
    ),
    story.StoryDeleted: AuditShape("story", "deleted", old=named("number", "title", "epic_id")),
    on.StoryContracted: AuditShape(
        "story", "status_changed",
        WAS, named("agent_id"), {"agent_status": "contracted"}, named("contract_hash", "echo_skipped")
    ),
    on.StoryClaimed: AuditShape(
        "story", "status_changed", WAS, named("agent_id", assigned_agent_id="agent_id"), {"agent_status": "assigned"},
        named("contracted_by_agent_id", "dispatch_id", "lease_expires_at"),
    ),
    on.StoryStarted: AuditShape("story", "status_changed", WAS, named("agent_id"), {"agent_status": "implementing"}),
    on.LeaseRenewed: AuditShape("story", "lease_renewed", new=named("agent_id", "lease_expires_at")),
    on.LeaseExpired: AuditShape("story", "lease_expired", WAS_ASSIGNED, {}, IN_QUEUE, named("lease_expires_at")),
    on.ReviewRequested: AuditShape(
        "story", "review_requested", new=named("agent_id", review_requested_at="@at"), more=named("repeated"),
    ),
    on.StoryReported: AuditShape(
        "story", "status_changed",
        WAS, named("agent_id", reported_done_at="@at"), {"agent_status": "reported_done"}, named("assigned_agent_id")
    ),
    on.ReviewCompleted: AuditShape(
        "story", "review_completed", new=named(
            "review_id", "reviewer_agent_id", "review_type", "findings_count", "fixes_count", "disproved_count",
            "summary", "completed_at",
        )
    ),
    on.VerificationRunReported: AuditShape(
        "story", "run_reported", new=named(
            "run_id", "reporter_agent_id", "status", "runner_type", "commit_sha", "commit_content_hash", "logs_url",
            "completed_at",
        )
    ),
    on.EvidenceReported: AuditShape(
        "story", "evidence_reported", new=named(
            "evidence_id", "source", "form", "sha256", "commit_sha", "run_url", "status", "tests", "passed", "failed",
            "errors", "skipped", "flags", "reporter_agent_id", "issuer", "repository", "ref", "workflow", "run_id",
        )
    ),
    on.StoryVerified: AuditShape(
        "story", "verified", WAS_VERIFIED, named("orchestrator_agent_id"), {"verified_status": "verified"},
        {**JUDGED, **named("result", "summary")},
    ),
    on.StoryRejected: AuditShape(
        "story", "rejected",
        WAS_VERIFIED, named("orchestrator_agent_id", rejection_reason="reason"), {"verified_status": "rejected"}, JUDGED
    ),
    on.StoryMarkedComplete: AuditShape(
        "story", "mark_complete", WAS_BOTH, named("orchestrator_agent_id"), CONFIRMED, {**JUDGED, **named("summary")}
    ),
    on.StoryAutoReset: AuditShape("story", "auto_reset", WAS_ASSIGNED, {}, IN_QUEUE, named("orchestrator_agent_id")),
    on.StoryUnclaimed: AuditShape("story", "status_changed", WAS_ASSIGNED, named("agent_id"), IN_QUEUE),
    on.StoryForceUnclaimed: AuditShape(
        "story", "force_unclaimed",
        WAS_ASSIGNED, named("orchestrator_agent_id"), {"agent_status": "pending"}, named("reason")
    ),
    on.StoryBackfilled: AuditShape(
        "story", "backfilled",
        WAS_BOTH, named("reason", "evidence_url", "pr_number"), {**CONFIRMED, "source": "pre_loopctl"}
    ),
    on.VerifierDrawn: AuditShape(
        "story", "verifier_drawn", new=named("verifier_dispatch_id", "verifier_agent_id"),
        more=named("pool", "kid", "draw", "seed"),
    ),
    on.VerifierNeeded: AuditShape("story", "verifier_needed", new={}, becomes={"verifier_needed": True}),
    on.StoryFlagged: AuditShape(
        "story", "flagged_for_rereview", new=named("flags", "lazy_score", "lazy_factors"),
        becomes={"verifier_needed": True}, more=named("iteration", "agent_id"),
    ),
    on.CustodyViolated: AuditShape(
        "story", "custody_violation", more={**WAS, **named("attempted_action", "code", "agent_id")},
    ),
    on.StoryCommented: AuditShape("story", "commented", new=named("comment_id", "agent_id", "body")),
    on.ArtifactReported: AuditShape(
        "artifact_report", "created",
        new=named("story_id", "artifact_type", "path", "exists", "details", "reported_by", "reporter_agent_id")
    ),
    **COST_SHAPES,
    webhook.WebhookCreated: AuditShape(
        "webhook", "created", new=named("url", "events", "project_id", "ordered"), becomes={"active": True},
    ),
    webhook.WebhookUpdated: AuditShape(
        "webhook", "updated", old=named(active="active_was"),
        new=named("url", "events", "project_id", "ordered", "active"), changed_only=True,
    ),
    webhook.WebhookDisabled: AuditShape(
        "webhook", "webhook_auto_disabled", new=named("reason", "consecutive_failures", "threshold", "last_error"),
        becomes={"active": False},
    ),
    webhook.WebhookSecretRotated: AuditShape("webhook", "secret_rotated", new=named("previous_until")),
    webhook.WebhookTested: AuditShape("webhook", "tested", new=named("event_type")),
    webhook.WebhookRedelivered: AuditShape("webhook", "redelivered", new=named("delivered_position")),
    webhook.WebhookReplayed: AuditShape("webhook", "replayed", new=named("from_position", "to_position", "count")),
    webhook.WebhookDeleted: AuditShape("webhook", "deleted", old=named("url")),
    skill.SkillCreated: AuditShape(
        "skill", "created", new=named("name", "project_id"),
        becomes={"status": "active", "current_version": skill.FIRST},
    ),
    skill.SkillUpdated: AuditShape(
        "skill", "updated", named(description="description_was", status="status_was"),
        named("description", "status", "metadata"), changed_only=True,
    ),
    skill.SkillVersionCreated: AuditShape(
        "skill_version", "created", new=named("skill_id", "name", "version", "changelog"), more=named("attributed_to"),
    ),
    skill_import.SkillsImported: AuditShape(
        "skill_import", "bulk_imported", new=named("total", "created", "updated", "unchanged"),
    ),
    skill_result.SkillResultRecorded: AuditShape(
        "skill_result", "created", new=named("skill_version_id", "verification_result_id", "story_id", "metrics"),
    ),
    knowledge.ArticleCreated: AuditShape(
        "article", "article.created", new=named(*OF_ARTICLE), more=named("source_type", "source_id", "story_id"),
    ),
    knowledge.ArticleUpdated: AuditShape(
        "article", "article.updated", named(title="title_was", status="status_was"),
        named(*OF_ARTICLE, "metadata"), more=named("changed_fields"),
    ),
    knowledge.ArticlePublished: AuditShape("article", "article.published", *MOVED),
    knowledge.ArticleUnpublished: AuditShape("article", "article.unpublished", *MOVED),
    knowledge.ArticleArchived: AuditShape("article", "article.archived", *MOVED),
    knowledge.ArticleSuperseded: AuditShape(
        "article", "article.superseded", *MOVED, more=named("superseding_article_id"),
    ),
    ingestion.IngestionRequested: AuditShape(
        "ingestion", "ingestion.requested", new=named("source_type", "url", "content_hash", "project_id"),
    ),
    ingestion.IngestionFinished: AuditShape(
        "ingestion", "knowledge.content_ingested", new=named("state", "article_ids", "known", "left_out", "error"),
    ),
    knowledge.ArticleLinkCreated: AuditShape("article_link", "article_link.created", new=LINK),
    knowledge.ArticleLinkDeleted: AuditShape("article_link", "article_link.deleted", old=LINK),
    ui_test_run.UiTestStarted: AuditShape(
        "ui_test_run", "ui_test.started", new=named("project_id", "guide_reference", "started_by_agent_id"),
        becomes={"status": "in_progress"},
    ),
    ui_test_run.UiTestFindingAdded: AuditShape(
        "ui_test_run", "ui_test.finding_added",
        new=named("findings_count", "severity", "type", "step", "title", "finding_id"),
    ),
    ui_test_run.UiTestCompleted: AuditShape(
        "ui_test_run", "ui_test.completed",
        new=named("status", "findings_count", "critical_count", "high_count"),
    ),
    ui_test_run.UiTestCancelled: AuditShape(
        "ui_test_run", "ui_test.cancelled", new={}, becomes={"status": "cancelled"},
    ),
    observation.Observed: AuditShape("session", "observe", whole="data"),
    orchestrator_state.OrchestratorStateSaved: AuditShape(
        "orchestrator_state", "saved", new=named("project_id", "state_key", "state_data", "version"),
    ),
}  # fmt: skip
"""Total: a test names the event types that are missing. An observation says itself what it happened to."""
