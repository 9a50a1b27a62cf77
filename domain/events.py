"""Every event there is. A log that holds another one is newer than this code."""

from collections.abc import Callable, Mapping

from domain import agent, dependency, epic, key, log_key, observation, orchestrator_state, project, story, tenant, usage
from domain.event import Event
from domain.lifecycle import events as lifecycle

EVENTS: tuple[type[Event], ...] = (
    tenant.TenantCreated,
    tenant.TenantUpdated,
    tenant.TenantSuspended,
    tenant.TenantActivated,
    key.ApiKeyCreated,
    key.ApiKeyLinked,
    key.ApiKeyRotated,
    key.ApiKeyRevoked,
    agent.AgentRegistered,
    agent.AgentUpdated,
    log_key.LogKeyRotated,
    project.ProjectCreated,
    project.ProjectUpdated,
    project.ProjectArchived,
    project.ProjectImported,
    project.ProjectMerged,
    epic.EpicCreated,
    epic.EpicUpdated,
    epic.EpicDeleted,
    epic.EpicCompleted,
    dependency.StoryDependencyCreated,
    dependency.StoryDependencyDeleted,
    dependency.EpicDependencyCreated,
    dependency.EpicDependencyDeleted,
    story.StoryCreated,
    story.StoryImported,
    story.StoryUpdated,
    story.StoryRevised,
    story.CriterionUpdated,
    story.StoryDeleted,
    lifecycle.StoryContracted,
    lifecycle.StoryClaimed,
    lifecycle.StoryStarted,
    lifecycle.LeaseRenewed,
    lifecycle.LeaseExpired,
    lifecycle.ReviewRequested,
    lifecycle.StoryReported,
    lifecycle.ReviewCompleted,
    lifecycle.StoryVerified,
    lifecycle.StoryRejected,
    lifecycle.StoryMarkedComplete,
    lifecycle.StoryAutoReset,
    lifecycle.StoryUnclaimed,
    lifecycle.StoryForceUnclaimed,
    lifecycle.StoryBackfilled,
    lifecycle.CustodyViolated,
    lifecycle.ArtifactReported,
    usage.TokenUsageReported,
    observation.Observed,
    orchestrator_state.OrchestratorStateSaved,
)

UPCASTERS: Mapping[str, Callable[[dict[str, object]], dict[str, object]]] = {
    project.ProjectCreated.TAG: project.metadata_as_text,
}
"""By tag: old data to what the Struct of today reads. Data of today must pass through unchanged.

A field that was added with a default needs none.
"""
