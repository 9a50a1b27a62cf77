"""A report of usage on its way to the log, alone or within the report of a story: one decision for both."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.costs.schemas import UsageBody
from api.http.asking import Asking
from api.services import Services
from domain.errors import Invalid
from domain.event import Stream
from domain.story import Story
from domain.tenant_settings import read_settings
from domain.usage.events import Relation
from domain.usage.figures import scopes_of
from domain.usage.report import Work, report_usage
from eventstore.log.command import Change, Known, Need, existing
from projections.facts.usage import SPENDING
from projections.rows.agents import AGENTS
from projections.rows.stories import STORIES
from projections.rows.tenants import TENANTS


class Recording(Struct, frozen=True, kw_only=True):
    """``place`` is put before the names of fields in what is refused."""

    services: Services
    asking: Asking
    story_id: UUID
    said: UsageBody
    stream: Stream
    place: str = ""

    @property
    def worker(self) -> UUID | None:
        """Whose work it was."""
        return self.said.agent_id or self.asking.caller.agent_id

    @property
    def needs(self) -> Sequence[Need[Any]]:
        named = [AGENTS.need(self.said.agent_id)] if self.said.agent_id else []
        return (STORIES.need(self.story_id), TENANTS.need(self.asking.caller.tenant_id), *named)

    def following(self, known: Known) -> Sequence[Need[Any]]:
        story = known[STORIES.need(self.story_id)]
        if story is None:
            return ()
        scopes = scopes_of(story.project_id, story.epic_id, story.story_id, self.worker)
        return [SPENDING.need(scope) for scope in scopes]

    def changes(self, known: Known, relation: Relation | None = None) -> Sequence[Change]:
        """Raises Invalid and NotFound. ``relation`` is what the caller is to the story, where the route says so."""
        story = existing(known, STORIES.need(self.story_id))
        self._check_worker(story, known)
        settings = read_settings(existing(known, TENANTS.need(self.asking.caller.tenant_id)).settings)
        work = Work(
            project_id=story.project_id, epic_id=story.epic_id, story_id=story.story_id, agent_id=self.worker,
            attempt=story.iteration_count, relation=relation or self._relation(story), at=self.services.utc_now(),
            prices=settings.model_pricing,
        )  # fmt: skip
        return [Change(self.stream, report_usage(self.said.usage(), work, self.place))]

    def _check_worker(self, story: Story, known: Known) -> None:
        """An agent books what it has used itself; what somebody else used only on the story that this one worked on."""
        named = self.said.agent_id
        if named is None or named == self.asking.caller.agent_id:
            return
        existing(known, AGENTS.need(named))
        if named not in (story.assigned_agent_id, *story.worked_agents):
            problem = "must be the caller's own agent or one that has worked on the story"
            raise Invalid(**{f"{self.place}agent_id": problem})

    def _relation(self, story: Story) -> Relation:
        caller = self.asking.caller.agent_id
        if caller in (story.assigned_agent_id, *story.worked_agents):
            return "assignee"
        return "reviewer" if caller in (story.reported_by_agent_id, *story.reviewers) else "other"
