"""A million steps of custody in this process, by every path to a decision, watched by a model of its own (06, B2).

`make soak ARGS="custody 1000000 SEED"`. Each control takes one protection away, and must be found.
"""

import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, get_args
from uuid import UUID

from msgspec import UNSET, Struct, structs

from api.lifecycle import bulk
from api.lifecycle.transitions import Transition, TransitionFacts
from bench.custody_controls import CONTROLS
from bench.custody_evidence import PATHS as EVIDENCE_PATHS
from bench.custody_model import Bypass, Model, Person, Policy, Use
from bench.custody_people import NOBODY
from bench.custody_tenant import IN_BULK, STORIES, Attempt, Tenant
from domain.capability import CAPABILITY_TYPES, MINTED_BY, CapabilityType
from domain.errors import Rejected
from domain.event import Event
from domain.lifecycle.events import VerifierDrawn
from domain.lifecycle.evidence import wants_evidence
from domain.story import CriterionUpdated, Story
from domain.tenant_settings import TenantSettings, VerificationGate

GATES: Mapping[str, VerificationGate] = {"agent": True, "ancestry": "evidence", "strict": "ci"}
"""One of each, by the tenant's policy."""
SETTINGS = tuple(
    TenantSettings(
        lineage_policy=policy,
        auto_reset_on_rejection=reset,
        require_distinct_verifier=distinct,
        verification_gate=GATES[policy] if reset and not (demanding or binding) else False,
        require_capabilities=demanding,
        verifier_binding=binding,
    )
    for policy, reset, (distinct, demanding, binding) in itertools.product(
        get_args(Policy),
        (True, False),
        ((False, False, False), (True, False, False), (False, True, False), (True, True, False), (False, False, True)),
    )
)
"""Every setting that a decision of custody reads, in the combinations that get on: a tenant of each."""
WANTING = tuple(each for each in SETTINGS if wants_evidence(each))
"""Those alone that want evidence, for what would take many steps to happen in all of them."""
PATHS = (
    "contract", "claim", "bulk-claim", "next-claim", "start", "request-review", "heartbeat", "expire", "flag",
    "unclaim",
    "force-unclaim", "report", "run-pass", "run-fail", *EVIDENCE_PATHS, "review", "verify", "bulk-verify",
    "verify-all", "reject",
    "bulk-reject", "backfill", "mark-complete", "edit", "draw-verifier", "criterion", "import", "merge", "rotate",
    "mint", "delete",
    *CAPABILITY_TYPES,
)  # fmt: skip
BY_ITSELF = ("expire", "flag", "ci-pass", "ci-fail")
"""What the service does, or a CI, and nobody asks for."""
LIKELY = {
    "pending": ("contract", "contract", "next-claim", "backfill", "mark-complete", "import"),
    "contracted": ("claim", "bulk-claim"),
    "assigned": ("start", "start", "start_cap"),
    "implementing": ("report", "report", "report_cap", "request-review", "force-unclaim"),
    "reported_done": (
        "run-pass",
        "evidence-pass",
        "ci-pass",
        "review",
        "review",
        "verify",
        "bulk-verify",
        "verify-all",
        "reject",
        "report",
        "verify_cap",
        "verify_cap",
        "review_complete_cap",
        "criterion",
        "draw-verifier",
        "flag",
    ),
    "verified": ("edit", "criterion", "merge", "force-unclaim", "unclaim", "reject", "bulk-reject", "rotate", "delete"),
}
"""By a story's state: what gets it on, and of a verified one what might get it back."""


class Report(Struct):
    steps: int
    decisions: int
    outcomes: Counter[str]
    """By path; ``yes`` or the code of the refusal."""
    verifications: dict[str, int]


