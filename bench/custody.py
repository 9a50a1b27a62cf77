"""A million steps of custody in this process, by every path to a decision, watched by a model of its own (06, B2).

`make soak ARGS="custody 1000000 SEED"`. Each control takes one protection away, and must be found.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from api.lifecycle import bulk
from api.lifecycle.transitions import Transition, TransitionFacts
from bench.custody_controls import CONTROLS
from bench.custody_model import Bypass, Model, Person
from bench.custody_tenant import IN_BULK, NOBODY, STORIES, Attempt, Tenant
from domain.errors import Rejected
from domain.story import Story
from domain.tenant_settings import TenantSettings

SETTINGS = (
    TenantSettings(lineage_policy="ancestry"),
    TenantSettings(lineage_policy="strict", auto_reset_on_rejection=False),
    TenantSettings(lineage_policy="agent", require_distinct_verifier=True),
    TenantSettings(lineage_policy="ancestry", auto_reset_on_rejection=False, require_distinct_verifier=True),
    TenantSettings(lineage_policy="strict"),
    TenantSettings(lineage_policy="agent", auto_reset_on_rejection=False),
)
PATHS = (
    "contract", "claim", "bulk-claim", "next-claim", "start", "request-review", "heartbeat", "expire", "unclaim",
    "force-unclaim", "report", "review", "verify", "bulk-verify", "verify-all", "reject", "bulk-reject", "backfill",
    "mark-complete", "edit", "import", "rotate", "delete",
)  # fmt: skip
LIKELY = {
    "pending": ("contract", "contract", "next-claim", "backfill", "mark-complete", "import"),
    "contracted": ("claim", "bulk-claim"),
    "assigned": ("start",),
    "implementing": ("report", "report", "request-review", "force-unclaim"),
    "reported_done": ("review", "review", "verify", "bulk-verify", "verify-all", "reject", "report"),
    "verified": ("edit", "force-unclaim", "unclaim", "reject", "bulk-reject", "rotate", "delete"),
}
"""By a story's state: what gets it on, and of a verified one what might get it back."""


class Report(Struct):
    steps: int
    decisions: int
    outcomes: Counter[str]
    """By path; ``yes`` or the code of the refusal."""
    verifications: dict[str, int]


class Machine:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._model = Model()
        self._tenants = [Tenant(number, each, self._chance) for number, each in enumerate(SETTINGS)]
        self.report = Report(0, 0, Counter(), self._model.verifications)
        for tenant in self._tenants:
            self._model.policies[tenant.number] = tenant.settings.lineage_policy
            if tenant.settings.require_distinct_verifier:
                self._model.distinct.add(tenant.number)
            for _ in range(STORIES):
                self._model.created(tenant.create())

    def run(self, steps: int) -> Report:
        """Raises Bypass."""
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
        if path == "rotate":
            tenant.rotate(person)
            return
        if path in ("delete", "import"):
            tenant.delete(story)
            self._model.gone(story)
            self._import(tenant, person) if path == "import" else self._model.created(tenant.create())
            return
        for attempt in tenant.attempts(path, story):
            self._try(tenant, None if path == "expire" else person, attempt)

    def _import(self, tenant: Tenant, person: Person) -> None:
        story = tenant.imports(person)
        now = tenant.stories[story]
        self._model.created(story)
        if now.agent_status == "reported_done":
            self._model.succeeded(tenant.number, person, "import", story)
        self._model.changed(tenant.number, "import", person, story, verified=now.verified_status == "verified")

    def _try(self, tenant: Tenant, person: Person | None, attempt: Attempt) -> None:
        asked = tenant.asked(person, attempt.story_id)
        self.report.decisions += 1
        try:
            if attempt.transition.check:
                attempt.transition.check(asked.who)
            events = attempt.transition.decide(asked)
        except Rejected as refusal:
            self.report.outcomes[f"{attempt.action} {refusal.code}"] += 1
            return
        if not events:
            return
        self.report.outcomes[f"{attempt.action} yes"] += 1
        tenant.record(attempt.story_id, events, person)
        self._watch(tenant, person, attempt)

    def _watch(self, tenant: Tenant, person: Person | None, attempt: Attempt) -> None:
        now = tenant.stories[attempt.story_id]
        verified = now.verified_status == "verified"
        self._model.changed(tenant.number, attempt.action, person, attempt.story_id, verified=verified)
        if attempt.action == "edit":
            self._model.edited(attempt.action, attempt.story_id)
        for action in AS_THE_MODEL_SAYS.get(attempt.action, (attempt.action,)):
            self._model.succeeded(
                tenant.number, person or NOBODY, action, attempt.story_id, released=now.agent_status == "pending"
            )


def state_of(agent_status: str, verified_status: str) -> str:
    """What a likely next step follows from."""
    return "verified" if verified_status == "verified" else agent_status


AS_THE_MODEL_SAYS = {"bulk-claim": ("claim",), "next-claim": ("contract", "claim")}


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
