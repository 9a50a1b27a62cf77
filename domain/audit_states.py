"""What each event is to the audit trail: the state before, the state after, and what else was said.

The vocabulary is spec 01, appendix B. An entry shows only what the event changed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from domain import (
    agent,
    dependency,
    epic,
    key,
    log_key,
    observation,
    orchestrator_state,
    project,
    story,
    tenant,
    usage,
)
from domain.event import Event, Recorded
from domain.lifecycle import events as on

Fields = Mapping[str, str]
"""From the member's name to the event's field; ``@id`` is the stream's id, ``@at`` the event's time."""

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
    }
)  # fmt: skip
"""Fields whose text is a client's JSON."""


class Told(Struct, frozen=True):
    """None for no state at all. ``becomes`` are members of the new state that follow from the event's type."""

    old: Fields | None = None
    new: Fields | None = None
    becomes: Mapping[str, Any] = {}
    more: Fields = {}
    """For the metadata."""
    whole: str | None = None
    """The field that is the new state as a whole."""
    changed_only: bool = False
    """Of the old state, only members that the new one has too."""


class States(Struct, frozen=True):
    old: dict[str, Any] | None
    new: Any
    """An object, or its JSON."""
    metadata: dict[str, Any]


def named(*fields: str, **renamed: str) -> Fields:
    """Members called like the fields, then ``member=field``."""
    return {**{field: field for field in fields}, **renamed}


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