class Machine:
    def __init__(self, seed: int, settings: Sequence[TenantSettings] = SETTINGS) -> None:
        self._chance = random.Random(seed)
        self._model = Model()
        self._tenants = [Tenant(number, each, self._chance) for number, each in enumerate(settings)]
        self.report = Report(0, 0, Counter(), self._model.verifications)
        for tenant in self._tenants:
            self._model.policies[tenant.number] = tenant.settings.lineage_policy
            if tenant.settings.require_distinct_verifier:
                self._model.distinct.add(tenant.number)
            self._model.wants[tenant.number] = tenant.settings.verification_gate
            if tenant.settings.require_capabilities:
                self._model.demanding.add(tenant.number)
            if tenant.settings.verifier_binding:
                self._model.binding.add(tenant.number)

    def run(self, steps: int) -> Report:
        """Raises Bypass."""
        for tenant in self._tenants:
            for _ in range(STORIES):
                self._create(tenant)
        for _ in range(steps):
            tenant = self._chance.choice(self._tenants)
            story = self._chance.choice(list(tenant.stories.values()))
            likely = LIKELY[state_of(story.agent_status, story.verified_status)]
            path = self._chance.choice(likely if self._chance.random() < 0.6 else PATHS)
            self._step(tenant, self._person(tenant, story, path), path, story.story_id)
            self.report.steps += 1
        return self.report

    def _person(self, tenant: Tenant, story: Story, path: str) -> Person:
        if path in ("start", "request-review", "heartbeat", "unclaim", "force-unclaim") and self._chance.random() < 0.8:
            holders = [each for each in tenant.people if each.agent and each.agent == story.assigned_agent_id]
            return self._chance.choice(holders or tenant.people)
        return self._chance.choice(tenant.people)

    def _step(self, tenant: Tenant, person: Person, path: str, story: UUID) -> None:
        tenant.passes()
        if path in ("rotate", "mint"):
            self._key(tenant, person, path)
            return
        if path in ("delete", "import"):
            tenant.delete(story)
            self._model.gone(story)
            if path == "delete" or not self._import(tenant, person):
                self._create(tenant)
            return
        for attempt in tenant.attempts(path, story):
            self._try(tenant, None if path in BY_ITSELF else person, attempt)

    def _key(self, tenant: Tenant, person: Person, path: str) -> None:
        if path == "rotate":
            tenant.rotate(person)
        elif made := tenant.mints():
            self._model.minted(person, made.role, made.agent_type)

    def _create(self, tenant: Tenant) -> None:
        story = tenant.create()
        self._model.created(story)
        self._model.shown("create", story, from_before=tenant.says_from_before(story))

    def _import(self, tenant: Tenant, person: Person) -> bool:
        """Whether it was let in."""
        story = tenant.imports(person)
        self.report.outcomes["import yes" if story else "import no"] += 1
        if story is None:
            return False
        now = tenant.stories[story]
        self._model.created(story)
        if now.agent_status == "reported_done":
            self._model.succeeded(tenant.number, person, "import", story)
        self._model.changed(tenant.number, "import", person, story, verified=now.verified_status == "verified")
        self._model.shown("import", story, from_before=tenant.says_from_before(story))
        return True

    def _try(self, tenant: Tenant, person: Person | None, attempt: Attempt) -> None:
        cap = tenant.presents(attempt.action, attempt.story_id)
        person = tenant.likely(person, cap)
        asked = tenant.asked(person, attempt.story_id, attempt.action, cap)
        self.report.decisions += 1
        try:
            attempt.transition.check(asked.who)
            events = attempt.transition.decide(asked)
        except Rejected as refusal:
            self.report.outcomes[f"{attempt.action} {refusal.code}"] += 1
            return
        if person and attempt.action in CAPABILITY_TYPES:
            self._give(tenant, person, attempt.action, attempt.story_id)
        if not events:
            return
        if person:
            self._model.presented(tenant.number, Use(person, attempt.action, attempt.story_id, cap, tenant.now))
        tenant.uses(attempt.story_id, asked)
        self.report.outcomes[f"{attempt.action} yes"] += 1
        words = tenant.stories[attempt.story_id].criteria_hash
        if attempt.action == "criterion" and person:
            self._model.checked(tenant.number, person, attempt.story_id, binds=binds(events))
        tenant.record(attempt.story_id, events, person)
        self._draw(tenant, attempt.story_id, events)
        if words != tenant.stories[attempt.story_id].criteria_hash:
            self._model.edited(attempt.action, attempt.story_id)
        self._watch(tenant, person, attempt)
        for action in AS_THE_MODEL_SAYS.get(attempt.action, (attempt.action,)):
            if person and action in MINTED_BY:
                self._give(tenant, person, MINTED_BY[action], attempt.story_id)

    def _draw(self, tenant: Tenant, story: UUID, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, VerifierDrawn):
                self._model.drawn(tenant.number, story, tenant.by_dispatch(event.verifier_dispatch_id))

    def _give(self, tenant: Tenant, person: Person, typ: CapabilityType, story: UUID) -> None:
        slot = tenant.gives(person, typ, story)
        self.report.outcomes[f"{typ} yes"] += 1
        self._model.given(person, typ, story, slot.cap_id, slot.expires_at)

    def _watch(self, tenant: Tenant, person: Person | None, attempt: Attempt) -> None:
        now = tenant.stories[attempt.story_id]
        verified = now.verified_status == "verified"
        self._model.changed(tenant.number, attempt.action, person, attempt.story_id, verified=verified)
        for action in AS_THE_MODEL_SAYS.get(attempt.action, (attempt.action,)):
            self._model.succeeded(
                tenant.number, person or NOBODY, action, attempt.story_id, released=now.agent_status == "pending"
            )
        self._model.shown(attempt.action, attempt.story_id, from_before=tenant.says_from_before(attempt.story_id))


