"""Stories on the wire (spec 01, section 2.8): one body, whichever route answers with it."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.epics.schemas import Digits
from api.pages import PageQuery
from api.projects.schemas import Metadata, Text, as_text
from api.times import wire_time
from domain.numbering import StoryNumber
from domain.story import AgentStatus, Story, StoryFields, StoryText, VerifiedStatus


class UpdateStoryBody(Struct, frozen=True, kw_only=True):
    """Null is not said; "" clears a text; what is not listed is ignored, number and statuses too."""

    title: Text | None = None
    description: Text | None = None
    acceptance_criteria: list[Any] | None = None
    estimated_hours: float | Annotated[str, Meta(max_length=64)] | None = None
    metadata: Metadata | None = None

    def fields(self) -> StoryFields:
        said = {
            name: value
            for name in ("title", "description", "acceptance_criteria", "estimated_hours")
            if (value := getattr(self, name)) is not None
        }
        return StoryFields(**said, metadata=UNSET if self.metadata is None else as_text(self.metadata))


class CreateStoryBody(UpdateStoryBody, frozen=True, kw_only=True):
    number: Text | None = None


class CreateStoryInEpicBody(CreateStoryBody, frozen=True, kw_only=True):
    """Names the epic by its number in the project; digits in a string are taken as well."""

    epic_number: int | Digits | None = None


class StoriesOfEpicQuery(PageQuery, frozen=True, kw_only=True):
    include_token_totals: Annotated[bool, Meta(description="Each with what it has cost.")] = False
    agent_status: Annotated[AgentStatus, Meta(description="Only stories that their agents left so.")] | UnsetType = (
        UNSET
    )
    verified_status: (
        Annotated[VerifiedStatus, Meta(description="Only stories confirmed or rejected so.")] | UnsetType
    ) = UNSET


class StoriesQuery(StoriesOfEpicQuery, frozen=True, kw_only=True):
    project_id: Annotated[str, Meta(description="Only stories of the project with this id or slug.")] | UnsetType = (
        UNSET
    )
    epic_id: Annotated[UUID, Meta(description="Only stories of this epic.")] | UnsetType = UNSET
    number: Annotated[str, Meta(description="Only the story with this number; US-1.2 is 1.2.")] | UnsetType = UNSET


def story_body(tenant_id: UUID, story: Story, text: StoryText) -> dict[str, Any]:
    """Everything that is said of a story, for reads and transitions alike."""
    return {
        **story_head(tenant_id, story),
        "description": text.description,
        "acceptance_criteria": msgspec.Raw(text.acceptance_criteria.encode()),
        "metadata": msgspec.Raw(text.metadata.encode()),
    }


def story_head(tenant_id: UUID, story: Story) -> dict[str, Any]:
    """A story without its long texts."""
    return {
        "id": story.story_id,
        "tenant_id": tenant_id,
        "project_id": story.project_id,
        "epic_id": story.epic_id,
        "number": story.number,
        "title": story.title,
        "sort_key": StoryNumber(story.major, story.minor, story.number).sort_key,
        "ac_count": story.ac_count,
        # Kept as the text of a decimal, which is the same number in JSON: nothing is lost on the way.
        "estimated_hours": story.estimated_hours and msgspec.Raw(story.estimated_hours.encode()),
        **_status(story),
        "revision": story.revision,
        "criteria_changed_after_contract": story.criteria_changed_after_contract,
        "inserted_at": wire_time(story.created_at),
        "updated_at": wire_time(story.updated_at),
    }


def _status(story: Story) -> dict[str, Any]:
    return {
        "agent_status": story.agent_status,
        "verified_status": story.verified_status,
        "assigned_agent_id": story.assigned_agent_id,
        "assigned_at": wire_time(story.assigned_at),
        "implementer_dispatch_id": story.implementer_dispatch_id,
        "lease_expires_at": wire_time(story.lease_expires_at),
        "review_requested_at": wire_time(story.review_requested_at),
        "reported_done_at": wire_time(story.reported_done_at),
        "reported_by_agent_id": story.reported_by_agent_id,
        "verifier_dispatch_id": story.verifier_dispatch_id,
        "verifier_needed": story.verifier_needed,
        "verified_at": wire_time(story.verified_at),
        "rejected_at": wire_time(story.rejected_at),
        "rejection_reason": story.rejection_reason,
        "iteration_count": story.iteration_count,
    }