TOLD: Mapping[type[Event], Told] = {
    tenant.TenantCreated: Told(new=named("name", "slug", "root_of_trust")),
    tenant.TenantUpdated: Told(
        new=named(
            "name", "settings", "default_story_budget_millicents", "token_data_retention_days", "email_changed"
        )
    ),
    tenant.TenantSuspended: Told(named(status="status_was"), {}, {"status": "suspended"}),
    tenant.TenantActivated: Told(named(status="status_was"), {}, {"status": "active"}),
    key.ApiKeyCreated: Told(new=named("name", "role", "key_prefix", "agent_id", "expires_at")),
    key.ApiKeyLinked: Told(new=named("agent_id")),
    key.ApiKeyRotated: Told(new=named("replaced_by", "expires_at")),
    key.ApiKeyRevoked: Told(new={}, becomes={"revoked": True}),
    agent.AgentRegistered: Told(
        new=named("name", "agent_type"), becomes={"status": "active"}, more=named("key_id")
    ),
    agent.AgentUpdated: Told(named(status="status_was"), named("status", "metadata"), changed_only=True),
    log_key.LogKeyRotated: Told(old=named("old_key_id"), new=named("new_vkey"), more=named("reason")),
    project.ProjectCreated: Told(new=named("name", "slug", "status")),
    project.ProjectUpdated: Told(
        old=named(name="name_was", status="status_was"),
        new=named("name", "status", "repo_url", "description", "tech_stack", "mission", "metadata"),
        changed_only=True,
    ),
    project.ProjectArchived: Told(old=named(status="status_was"), new={}, becomes={"status": "archived"}),
    project.ProjectImported: Told(new=named("epics_created", "stories_created", "dependencies_created")),
    project.ProjectMerged: Told(
        new=named("epics_created", "epics_updated", "stories_created", "stories_updated", "dependencies_created")
    ),
    epic.EpicCreated: Told(new=named("number", "title", "project_id", "phase", "position")),
    epic.EpicUpdated: Told(
        old=named(title="title_was", phase="phase_was", position="position_was"),
        new=named("title", "phase", "position", "description", "metadata"),
        changed_only=True,
    ),
    epic.EpicDeleted: Told(old=named("number", "title", "project_id")),
    epic.EpicCompleted: Told(
        new=named("project_id", "story_count", epic_id="@id", epic_number="number", epic_title="title")
    ),
    dependency.StoryDependencyCreated: Told(new=STORY_ENDS),
    dependency.StoryDependencyDeleted: Told(old=STORY_ENDS),
    dependency.EpicDependencyCreated: Told(new=EPIC_ENDS),
    dependency.EpicDependencyDeleted: Told(old=EPIC_ENDS),
    story.StoryCreated: Told(new=OF_STORY, becomes={"agent_status": "pending", "verified_status": "unverified"}),
    story.StoryImported: Told(new={**OF_STORY, **named("agent_status", "verified_status")}),
    story.StoryUpdated: Told(
        old=named(title="title_was", description="description_was"),
        new=named("title", "description", "acceptance_criteria", "estimated_hours", "metadata"),
        changed_only=True,
    ),
    story.StoryRevised: Told(new=named("revision", "contract_void")),
    story.CriterionUpdated: Told(new=named("ac_id", "verification_criterion", "status", "evidence_path")),
    story.StoryDeleted: Told(old=named("number", "title", "epic_id")),
    on.StoryContracted: Told(
        WAS, named("agent_id"), {"agent_status": "contracted"}, named("contract_hash", "echo_skipped")
    ),
    on.StoryClaimed: Told(
        WAS, named("agent_id", assigned_agent_id="agent_id"), {"agent_status": "assigned"},
        named("contracted_by_agent_id", "dispatch_id", "lease_expires_at"),
    ),
    on.StoryStarted: Told(WAS, named("agent_id"), {"agent_status": "implementing"}),
    on.LeaseRenewed: Told(new=named("agent_id", "lease_expires_at")),
    on.LeaseExpired: Told(WAS_ASSIGNED, {}, IN_QUEUE, named("lease_expires_at")),
    on.ReviewRequested: Told(new=named("agent_id", review_requested_at="@at"), more=named("repeated")),
    on.StoryReported: Told(
        WAS, named("agent_id", reported_done_at="@at"), {"agent_status": "reported_done"}, named("assigned_agent_id")
    ),
    on.ReviewCompleted: Told(
        new=named(
            "review_id", "reviewer_agent_id", "review_type", "findings_count", "fixes_count", "disproved_count",
            "summary", "completed_at",
        )
    ),
    on.StoryVerified: Told(
        WAS_VERIFIED, named("orchestrator_agent_id"), {"verified_status": "verified"},
        {**JUDGED, **named("result", "summary")},
    ),
    on.StoryRejected: Told(
        WAS_VERIFIED, named("orchestrator_agent_id", rejection_reason="reason"), {"verified_status": "rejected"}, JUDGED
    ),
    on.StoryMarkedComplete: Told(
        WAS_BOTH, named("orchestrator_agent_id"), CONFIRMED, {**JUDGED, **named("summary")}
    ),
    on.StoryAutoReset: Told(WAS_ASSIGNED, {}, IN_QUEUE, named("orchestrator_agent_id")),
    on.StoryUnclaimed: Told(WAS_ASSIGNED, named("agent_id"), IN_QUEUE),
    on.StoryForceUnclaimed: Told(
        WAS_ASSIGNED, named("orchestrator_agent_id"), {"agent_status": "pending"}, named("reason")
    ),
    on.StoryBackfilled: Told(
        WAS_BOTH, named("reason", "evidence_url", "pr_number"), {**CONFIRMED, "source": "pre_loopctl"}
    ),
    on.CustodyViolated: Told(more={**WAS, **named("attempted_action", "code", "agent_id")}),
    on.ArtifactReported: Told(
        new=named("story_id", "artifact_type", "path", "exists", "details", "reported_by", "reporter_agent_id")
    ),
    usage.TokenUsageReported: Told(
        new=named(
            "story_id", "agent_id", "input_tokens", "output_tokens", "model_name", "cost_millicents", "phase"
        ),
        more=named("story_id", "session_id"),
    ),
    observation.Observed: Told(whole="data"),
    orchestrator_state.OrchestratorStateSaved: Told(new=named("project_id", "state_key", "state_data", "version")),
}  # fmt: skip
"""Total: a test names the event types that are missing."""


def states_of(recorded: Recorded) -> States:
    """Raises KeyError for an event type that is not in the table."""
    told = TOLD[type(recorded.event)]
    if told.whole:
        return States(None, _value(recorded, told.whole), {})
    new = None if told.new is None else {**told.becomes, **_members(recorded, told.new)}
    old = None if told.old is None else _members(recorded, told.old)
    if told.changed_only and old and new:
        old = {name: value for name, value in old.items() if name in new}
    return States(old, new, _members(recorded, told.more))


def wire_text(at: datetime) -> str:
    """UTC with microseconds and Z."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def _members(recorded: Recorded, fields: Fields) -> dict[str, Any]:
    return {member: value for member, field in fields.items() if (value := _value(recorded, field)) is not UNSET}


def _value(recorded: Recorded, field: str) -> Any:
    """As JSON can hold it; UNSET for a member that the event leaves out."""
    if field == "@id":
        return recorded.stream.id
    value = recorded.at if field == "@at" else getattr(recorded.event, field)
    if isinstance(value, datetime):
        return wire_text(value)
    return msgspec.Raw(value.encode()) if field in FREE_FORM and isinstance(value, str) else value
