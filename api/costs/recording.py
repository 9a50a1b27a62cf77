"""A report of usage on its way to the log, alone or within the report of a story: one decision for both."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.costs.schemas import FiguresBody, UsageBody
from api.http.asking import Asking
from api.services import Services
from domain.errors import Invalid
from domain.event import Stream
from domain.story import Story
from domain.tenant_settings import read_settings
from domain.usage.events import Relation, TokenUsageReported
from domain.usage.figures import NOTHING, Figures, Scope, figures_of, scopes_of
from domain.usage.report import Work, report_usage
from domain.usage.retries import is_retry
from domain.usage.watching import Place, Watched, blocked, crossed, watched
from eventstore.log.command import Change, Known, Need, Refusal, existing
from projections.facts.budgets import BUDGETS_OF_SCOPE
from projections.facts.usage import SAME_SESSION, SPENDING
from projections.rows.agents import AGENTS
from projections.rows.skills import SKILL_VERSIONS
from projections.rows.stories import STORIES
from projections.rows.tenants import TENANTS


def place_of(story: Story, agent_id: UUID | None) -> Place:
    return Place(story.project_id, story.epic_id, story.story_id, agent_id)


def needs_of(place: Place) -> Sequence[Need[Any]]:
    """Budgets that work at this place counts towards, and what was spent of them."""
    scopes = scopes_of(place.project_id, place.epic_id, place.story_id, place.agent_id)
    return [*map(SPENDING.need, scopes), *map(BUDGETS_OF_SCOPE.need, place.budget_scopes)]


def crossings(known: Known, event: TokenUsageReported, report_id: UUID) -> Sequence[Change]:
    """What a report, or a correction, makes of the budgets that it counts towards."""
    place = Place(event.project_id, event.epic_id, event.story_id, event.agent_id)
    told = crossed(_watched(known, place), _spent(known), figures_of(event), report_id)
    return [Change(stream, each) for stream, each in told]


def check_budgets(known: Known, place: Place) -> None:
    """For a report of a story without usage: what was used before may be too much. Raises Rejected."""
    refusal = blocked(_watched(known, place), _spent(known))
    if refusal:
        raise refusal


def _watched(known: Known, place: Place) -> Sequence[Watched]:
    needs = {scope: BUDGETS_OF_SCOPE.need(scope) for scope in place.budget_scopes}
    return watched(place, {scope: known[need] for scope, need in needs.items()})


def _spent(known: Known) -> Callable[[Scope], Figures]:
    return lambda scope: known[SPENDING.need(scope)]


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
        named: list[Need[Any]] = [AGENTS.need(self.said.agent_id)] if self.said.agent_id else []
        named += skill_needs(self.said)
        session = [SAME_SESSION.need((self.story_id, self.said.session_id))] if self.said.session_id else []
        return (STORIES.need(self.story_id), TENANTS.need(self.asking.caller.tenant_id), *named, *session)

    def following(self, known: Known) -> Sequence[Need[Any]]:
        story = known[STORIES.need(self.story_id)]
        return () if story is None else needs_of(place_of(story, self.worker))

    def changes(self, known: Known) -> Sequence[Change]:
        """Raises Invalid and NotFound."""
        return self._told(known, self._event(known))

    def reported(self, known: Known) -> Sequence[Change] | Refusal:
        """Within the report of a story, which a budget may block. What was used is recorded all the same, but the same
        within a day is a retry. Raises Invalid and NotFound."""
        event = self._event(known, "reviewer")
        before = known[SAME_SESSION.need((self.story_id, event.session_id))] if event.session_id else None
        again = is_retry(event, before, self.services.utc_now())
        place = Place(event.project_id, event.epic_id, event.story_id, event.agent_id)
        spent = _spent(known)
        refusal = blocked(_watched(known, place), spent, NOTHING if again else figures_of(event))
        changes = () if again and refusal else self._told(known, event)
        return Refusal(refusal, changes) if refusal else changes

    def _event(self, known: Known, relation: Relation | None = None) -> TokenUsageReported:
        """``relation`` is what the caller is to the story, where the route says so."""
        story = existing(known, STORIES.need(self.story_id))
        self._check_worker(story, known)
        check_skill(self.said, known, self.place)
        settings = read_settings(existing(known, TENANTS.need(self.asking.caller.tenant_id)).settings)
        work = Work(
            project_id=story.project_id, epic_id=story.epic_id, story_id=story.story_id, agent_id=self.worker,
            attempt=story.iteration_count, relation=relation or self._relation(story), at=self.services.utc_now(),
            prices=settings.model_pricing,
        )  # fmt: skip
        return report_usage(self.said.usage(), work, self.place)

    def _told(self, known: Known, event: TokenUsageReported) -> Sequence[Change]:
        return [Change(self.stream, event), *crossings(known, event, self.stream.id)]

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


def skill_needs(said: FiguresBody) -> Sequence[Need[Any]]:
    """The version of a skill that the work was done by, where one is said."""
    return [SKILL_VERSIONS.need(said.skill_version_id)] if said.skill_version_id else []


def check_skill(said: FiguresBody, known: Known, place: str = "") -> None:
    """Raises Invalid for a version that the tenant does not have: its costs would be nobody's."""
    if any(known[need] is None for need in skill_needs(said)):
        raise Invalid(**{f"{place}skill_version_id": "does not exist"})
