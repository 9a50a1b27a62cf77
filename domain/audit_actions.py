"""What the audit trail and the change feed call each event: the vocabulary that clients know (spec 01, appendix B)."""

from collections.abc import Mapping

from msgspec import Struct


class AuditAction(Struct, frozen=True):
    """What it happened to, and what happened."""

    entity_type: str
    action: str


AUDIT_ACTIONS: Mapping[str, AuditAction] = {
    "tenant.created": AuditAction("tenant", "tenant_created"),
    "log.key_rotated": AuditAction("tenant", "key_rotated"),
    "tenant.updated": AuditAction("tenant", "tenant_updated"),
    "tenant.suspended": AuditAction("tenant", "tenant_suspended"),
    "tenant.activated": AuditAction("tenant", "tenant_activated"),
    "api_key.created": AuditAction("api_key", "created"),
    "api_key.linked": AuditAction("api_key", "linked"),
    "api_key.rotated": AuditAction("api_key", "rotated"),
    "api_key.revoked": AuditAction("api_key", "revoked"),
    "agent.registered": AuditAction("agent", "registered"),
    "agent.updated": AuditAction("agent", "updated"),
    "project.created": AuditAction("project", "created"),
    "project.updated": AuditAction("project", "updated"),
    "project.archived": AuditAction("project", "archived"),
    "project.imported": AuditAction("project", "imported"),
    "project.merge_imported": AuditAction("project", "merge_imported"),
    "epic.created": AuditAction("epic", "created"),
    "epic.updated": AuditAction("epic", "updated"),
    "epic.deleted": AuditAction("epic", "deleted"),
    "epic.completed": AuditAction("epic", "completed"),
    "story_dependency.created": AuditAction("story_dependency", "created"),
    "story_dependency.deleted": AuditAction("story_dependency", "deleted"),
    "epic_dependency.created": AuditAction("epic_dependency", "created"),
    "epic_dependency.deleted": AuditAction("epic_dependency", "deleted"),
    "story.created": AuditAction("story", "created"),
    "story.imported": AuditAction("story", "imported"),
    "story.updated": AuditAction("story", "updated"),
    "story.revised": AuditAction("story", "revised"),
    "story.criterion_updated": AuditAction("story", "criterion_updated"),
    "story.deleted": AuditAction("story", "deleted"),
    "story.contracted": AuditAction("story", "status_changed"),
    "story.claimed": AuditAction("story", "status_changed"),
    "story.started": AuditAction("story", "status_changed"),
    "story.reported": AuditAction("story", "status_changed"),
    "story.unclaimed": AuditAction("story", "status_changed"),
    "story.lease_renewed": AuditAction("story", "lease_renewed"),
    "story.lease_expired": AuditAction("story", "lease_expired"),
    "story.review_requested": AuditAction("story", "review_requested"),
    "story.review_completed": AuditAction("story", "review_completed"),
    "story.verified": AuditAction("story", "verified"),
    "story.rejected": AuditAction("story", "rejected"),
    "story.marked_complete": AuditAction("story", "mark_complete"),
    "story.auto_reset": AuditAction("story", "auto_reset"),
    "story.force_unclaimed": AuditAction("story", "force_unclaimed"),
    "story.backfilled": AuditAction("story", "backfilled"),
    "story.custody_violated": AuditAction("story", "custody_violation"),
    "artifact_report.created": AuditAction("artifact_report", "created"),
    "token_usage_report.created": AuditAction("token_usage_report", "created"),
    "audit.observed": AuditAction("session", "observe"),  # each says its own: domain/audit_entry.py
    "orchestrator_state.saved": AuditAction("orchestrator_state", "saved"),
}
"""By tag. Total: a test names the events that are missing."""
