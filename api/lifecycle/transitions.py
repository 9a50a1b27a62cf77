"""One story, one transition: how every route of the lifecycle, single or bulk, gets to its decision."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response
from msgspec import Struct

from api.commands import carry_out, origin
from api.http.asking import Asking
from api.services import Services
from api.stories.schemas import story_body
from domain.agent import Agent
from domain.errors import Conflict, CustodyViolation
from domain.event import Event, Recorded, Stream
from domain.lifecycle.completion import completes, confirms
from domain.lifecycle.events import CustodyViolated
from domain.lifecycle.identity import Identity, identity_of
from domain.lifecycle.implementer import check_active
from domain.lifecycle.next_actions import NextAction, next_actions
from domain.lifecycle.repeated import already_holds
from domain.story import Story
from domain.tenant import Tenant
from domain.tenant_settings import TenantSettings, read_settings
from eventstore.log.command import Change, Command, Known, Need, Refusal, existing
from projections.facts.epic_standing import EPIC_STANDING
from projections.rows.agents import AGENTS
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS
from projections.rows.tenants import TENANTS


class TransitionFacts(Struct, frozen=True):
    """What a transition is decided on; ``known`` has what it needs of its own."""

    story: Story
    who: Identity
    policy: TenantSettings
    known: Known


Decision = Callable[[TransitionFacts], Sequence[Event]]
"""Events of the story's own stream. Raises Rejected."""
Body = Callable[[TransitionFacts, Sequence[Recorded]], Mapping[str, Any]]


class Transition(Struct, frozen=True, kw_only=True):
    """``action`` as clients spell it. ``beside`` are changes in other streams, whose streams ``streams`` names."""

    action: str
    decide: Decision
    body: Body
    needs: Sequence[Need[Any]] = ()
    streams: Sequence[Stream] = ()
    beside: Callable[[TransitionFacts], Sequence[Change]] | None = None
    status: int = 200
    confirms: bool = False
    """It may verify a story, and so has to know what that does to the epic."""
    check: Callable[[Identity], object] | None = None
    """What is refused before the story is even looked up."""


async def make(services: Services, asking: Asking, story_id: UUID, transition: Transition) -> Response[bytes]:
    """Carries out the transition and answers."""
    return await carry_out(services, asking, transition_command(services, asking, story_id, transition))


def transition_command(services: Services, asking: Asking, story_id: UUID, transition: Transition) -> Command:
    stream, needs, who = Stream("story", story_id), StoryNeeds(asking, story_id), identity_of(asking.caller)
    standing = EPIC_STANDING.need(story_id) if transition.confirms else None

    def decide(known: Known) -> Sequence[Change] | Refusal:
        if transition.check:
            transition.check(who)
        if transition.action != "unclaim":  # what it holds, it may still give back
            check_active(needs.caller_agent(known))
        facts = needs.facts(known, who)
        try:
            events = transition.decide(facts)
        except CustodyViolation as violation:
            return Refusal(violation, [Change(stream, attempt(facts, transition.action, violation))])
        except Conflict:
            if asking.idempotency and already_holds(facts.story, transition.action, who):
                return []
            raise
        changes = [Change(stream, event) for event in events]
        changes += transition.beside(facts) if transition.beside else ()
        if any(map(confirms, events)):
            if standing is None:
                raise TypeError(f"{transition.action} confirms a story without having said so")
            finished = completes(known[standing], tuple(events))
            changes += [Change(Stream("epic", facts.story.epic_id), event) for event in finished]
        return changes

    def answer(known: Known, recorded: Sequence[Recorded]) -> Mapping[str, Any]:
        body = transition.body(needs.facts(known, who), recorded)
        return body if recorded else {**body, "already": True}

    return Command(
        origin=origin(services, asking), decide=decide, answer=answer, status=transition.status,
        needs=(*needs.all, *((standing,) if standing else ()), *transition.needs),
        streams=lambda known: needs.streams(known, transition.streams),
    )  # fmt: skip


class StoryNeeds:
    """What every transition of a story has to know."""

    def __init__(self, asking: Asking, story_id: UUID) -> None:
        self.story: Need[Story | None] = STORIES.need(story_id)
        self.text = STORY_TEXTS.need(story_id)
        self.tenant: Need[Tenant | None] = TENANTS.need(asking.caller.tenant_id)
        agent_id = asking.caller.agent_id
        self.agent: Need[Agent | None] | None = None if agent_id is None else AGENTS.need(agent_id)
        self.all: Sequence[Need[Any]] = (self.story, self.text, self.tenant, *((self.agent,) if self.agent else ()))

    def caller_agent(self, known: Known) -> Agent | None:
        return known[self.agent] if self.agent else None

    def facts(self, known: Known, who: Identity) -> TransitionFacts:
        """Raises NotFound."""
        settings = existing(known, self.tenant).settings
        return TransitionFacts(existing(known, self.story), who, read_settings(settings), known)

    def streams(self, known: Known, more: Sequence[Stream]) -> Sequence[Stream]:
        story = known[self.story]
        return () if story is None else (Stream("story", story.story_id), Stream("epic", story.epic_id), *more)


def attempt(facts: TransitionFacts, action: str, violation: CustodyViolation) -> CustodyViolated:
    story = facts.story
    return CustodyViolated(
        project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status,
        attempted_action=action, code=violation.code, agent_id=facts.who.agent_id,
    )  # fmt: skip


class Bodies:
    """Answers of transitions. ``base`` is the public address that paths in ``next_actions`` are under."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._tenant_id = asking.caller.tenant_id
        self._base = services.settings.base_url()

    def story(self, facts: TransitionFacts, _: Sequence[Recorded] = ()) -> dict[str, Any]:
        text = existing(facts.known, STORY_TEXTS.need(facts.story.story_id))
        actions = next_actions(facts.story, facts.who, facts.policy)
        return {
            "story": story_body(self._tenant_id, facts.story, text),
            "next_actions": [self._action(facts.story, action) for action in actions],
        }

    @property
    def next_action(self) -> dict[str, Any]:
        """As clients of the reference expect it after verify."""
        return {
            "next_action": {
                "description": "The story is verified. GET …/verifications lists the results.",
                "learn_more": f"{self._base}/wiki/agent-pattern",
            }
        }

    def _action(self, story: Story, action: NextAction) -> dict[str, Any]:
        return {
            "action": action.action,
            "method": "POST",
            "path": f"{urlsplit(self._base).path}/api/v1/stories/{story.story_id}/{action.path}",
            "required_body": {field: _example(story, field) for field in action.fields},
            "preconditions": list(action.preconditions),
            "learn_more": f"{self._base}/wiki/agent-pattern",
        }


def _example(story: Story, field: str) -> Any:
    match field:
        case "story_title":
            return story.title
        case "ac_count":
            return story.ac_count
        case "findings_count" | "fixes_count" | "disproved_count":
            return 0
        case _:
            return f"<{field}>"