def binds(events: Sequence[Event]) -> bool:
    """They say how a criterion is to be checked."""
    return any(isinstance(each, CriterionUpdated) and each.verification_criterion is not UNSET for each in events)


def state_of(agent_status: str, verified_status: str) -> str:
    """What a likely next step follows from."""
    return "verified" if verified_status == "verified" else agent_status


AS_THE_MODEL_SAYS: Mapping[str, tuple[str, ...]] = {
    "bulk-claim": ("claim",), "next-claim": ("contract", "claim"), "edit": (), "merge": (),
    "criterion": (), "flag": (),
}  # fmt: skip


@contextmanager
def bulk_without_gate() -> Iterator[None]:
    """The control: whoever did the work is not asked for, in the bulk path only."""
    original: Any = getattr(bulk, IN_BULK)

    def ungated(*arguments: Any) -> Transition:
        made: Transition = original(*arguments)

        def decide(asked: TransitionFacts) -> Any:
            story = structs.replace(
                asked.story, assigned_agent_id=None, implementer_lineage=(), worked_agents=(), worked_lineages=(),
                worked_links=(),
            )  # fmt: skip
            return made.decide(structs.replace(asked, story=story))

        return structs.replace(made, decide=decide)

    setattr(bulk, IN_BULK, ungated)
    try:
        yield
    finally:
        setattr(bulk, IN_BULK, original)


def main(arguments: list[str]) -> int:
    steps = int(arguments[0]) if arguments else 1_000_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    began = time.monotonic()
    try:
        report = Machine(seed).run(steps)
    except Bypass as bypass:
        print(f"seed {seed}: BYPASS: {bypass}")
        return 1
    seconds = time.monotonic() - began
    print(f"seed {seed}: {report.steps} steps, {report.decisions} decisions in {seconds:.0f} s, 0 bypasses")
    print(f"  confirmed by: {report.verifications}")
    print("  outcomes: " + ", ".join(f"{each} {count}" for each, count in sorted(report.outcomes.items())))
    found = {name: _control(control, seed) for name, control in ALL_CONTROLS.items()}
    for name, red in found.items():
        print(f"control ({name}): {red or 'GREEN: the machine proves nothing'}")
    return 0 if all(found.values()) else 1


ALL_CONTROLS = {"no gate in the bulk path": bulk_without_gate, **CONTROLS}


def _control(control: Callable[[], AbstractContextManager[None]], seed: int) -> str:
    with control():
        machine = Machine(seed)
        try:
            machine.run(200_000)
        except Bypass as bypass:
            return f"red after {machine.report.steps} steps, as it must be: {bypass}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
