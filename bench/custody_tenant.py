"""A tenant of the custody machine in this process: twelve people, some stories, and every path to a decision.

Roles are not looked at, which is more than a client gets: the routes ask for them before anything is decided.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.http.asking import Asking
from api.lifecycle import bulk
from api.lifecycle.implementer import claim_transition
from api.lifecycle.judges import reject_transition, verify_transition
from api.lifecycle.next_claim import contract_and_claim
from api.lifecycle.schemas import RejectBody, VerifyBody
from api.lifecycle.transitions import Transition, TransitionFacts
from bench.custody_model import Person
from domain.caller import Caller, Role
from domain.event import Event, JsonText, Recorded, Stream
from domain.importing.payload import Given, read_payload
from domain.importing.plan import ImportWish, ProjectContents, plan_import
from domain.lifecycle import implementer as working
from domain.lifecycle import judges as confirming
from domain.lifecycle.evolve import evolve_story
from domain.lifecycle.identity import Identity
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.judges import Judgement, Provenance, Review
from domain.lifecycle.prerequisites import Prerequisites
from domain.story import Story, StoryCreated, StoryFields, StoryText, update_story
from domain.tenant_settings import TenantSettings
from eventstore.log.command import Need
from projections.facts.prerequisites import PREREQUISITES
from tests.support.services import services_with

NOON = datetime.fromisoformat("2026-03-27T12:00:00+00:00")
STORIES = 6


HELD: Mapping[str, Callable[..., Sequence[Event]]] = {
    "start": working.start,
    "request-review": working.request_review,
    "heartbeat": working.renew_lease,
}
IN_BULK = "verify_transition"
"""What the bulk routes know it by; looked up for each call, so that the control can take its place."""


JUDGING: Mapping[str, bulk.Judging] = {
    "verify": bulk.verifying,
    "reject": bulk.rejecting,
    "mark-complete": bulk.completing,
}
"""By the last part of the path."""


class Attempt(Struct, frozen=True):
    """One story, one decision; ``action`` as the model calls it."""

    action: str
    story_id: UUID
    transition: Transition


SOMEBODY = Asking(Caller(tenant_id=UUID(int=0), key_id=UUID(int=0), key_name="k", role=Role.AGENT), None, False)
"""Only says which tenant's answers a claim makes; who claims stands in TransitionFacts."""


NOBODY = Person("nobody", "user", None, (UUID(int=10**30),))
"""Whoever a lease expires for."""


def identity_as(person: Person) -> Identity:
    return Identity(
        role=Role(person.role), key_id=person.chain[-1], agent_id=person.agent,
        dispatch_id=person.chain[-1] if len(person.chain) > 1 else None, lineage=person.chain,
    )  # fmt: skip


def people(number: int) -> list[Person]:
    """Agents, orchestrators, a human, keys without an agent, and agents that others have dispatched."""
    ids = iter(UUID(int=(number + 1) * 1000 + each) for each in range(100))
    made = [Person(name, "agent", next(ids), (next(ids),)) for name in ("ann", "ben", "cid")]
    made += [Person(name, "orchestrator", next(ids), (next(ids),)) for name in ("lea", "leo")]
    made.append(Person("ann as lead", "orchestrator", made[0].agent, (next(ids),)))
    made.append(Person("lead without agent", "orchestrator", None, (next(ids),)))
    made.append(Person("key without agent", "agent", None, (next(ids),)))
    made.append(Person("human", "user", None, (next(ids),)))
    root = Person("root", "orchestrator", next(ids), (next(ids),))
    child = Person("child", "agent", next(ids), (*root.chain, next(ids)))
    return [*made, root, child, Person("grandchild", "orchestrator", next(ids), (*child.chain, next(ids)))]


