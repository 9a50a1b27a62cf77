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
from domain.story import AgentStatus, Story, StoryText, VerifiedStatus
from domain.story_details import MOST_CLAIMED, MOST_LABELS, MOST_PRIORITY, Ties, parent_reference
from domain.story_fields import StoryFields
from eventstore.log.command import Need
from projections.facts.ties import STORY_TIES, Tying


class UpdateStoryBody(Struct, frozen=True, kw_only=True):
    """Null is not said; "" clears a text; what is not listed is ignored, number and statuses too."""

    title: Text | None = None
    description: Text | None = None
    acceptance_criteria: list[Any] | None = None
    estimated_hours: float | Annotated[str, Meta(max_length=64)] | None = None
    metadata: Metadata | None = None
    external_source: Text | None = None
    external_id: Text | None = None
    external_times: Annotated[dict[str, Text | None], Meta(max_length=16)] | None = None
    labels: Annotated[list[Text], Meta(max_length=MOST_LABELS)] | None = None
    priority: Annotated[int, Meta(ge=0, le=MOST_PRIORITY)] | None = None
    assignee: Text | None = None
    claimed_criteria: Annotated[list[Text], Meta(max_length=MOST_CLAIMED)] | None = None
    parent: Text | None = None
    parent_id: Text | None = None

    def fields(self) -> StoryFields:
        said = {
            name: value
            for name in StoryFields.__struct_fields__
            if name != "metadata" and (value := getattr(self, name)) is not None
        }
        return StoryFields(**said, metadata=UNSET if self.metadata is None else as_text(self.metadata))

    def ties(self, project_id: UUID) -> Need[Ties] | None:
        """What has to be known of other stories for it; None when it says nothing of them."""
        parent = parent_reference(self.parent, self.parent_id)
        external_id, source = (self.external_id or "").strip(), (self.external_source or "").strip()
        if not parent and not external_id:
            return None
        return STORY_TIES.need(Tying(project_id, external_id or None, source or None, parent))


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
    external_id: (
        Annotated[str, Meta(max_length=255, description="Only stories that came with this id.")] | UnsetType
    ) = UNSET
    external_source: Annotated[str, Meta(max_length=50, description="Only stories of this source.")] | UnsetType = UNSET
    label: Annotated[str, Meta(max_length=100, description="Only stories with this label.")] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=0, le=MOST_PRIORITY, description="Only stories of this priority.")] | UnsetType = (
        UNSET
    )
    assignee: Annotated[str, Meta(max_length=200, description="Only stories with this assignee.")] | UnsetType = UNSET
    parent_id: Annotated[UUID, Meta(description="Only parts of this story.")] | UnsetType = UNSET


def story_body(tenant_id: UUID, story: Story, text: StoryText) -> dict[str, Any]:
    """Everything that is said of a story, for reads and transitions alike."""
    return {
        **story_head(tenant_id, story),
        "description": text.description,
        "acceptance_criteria": msgspec.Raw(text.acceptance_criteria.encode()),
        "metadata": msgspec.Raw(text.metadata.encode()),
        **said_details(story, text),
        "parent_id": text.parent_id,
    }


def said_details(story: Story, text: StoryText) -> dict[str, Any]:
    """Where it is from and where it belongs, as an export says it too."""
    return {
        "external_source": story.external_source,
        "external_id": story.external_id,
        "external_times": text.external_times and msgspec.Raw(text.external_times.encode()),
        "labels": text.labels,
        "priority": story.priority,
        "assignee": text.assignee,
        "claimed_criteria": text.claimed_criteria,
        "parent": text.parent,
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
