"""A tenant of the custody machine in this process: its people, some stories, and every path to a decision.

Roles are not looked at, which is more than a client gets: the routes ask for them before anything is decided.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from api.http.asking import Asking
from api.lifecycle import bulk, recovering
from api.lifecycle.implementer import claim_transition
from api.lifecycle.judges import reject_transition, verify_transition
from api.lifecycle.next_claim import contract_and_claim
from api.lifecycle.schemas import RejectBody, VerifyBody
from api.lifecycle.transitions import Transition, TransitionFacts
from api.transfer.routes import may_verify
from bench.custody_by_itself import done_by_itself
from bench.custody_edits import some_fields
from bench.custody_evidence import checks, posted
from bench.custody_model import Person
from bench.custody_people import CAPABILITIES, HELD, NOBODY, caller_as, people
from bench.custody_urn import urn
from domain.agent import Agent
from domain.caller import Caller, Role
from domain.capability import (
    CAPABILITY_TYPES,
    Capability,
    CapabilityMinted,
    CapabilityPickedUp,
    CapabilityType,
    Fresh,
    Right,
    consumed,
    evolve_capability,
    minted,
    prospective,
    slot_of,
)
from domain.criteria import update_criterion
from domain.errors import Rejected
from domain.event import Event, JsonText, Recorded, Stream
from domain.importing.payload import Given, read_payload
from domain.importing.plan import ImportWish, ProjectContents, plan_import
from domain.importing.ties import KnownStory
from domain.key import CreateKey, create_key
from domain.lifecycle import implementer as working
from domain.lifecycle import judges as confirming
from domain.lifecycle.checks import check_said
from domain.lifecycle.draw import draw_again
from domain.lifecycle.evidence import Standing, evolve_standing_evidence
from domain.lifecycle.evolve import evolve_story, evolve_text
from domain.lifecycle.identity import Identity, identity_of
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.judges import Judgement, Provenance, Review
from domain.lifecycle.prerequisites import Prerequisites
from domain.lifecycle.runs import LastRun, Run, evolve_last_run
from domain.story import Place, Story, StoryText, create_story, update_story
from domain.story_fields import StoryFields
from domain.tenant_settings import TenantSettings
from projections.facts.last_evidence import LAST_EVIDENCE
from projections.facts.last_run import LAST_RUN
from projections.facts.prerequisites import PREREQUISITES
from tests.support.services import services_with

NOON = datetime.fromisoformat("2026-03-27T12:00:00+00:00")
STORIES = 6
CRITERIA = [{"criterion": "c"}]

IN_BULK = "verify_transition"
"""What the bulk routes know it by; looked up for each call, so that the control can take its place."""

JUDGING: Mapping[str, bulk.Judging] = {
    "verify": bulk.verifying, "reject": bulk.rejecting, "mark-complete": bulk.completing
}  # fmt: skip
"""By the last part of the path."""


class Attempt(Struct, frozen=True):
    """One story, one decision; ``action`` as the model calls it."""

    action: str
    story_id: UUID
    transition: Transition


SOMEBODY = Asking(Caller(tenant_id=UUID(int=0), key_id=UUID(int=0), key_name="k", role=Role.AGENT), None, False)
"""Only says which tenant's answers a claim makes; who claims stands in TransitionFacts."""


