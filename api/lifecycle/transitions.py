"""One story, one transition: how every route of the lifecycle, single or bulk, gets to its decision."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response
from msgspec import Struct, structs

from api.commands import origin, submit, written
from api.http.asking import Asking
from api.lifecycle.rights import StoryRights, keys_at_hand, minted_by, minted_in, presented_by, signed
from api.lifecycle.schemas import Said
from api.services import Services
from api.stories.schemas import story_body
from domain.agent import Agent
from domain.capability import CONSUMED_BY, NOTHING, CapabilityMinted, Right
from domain.errors import Conflict, CustodyViolation, NotFound
from domain.event import Event, Recorded, Stream
from domain.lifecycle.completion import EpicStanding, completes, confirms
from domain.lifecycle.events import CustodyViolated
from domain.lifecycle.evidence import Standing, wants_evidence
from domain.lifecycle.identity import Identity, identity_of
from domain.lifecycle.next_actions import NextAction, next_actions
from domain.lifecycle.refusals import check_active
from domain.lifecycle.repeated import already_holds
from domain.lifecycle.runs import LastRun
from domain.story import Story
from domain.tenant import CustodyHalted, Tenant
from domain.tenant_settings import TenantSettings, read_settings
from eventstore.log.command import Change, Command, Known, Need, Refusal, existing
from projections.facts.epic_standing import EPIC_STANDING
from projections.facts.last_evidence import LAST_EVIDENCE
from projections.facts.last_run import LAST_RUN
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
    right: Right = NOTHING

    @property
    def last_run(self) -> LastRun | None:
        """Where it was asked for; without it there is none."""
        return self.known.get(LAST_RUN.need(self.story.story_id), None)

    @property
    def evidence(self) -> Standing:
        """Where it was asked for, which is where the tenant wants some; without it there is none."""
        return self.known.get(LAST_EVIDENCE.need(self.story.story_id), Standing())

    def with_right(self, right: Right) -> "TransitionFacts":
        return structs.replace(self, right=right)

    @property
    def retired(self) -> bool:
        """The caller's agent is deactivated: it may give back what it holds, and nothing else."""
        agent = None if self.who.agent_id is None else self.known[AGENTS.need(self.who.agent_id)]
        return agent is not None and agent.status == "deactivated"


Decision = Callable[[TransitionFacts], Sequence[Event]]
"""Events of the story's own stream. Raises Rejected."""
Body = Callable[[TransitionFacts, Sequence[Recorded]], Mapping[str, Any]]


def identity_enough(_: Identity) -> None:
    """Of a transition that the decision alone refuses."""


def nothing_beside(_: TransitionFacts) -> Sequence[Change]:
    """Of most transitions."""
    return ()


class Transition(Struct, frozen=True, kw_only=True):
    """``action`` as clients spell it. ``beside`` are changes in other streams, whose streams ``streams`` names."""

    action: str
    decide: Decision
    body: Body
    needs: Sequence[Need[Any]] = ()
    following: Callable[[Known], Sequence[Need[Any]]] | None = None
    streams: Sequence[Stream] = ()
    beside: Callable[[TransitionFacts], Sequence[Change] | Refusal] = nothing_beside
    status: int = 200
    confirms: bool = False
    """It may verify a story, and so has to know what that does to the epic."""
    check: Callable[[Identity], object] = identity_enough
    """What is refused before the story is even looked up."""
    said: Said = Said()
    """The capability that the body presents."""


async def make(services: Services, asking: Asking, story_id: UUID, transition: Transition) -> Response[bytes]:
    """Carries out the transition and answers."""
    if transition.said.capability:
        await keys_at_hand(services, asking, transition.said.capability)
    reply = await submit(services, asking, transition_command(services, asking, story_id, transition))
    return await written(services, asking, await signed(services, asking, reply))