class Tenant:
    def __init__(self, number: int, settings: TenantSettings, chance: random.Random) -> None:
        self.number = number
        self.settings = settings
        self.people = people(number)
        self.stories: dict[UUID, Story] = {}
        self.now = NOON
        self._chance = chance
        self._position = 0
        self._made = 0
        self._earlier: dict[UUID, Any] = {}
        self.services = services_with(utc_now=lambda: self.now)

    def create(self) -> UUID:
        self._made += 1
        story = UUID(int=self.number * 10**12 + self._made)
        created = StoryCreated(
            project_id=UUID(int=1), epic_id=UUID(int=2), number="1.1", title="t", acceptance_criteria=JsonText("[]"),
            metadata=JsonText("{}"),
        )  # fmt: skip
        self.record(story, [created])
        return story

    def imports(self, person: Person) -> UUID:
        """A story that this person brings in, with any initial statuses that it may give; the id."""
        self._made += 1
        story = UUID(int=self.number * 10**12 + self._made)
        verified = ("pass",) if person.role == "user" or person.agent else ()
        said = {"initial_agent_status": self._chance.choice((None, "reported_done", "reported_done"))}
        said |= {"initial_verified_status": self._chance.choice((None, None, *verified))}
        item = {"number": "1.1", "title": "t", **said}
        payload = read_payload(Given(epics=[{"number": 1, "title": "e", "stories": [item]}]))
        wish = ImportWish(
            project_id=UUID(int=1), payload=payload, merge=False, ids=(UUID(int=2), story), may_verify=bool(verified),
            importer=identity_as(person), at=self.now,
        )  # fmt: skip
        facts = plan_import(wish, ProjectContents())
        self.record(story, [event for stream, event in facts if stream.kind == "story"], person)
        return story

    def rotate(self, person: Person) -> None:
        """Another key in the place of this person's; what it was dispatched by, it stays."""
        if len(person.chain) == 1:
            self._made += 1
            key = UUID(int=(self.number + 1) * 10**15 + self._made)
            self.people[self.people.index(person)] = person.rotated(key)

    def delete(self, story: UUID) -> None:
        del self.stories[story]
        self._earlier.pop(story, None)

    def record(self, story: UUID, events: Sequence[Event], person: Person | None = None) -> None:
        actor = (f"api_key:{person.chain[-1]}", person.name) if person else ("test",)
        for event in events:
            self._position += 1
            recorded = Recorded(self._position, Stream("story", story), 0, self.now, actor, event)
            after = evolve_story(self.stories.get(story), recorded)
            if after is not None:
                self.stories[story] = after

    def asked(self, person: Person | None, story: UUID) -> TransitionFacts:
        who = identity_as(person or NOBODY)
        known: Mapping[Need[Any], Any] = {PREREQUISITES.need(story): Prerequisites()}
        return TransitionFacts(self.stories[story], who, self.settings, known)

    def attempts(self, path: str, story: UUID) -> list[Attempt]:
        """What a call of ``path`` comes to: one decision, or one for each story that it names."""
        if path == "verify-all":
            waiting = [each for each in self.stories.values() if each.agent_status == "reported_done"]
            verify = getattr(bulk, IN_BULK)(self.services, SOMEBODY, _verify())
            return [Attempt(path, each.story_id, verify) for each in waiting if each.verified_status != "verified"]
        if path.startswith("bulk-") or path == "mark-complete":
            chosen = self._chance.sample(list(self.stories), 3)
            return [Attempt(path, each, self._in_bulk(path, each)) for each in {story, *chosen}]
        return [Attempt(path, story, self._single(path, story))]

    def _in_bulk(self, path: str, story: UUID) -> Transition:
        name = path.removeprefix("bulk-")
        if name == "claim":
            return claim_transition(self.services, SOMEBODY, story, Hold())
        judging = JUDGING[name]
        item = {"story_id": str(story), "review_type": "team", "summary": "ok", "reason": "no"}
        return judging(self.services, SOMEBODY, item)

    def _single(self, path: str, story: UUID) -> Transition:
        match path:
            case "verify":
                return verify_transition(self.services, SOMEBODY, _verify())
            case "reject":
                return reject_transition(self.services, SOMEBODY, RejectBody(reason="no"))
            case "claim":
                hold = Hold(lease_seconds=self._chance.choice((None, 10, 600)))
                return claim_transition(self.services, SOMEBODY, story, hold)
            case _:
                return Transition(action=path, decide=lambda asked: self._decided(path, asked), body=lambda *_: {})

    def _decided(self, path: str, asked: TransitionFacts) -> Sequence[Event]:
        story, who = asked.story, asked.who
        if path in HELD:
            hold = Hold(lease_seconds=self._chance.choice((None, 60)), fencing_token=self._token(story))
            return HELD[path](story, who, hold, self.now)
        match path:
            case "contract":
                return working.contract(story, who, Echo(title=story.title, ac_count=story.ac_count))
            case "next-claim":
                return contract_and_claim(story, who, Prerequisites(), Hold(), self.now)
            case "expire":
                return working.expire_lease(story, self.now)
            case "unclaim":
                return working.unclaim(story, who)
            case _:
                return self._decided_by_others(path, asked)

    def _decided_by_others(self, path: str, asked: TransitionFacts) -> Sequence[Event]:
        story, who = asked.story, asked.who
        match path:
            case "force-unclaim":
                return working.force_unclaim(story, who, None)
            case "report":
                return confirming.report(story, who, asked.policy)
            case "review":
                review = Review(review_id=UUID(int=5), review_type="team")
                return confirming.complete_review(story, who, asked.policy, review, self.now)
            case "mark-complete":
                return confirming.mark_complete(story, who, asked.policy, _judgement())
            case "backfill":
                return self._backfilled(story, who)
            case "edit":
                fields = StoryFields(title=self._chance.choice(("t", "u", "v")))
                return update_story(story, _text(story), fields)
            case _:
                raise ValueError(path)

    def _backfilled(self, story: Story, who: Identity) -> Sequence[Event]:
        provenance = Provenance(reason=self._chance.choice(("a", "b")))
        events = confirming.backfill(story, who, provenance, self._earlier.get(story.story_id))
        if events:
            said = {"reason": provenance.reason, "evidence_url": None, "pr_number": None}
            self._earlier[story.story_id] = said
        return events

    def _token(self, story: Story) -> int | None:
        return self._chance.choice((None, None, story.claim_position, 7))

    def passes(self) -> None:
        self.now += timedelta(seconds=self._chance.choice((0, 1, 30)))


def _verify() -> VerifyBody:
    return VerifyBody(review_type="team", summary="ok")


def _judgement() -> Judgement:
    return Judgement(verification_id=UUID(int=6), review_type="team", summary="ok")


def _text(story: Story) -> StoryText:
    return StoryText(
        story_id=story.story_id, description=None, acceptance_criteria=JsonText("[]"), metadata=JsonText("{}"),
        criteria_checks=JsonText("{}"),
    )  # fmt: skip