class Tenant:
    def __init__(self, number: int, settings: TenantSettings, chance: random.Random) -> None:
        self.number = number
        self.settings = settings
        self.people = people(number)
        self.stories: dict[UUID, Story] = {}
        self.texts: dict[UUID, StoryText] = {}
        self.runs: dict[UUID, LastRun | None] = {}
        self.evidence: dict[UUID, Standing] = {}
        self.now = NOON
        self.slots: dict[UUID, Capability] = {}
        self._old: list[UUID] = []
        self._drawn = 0
        self._chance = chance
        self._position = 0
        self._made = 0
        self.services = services_with(utc_now=lambda: self.now)

    def create(self) -> UUID:
        """A story as a client may make one, whatever it says in the metadata."""
        story = self._next_story()
        place = Place(project_id=UUID(int=1), epic_id=UUID(int=2), number="1.1", number_taken=False)
        try:
            created = create_story(
                place, StoryFields(title="t", acceptance_criteria=CRITERIA, metadata=self._metadata(None))
            )
        except Rejected:
            created = create_story(place, StoryFields(title="t", acceptance_criteria=CRITERIA))
        self.record(story, [created])
        return story

    def imports(self, person: Person) -> UUID | None:
        """A story that this person brings in, with any initial statuses; the id, or None when that was refused."""
        story = self._next_story()
        try:
            caller = caller_as(person)
            events = self._planned(identity_of(caller), story, ProjectContents(), may_verify=may_verify(caller))
        except Rejected:
            return None
        self.record(story, events, person)
        return story

    def _planned(self, who: Identity, story: UUID, there: ProjectContents, *, may_verify: bool) -> Sequence[Event]:
        """The events of one story in an import, which merges when something is there. Raises Rejected."""
        said = {
            "initial_agent_status": self._chance.choice((None, "reported_done", "reported_done")),
            "initial_verified_status": self._chance.choice((None, None, "pass")),
            "metadata": msgspec.json.decode(self._metadata(None)),
        }
        item = {"number": "1.1", "title": self._chance.choice(("t", "u")), "acceptance_criteria": CRITERIA, **said}
        wish = ImportWish(
            project_id=UUID(int=1),
            payload=read_payload(Given(epics=[{"number": 1, "title": "e", "stories": [item]}])),
            merge=bool(there.stories), ids=(story, UUID(int=2)), may_verify=may_verify, importer=who, at=self.now,
            policy=self.settings,
        )  # fmt: skip
        return [event for stream, event in plan_import(wish, there) if stream.kind == "story"]

    def _rewritten(self, path: str, story: Story, who: Identity) -> Sequence[Event]:
        if path == "edit":
            text = self.texts[story.story_id]
            return update_story(story, text, some_fields(self._chance, self._metadata(text)))
        known = KnownStory(story_id=story.story_id, title=story.title, epic=1)
        whole = {"1.1": (story, self.texts[story.story_id])}
        there = ProjectContents(stories={"1.1": known}, whole=whole)
        return self._planned(who, story.story_id, there, may_verify=False)

    def _next_story(self) -> UUID:
        self._made += 1
        return UUID(int=self.number * 10**12 + self._made)

    def _metadata(self, now: StoryText | None) -> JsonText:
        """Of any kind: empty, a note, what only loopctl says, and what is there with a note more."""
        kept = msgspec.json.decode(now.metadata) if now else {}
        forged = {"reason": "a", "evidence_url": None, "pr_number": None}
        said = self._chance.choice(({}, {"note": 1}, {"backfill": forged}, {"backfill": None}, {**kept, "note": 2}))
        return JsonText(msgspec.json.encode(said).decode())

    def says_from_before(self, story: UUID) -> bool:
        return "backfill" in msgspec.json.decode(self.texts[story].metadata)

    def mints(self) -> Person | None:
        """What a key of any role for any agent, or for none, is made into; None when it is refused."""
        of, role = self._chance.choice(self.people), self._chance.choice(("agent", "orchestrator", "user"))
        self._made += 1
        key = UUID(int=(self.number + 1) * 10**15 + self._made)
        agent = self._agent(of) if of.agent and self._chance.random() < 0.7 else None
        wish = CreateKey(
            name="k", role=role, key_prefix="lc_", agent_id=agent.agent_id if agent else None, expires_at=None,
            most_keys=100,
        )  # fmt: skip
        try:
            create_key(wish, agent, 0, (), self.now)
        except Rejected:
            return None
        made = Person("minted", role, wish.agent_id, (key,), agent_type=agent.agent_type if agent else None)
        self.people = [*(each for each in self.people if each.name != "minted"), made]
        return made

    def _agent(self, of: Person) -> Agent:
        kind: Any = of.agent_type
        return Agent(
            agent_id=of.agent or UUID(int=0), name=of.name, agent_type=kind, status="active", metadata=JsonText("{}"),
            created_at=NOON, updated_at=NOON, position=0,
        )  # fmt: skip

    def rotate(self, person: Person) -> None:
        """Another key in the place of this person's; what it was dispatched by, it stays."""
        if len(person.chain) == 1 and not person.by_person:
            self._made += 1
            key = UUID(int=(self.number + 1) * 10**15 + self._made)
            self.people[self.people.index(person)] = person.rotated(key)

    def delete(self, story: UUID) -> None:
        del self.stories[story], self.texts[story]
        self.runs.pop(story, None)
        self.evidence.pop(story, None)

    def record(self, story: UUID, events: Sequence[Event], person: Person | None = None) -> None:
        actor = (f"api_key:{person.chain[-1]}", person.name) if person else ("test",)
        for event in events:
            self._position += 1
            recorded = Recorded(self._position, Stream("story", story), 0, self.now, actor, event)
            after = evolve_story(self.stories.get(story), recorded)
            text = evolve_text(self.texts.get(story), recorded)
            self.runs[story] = evolve_last_run(self.runs.get(story), event)
            self.evidence[story] = evolve_standing_evidence(self.evidence.get(story, Standing()), recorded)
            if after is not None and text is not None:
                self.stories[story], self.texts[story] = after, text

    def asked(self, person: Person | None, story: UUID, action: str = "", cap: UUID | None = None) -> TransitionFacts:
        who = identity_of(caller_as(person or NOBODY))
        known: Any = {PREREQUISITES.need(story): Prerequisites(), LAST_RUN.need(story): self.runs.get(story)}
        known[LAST_EVIDENCE.need(story)] = self.evidence.get(story, Standing())
        facts = TransitionFacts(self.stories[story], who, self.settings, known)
        typ = CAPABILITIES.get(action)
        if typ is None:
            return facts
        slot = self.slots.get(slot_of(story, typ))
        return facts.with_right(
            Right(presented=cap, slot=slot, at=self.now, of_all=self.settings.require_capabilities)
        )  # fmt: skip

    def presents(self, action: str, story: UUID) -> UUID | None:
        """Mostly the one that counts, whoever has it; now and then an older one, or none."""
        typ = CAPABILITIES.get(action)
        slot = self.slots.get(slot_of(story, typ)) if typ else None
        if slot is None or self._chance.random() < 0.1:
            return self._chance.choice(self._old) if self._old and self._chance.random() < 0.3 else None
        return slot.cap_id

    def likely(self, person: Person | None, cap: UUID | None) -> Person | None:
        """Mostly whoever has the capability."""
        if person is None or cap is None or self._chance.random() < 0.3:
            return person
        chains = [slot.lineage for slot in self.slots.values() if slot.cap_id == cap]
        holders = [each for each in self.people if each.chain in chains]
        return self._chance.choice(holders) if holders else person

    def by_dispatch(self, dispatch: UUID) -> Person:
        return next(each for each in self.people if each.chain[-1] == dispatch)

    def uses(self, story: UUID, facts: TransitionFacts) -> None:
        """What is recorded with a step that was taken."""
        for event in consumed(facts.right, self.stories[story]):
            self._right(event, story, event.typ)

    def gives(self, person: Person, typ: CapabilityType, story: UUID) -> Capability:
        """A new capability for this person."""
        event = minted(CapabilityMinted, typ, self.stories[story], person.chain, self._fresh())
        return self._right(event, story, typ)

    def _right(self, event: Any, story: UUID, typ: CapabilityType) -> Capability:
        self._position += 1
        slot = slot_of(story, typ)
        recorded = Recorded(self._position, Stream("capability", slot), 0, self.now, ("test",), event)
        now = evolve_capability(self.slots.get(slot), recorded)
        assert now is not None
        self.slots[slot] = now
        self._old = [*self._old, now.cap_id][-5:]
        return now

    def _fresh(self) -> Fresh:
        self._made += 1
        return Fresh(UUID(int=(self.number + 1) * 10**18 + self._made), "nonce", self.now)

    def _picked(self, typ: Any, asked: TransitionFacts) -> Sequence[Event]:
        """What the pick-up decides on: whether the step would be taken."""
        of = self._fresh()
        slot = prospective(minted(CapabilityPickedUp, typ, asked.story, asked.who.lineage, of), self.now)
        right = Right(presented=of.cap_id, slot=slot, at=self.now, of_all=self.settings.require_capabilities)
        recovering.STEPS[typ](asked.with_right(right), of, Hold())
        return ()

    def attempts(self, path: str, story: UUID) -> list[Attempt]:
        """What a call of ``path`` comes to: one decision, or one for each story that it names."""
        if path == "verify-all":
            verify = partial(getattr(bulk, IN_BULK), self.services, SOMEBODY)
            reported = (each for each in self.stories.values() if each.agent_status == "reported_done")
            ids = (each.story_id for each in reported if each.verified_status != "verified")
            return [Attempt(path, id_, verify(id_, VERIFY)) for id_ in ids]
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
        return judging(self.services, SOMEBODY, story, item)

    def _single(self, path: str, story: UUID) -> Transition:
        match path:
            case "verify":
                return verify_transition(self.services, SOMEBODY, story, VERIFY)
            case "reject":
                return reject_transition(self.services, SOMEBODY, RejectBody(reason="no"))
            case "claim":
                hold = Hold(lease_seconds=self._chance.choice((None, 10, 600)))
                return claim_transition(self.services, SOMEBODY, story, hold)
            case _:
                decide = self._picked if path in CAPABILITY_TYPES else self._decided
                return Transition(action=path, decide=lambda asked: decide(path, asked), body=lambda *_: {})

    def _decided(self, path: str, asked: TransitionFacts) -> Sequence[Event]:  # noqa: PLR0911  # one answer for each path
        story, who = asked.story, asked.who
        if path == "start":
            token = Hold(fencing_token=self._token(story))
            return working.start(story, who, token, self.now, asked.right)
        if path in HELD:
            hold = Hold(lease_seconds=self._chance.choice((None, 60)), fencing_token=self._token(story))
            return HELD[path](story, who, hold, self.now)
        match path:
            case "contract":
                return working.contract(story, who, Echo(title=story.title, ac_count=story.ac_count))
            case "next-claim":
                return contract_and_claim(story, who, Prerequisites(), Hold(), self.now)
            case "edit" | "merge":
                return self._rewritten(path, story, who)
            case "run-pass" | "run-fail" | "criterion" | "evidence-pass" | "evidence-fail" | "ci-pass" | "ci-fail":
                return self._examined(path, asked)
            case "draw-verifier":
                self._drawn += 1
                return draw_again(asked.story, asked.policy, urn(self.people, self._drawn, self._chance.randbytes(32)))
            case _:
                return self._decided_by_others(path, asked)

    def _examined(self, path: str, asked: TransitionFacts) -> Sequence[Event]:
        if path == "criterion":
            return self._checked(asked)
        if not path.startswith("run-"):
            self._made += 1
            return posted(path, asked, self.texts[asked.story.story_id], self._made)
        run = Run(run_id=UUID(int=6), status=path.removeprefix("run-"), commit_sha="9fceb02d", at=self.now)
        return confirming.report_run(asked.story, self.texts[asked.story.story_id], asked.who, asked.policy, run)

    def _decided_by_others(self, path: str, asked: TransitionFacts) -> Sequence[Event]:
        story, who = asked.story, asked.who
        match path:
            case "force-unclaim":
                return working.force_unclaim(story, who, None)
            case "expire" | "flag":
                return done_by_itself(path, story, self.now)
            case "report":
                return confirming.report(story, who, asked.policy, asked.right)
            case "review":
                review = Review(review_id=UUID(int=5), review_type="team", right=asked.right)
                return confirming.complete_review(story, who, asked.policy, review, self.now)
            case "mark-complete":
                return confirming.mark_complete(story, who, asked.policy, JUDGEMENT)
            case "backfill":
                return self._backfilled(asked)
            case _:
                raise ValueError(path)

    def _backfilled(self, asked: TransitionFacts) -> Sequence[Event]:
        earlier = msgspec.json.decode(self.texts[asked.story.story_id].metadata).get("backfill")
        given = Provenance(reason=self._chance.choice(("a", "b")))
        return confirming.backfill(asked.story, asked.who, given, earlier, asked.policy)

    def _checked(self, asked: TransitionFacts) -> Sequence[Event]:
        fields = checks(self._chance)
        events = update_criterion(asked.story, self.texts[asked.story.story_id], "AC-1", fields)
        check_said(asked.story, asked.who, asked.policy, fields, events)
        return events

    def _token(self, story: Story) -> int | None:
        return self._chance.choice((None, None, story.claim_position, 7))

    def passes(self) -> None:
        """Sometimes longer than a capability lasts."""
        self.now += timedelta(seconds=self._chance.choice((0, 1, 30, 30) if self._chance.random() < 0.995 else (4000,)))


JUDGEMENT = Judgement(verification_id=UUID(int=6), review_type="team", summary="ok")
VERIFY = VerifyBody(review_type="team", summary="ok")