def transition_command(services: Services, asking: Asking, story_id: UUID, transition: Transition) -> Command:
    stream, needs, who = Stream("story", story_id), StoryNeeds(asking, story_id), identity_of(asking.caller)
    standing = EPIC_STANDING.need(story_id) if transition.confirms else None
    said = presented_by(services, asking, transition.said)
    rights = StoryRights(services, asking, story_id, transition.action, said)

    def facts_of(known: Known) -> TransitionFacts:
        facts = needs.facts(known, who)
        return facts.with_right(rights.right(known, facts.policy))

    def decide(known: Known) -> Sequence[Change] | Refusal:
        transition.check(who)
        if transition.action != "unclaim":  # what it holds, it may still give back
            check_active(needs.caller_agent(known))
        facts = facts_of(known)
        try:
            events = transition.decide(facts)
        except CustodyViolation as violation:
            return needs.refusal(facts, transition.action, violation)
        except Conflict:
            if asking.idempotency and already_holds(facts.story, transition.action, who):
                return []
            raise
        if not events:
            return []
        beside = transition.beside(facts)
        if isinstance(beside, Refusal):
            return beside
        changes = [*(Change(stream, event) for event in events), *beside]
        changes += _finished(transition, facts, events, standing)
        return rights.around(changes, facts.right, facts.story, who, facts.policy)

    def answer(known: Known, recorded: Sequence[Recorded]) -> Mapping[str, Any]:
        body = {**transition.body(facts_of(known), recorded), **minted_in(known, asking.caller.tenant_id, recorded)}
        return body if recorded else {**body, "already": True}

    return Command(
        origin=origin(services, asking), decide=decide, answer=answer, status=transition.status,
        following=transition.following,
        needs=(*needs.all, *((standing,) if standing else ()), *rights.needs, *transition.needs),
        streams=lambda known: needs.streams(known, (*transition.streams, *rights.streams)), nonces=rights.nonces,
    )  # fmt: skip


def _finished(
    transition: Transition, facts: TransitionFacts, events: Sequence[Event], standing: Need[EpicStanding | None] | None
) -> Sequence[Change]:
    """The completion of the epic, when this verifies the last of its stories."""
    if not any(map(confirms, events)):
        return ()
    if standing is None:
        raise TypeError(f"{transition.action} confirms a story without having said so")
    finished = completes(facts.known[standing], tuple(events))
    return [Change(Stream("epic", facts.story.epic_id), event) for event in finished]


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
        story, tenant = known[self.story], known[self.tenant]
        if story is None or tenant is None:
            raise NotFound("Not found")
        return TransitionFacts(story, who, read_settings(tenant.settings), known)

    def streams(self, known: Known, more: Sequence[Stream]) -> Sequence[Stream]:
        story = known[self.story]
        if story is None:
            return ()
        tenant = known[self.tenant]
        halts = tenant is not None and read_settings(tenant.settings).halt_on_self_attempt
        more = (*more, Stream("tenant", tenant.tenant_id)) if tenant and halts else more
        return (Stream("story", story.story_id), Stream("epic", story.epic_id), *more)

    def refusal(self, facts: TransitionFacts, action: str, violation: CustodyViolation) -> Refusal:
        """The attempt is an event, and where the tenant wants it so, custody halts until a person has looked."""
        story, tenant = facts.story, existing(facts.known, self.tenant)
        tried = CustodyViolated(
            project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status,
            attempted_action=action, code=violation.code, agent_id=facts.who.agent_id,
        )  # fmt: skip
        changes = [Change(Stream("story", story.story_id), tried)]
        if facts.policy.halt_on_self_attempt:
            changes.append(Change(Stream("tenant", tenant.tenant_id), CustodyHalted(reason="self_attempt")))
        return Refusal(violation, changes)


def evidence_wanted(asking: Asking, story_id: UUID) -> Callable[[Known], Sequence[Need[Any]]]:
    """What else verifying has to know, of a tenant that wants evidence; of others nobody looks."""
    tenant, evidence = TENANTS.need(asking.caller.tenant_id), LAST_EVIDENCE.need(story_id)

    def following(known: Known) -> Sequence[Need[Any]]:
        found = known[tenant]
        return (evidence,) if found and wants_evidence(read_settings(found.settings)) else ()

    return following


class Bodies:
    """Answers of transitions. ``base`` is the public address that paths in ``next_actions`` are under."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._tenant_id = asking.caller.tenant_id
        self._base = services.settings.base_url()
        self._now = services.utc_now

    def story(self, facts: TransitionFacts, recorded: Sequence[Recorded] = ()) -> dict[str, Any]:
        text = facts.known[STORY_TEXTS.need(facts.story.story_id)]
        if text is None:
            raise NotFound("Not found")
        actions = () if facts.retired else next_actions(facts.story, facts.who, facts.policy, self._now())
        minted = minted_by(recorded)
        return {
            "story": story_body(self._tenant_id, facts.story, text),
            "next_actions": [self._action(facts.story, action, minted) for action in actions],
        }

    def _action(self, story: Story, action: NextAction, minted: CapabilityMinted | None) -> dict[str, Any]:
        """With the id of the capability that the step before has minted for it."""
        body = {field: _example(story, field) for field in action.fields}
        if minted and minted.typ == CONSUMED_BY.get(action.path):
            body["cap_id"] = minted.cap_id
        return {
            "action": action.action,
            "method": "POST",
            "path": f"{urlsplit(self._base).path}/api/v1/stories/{story.story_id}/{action.path}",
            "required_body": body,
            "preconditions": list(action.preconditions),
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
