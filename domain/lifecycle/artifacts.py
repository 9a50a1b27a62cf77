"""What the work has produced, as somebody says (spec 01, section 3.7)."""

from uuid import UUID

from msgspec import Struct

from domain.caller import Role
from domain.errors import Invalid
from domain.event import JsonText
from domain.fields import LONGEST_DESCRIPTION, LONGEST_JSON, LONGEST_NAME, Problems
from domain.lifecycle.events import ArtifactReported
from domain.lifecycle.identity import Identity
from domain.story import Story


class Artifact(Struct, frozen=True, kw_only=True):
    artifact_id: UUID
    artifact_type: str | None
    path: str | None
    exists: bool = True
    details: JsonText = JsonText("{}")


def report_artifact(story: Story, who: Identity, artifact: Artifact, prefix: str = "") -> ArtifactReported:
    """In any state of the story. ``prefix`` goes before the names of fields. Raises Invalid."""
    problems = Problems()
    kind = problems.required(f"{prefix}artifact_type", artifact.artifact_type, LONGEST_NAME)
    path = problems.required(f"{prefix}path", artifact.path, LONGEST_DESCRIPTION)
    problems.optional(f"{prefix}details", artifact.details, LONGEST_JSON)
    if problems.found:
        raise Invalid(**problems.found)
    return ArtifactReported(
        project_id=story.project_id, story_id=story.story_id, artifact_type=kind, path=path, exists=artifact.exists,
        details=artifact.details, reported_by="orchestrator" if who.role == Role.ORCHESTRATOR else "agent",
        reporter_agent_id=who.agent_id,
    )  # fmt: skip
