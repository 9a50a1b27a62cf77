"""What the audit trail and the change feed call each event: the vocabulary that clients know (spec 01, appendix B)."""

from collections.abc import Mapping

from msgspec import Struct


class AuditAction(Struct, frozen=True):
    """What it happened to, and what happened."""

    entity_type: str
    action: str


AUDIT_ACTIONS: Mapping[str, AuditAction] = {
    "tenant.created": AuditAction("tenant", "tenant_created"),
    "api_key.created": AuditAction("api_key", "created"),
    "project.created": AuditAction("project", "created"),
}
"""By tag. Total: a test names the events that are missing."""
