"""What custody promises, said once more and without a line of the code that keeps it.

It hears who succeeded with what, and which stories are verified now. It never looks at a story's other fields.
"""

from collections.abc import Hashable
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct, field, structs

Policy = Literal["agent", "ancestry", "strict"]


class Bypass(Exception):
    """A story was confirmed that must not have been, or work was confirmed by whoever did it."""


class Person(Struct, frozen=True):
    """``chain`` runs from the root of the caller's dispatches to the last; of a key that has none it is the key.

    ``first`` is the key that this one has taken the place of, by however many rotations; ``agent_type`` the agent's.
    """

    name: str
    role: str
    agent: UUID | None
    chain: tuple[UUID, ...]
    first: UUID | None = None
    agent_type: str | None = None
    above: tuple[UUID, ...] = ()
    """Agents of those that have dispatched it."""
    by_person: bool = False
    """The root of its chain is a dispatch that a person made."""
    by_key: bool = True
    """Has a long-lived key, no dispatch."""
    outside: bool = False
    """Does not belong to the tenant: a superadmin in its place, or whoever has a key through one."""

    def rotated(self, key: UUID) -> "Person":
        return structs.replace(self, chain=(key,), first=self._first)

    def is_same(self, other: "Person") -> bool:
        return self._first == other._first or (self.agent is not None and self.agent == other.agent)

    def may_answer_for(self, action: str) -> bool:
        """Somebody can be held to account for it, and it is somebody whose step this is."""
        if self.outside:
            return False
        if action in ORCHESTRATORS:
            return self.agent_type == "orchestrator" or (action in HUMANS and self.role == "user")
        return self.agent is not None or (action in HUMANS and self.role == "user")

    @property
    def _first(self) -> UUID:
        return self.first or self.chain[-1]

    def comes_from(self, worker: "Person") -> bool:
        """Was dispatched by it, however many steps above, with whichever of its keys."""
        return worker.chain[-1] in self.chain or (worker.agent is not None and worker.agent in self.above)

    def acts_for(self, worker: "Person", policy: Policy) -> bool:
        if self.is_same(worker):
            return True
        match policy:
            case "agent":
                return False
            case "ancestry":
                return self.comes_from(worker)
            case "strict":
                roots = 1 if worker.by_person else 0
                shared = any(link in self.chain for link in worker.chain[roots:])
                known = len(worker.above) == len(worker.chain) - 1
                above = worker.above[1:] if worker.by_person and known else worker.above
                minters = any(agent in (self.agent, *self.above) for agent in above)
                return shared or minters or self.comes_from(worker)


class Right(Struct):
    """A capability that somebody was given."""

    cap: UUID
    chain: tuple[UUID, ...]
    until: datetime
    used: bool = False


class Use(Struct, frozen=True):
    """A step that succeeded, and the capability that was presented for it."""

    person: Person
    action: str
    story: UUID
    cap: UUID | None
    now: datetime


CAPABILITIES = {
    "start": "start_cap", "report": "report_cap", "review": "review_complete_cap", "verify": "verify_cap",
    "bulk-verify": "verify_cap", "verify-all": "verify_cap",
}  # fmt: skip
"""By the step that takes one."""


class Confirmed(Struct, frozen=True):
    """Who has reported, reviewed or run it, under which policy: one that is made stricter later undoes nothing."""

    person: Person
    policy: Policy


class Seen(Struct):
    """What was seen of one story."""

    worked_on: bool = False
    authors: tuple[Person, ...] = ()
    """Who has claimed it, or has brought it in as done, since the last reset."""
    reported: bool = False
    reporter: Confirmed | None = None
    """None of what came in as done: who brought it in has said so."""
    reviewers: tuple[Confirmed, ...] = ()
    """Of the report that stands."""
    runner: Confirmed | None = None
    """Of the newest run of the report that stands, if it has passed."""
    evidence: tuple[str, ...] = ()
    """Of this round of the work: whose newest has passed, "any" and "ci"."""
    verified: bool = False
    drawn: Person | None = None
    """Since the report was rejected last."""
    rights: dict[str, Right] = field(default_factory=dict)
    """By their kind, the newest."""
    from_before: bool = False
    """Somebody has said that it was done before loopctl."""


WORK = ("contract", "claim", "start", "request-review", "heartbeat", "report")
RELEASE = ("unclaim", "force-unclaim", "expire")
JUDGE = ("verify", "bulk-verify", "verify-all")
FROM_BEFORE = ("backfill", "mark-complete", "import")
REJECT = ("reject", "bulk-reject")
RUNS = ("run-pass", "run-fail")
BY_KEY = ("evidence-pass", "evidence-fail")
STEPS = (*WORK, "unclaim", "force-unclaim", "review", *RUNS, *BY_KEY, *JUDGE, *REJECT, *FROM_BEFORE)
MAKING = ("api_keys", "rotate", "dispatches")
"""Of keys."""
ORCHESTRATORS = (*RUNS, *JUDGE, *REJECT, "backfill", "mark-complete", "import", "force-unclaim")
"""Steps of an agent of that type, whatever its key."""
HUMANS = ("review", "backfill", "import", *BY_KEY)
"""And those that a person may take as well, who is no agent."""


class Model:
    """Of all tenants. ``verifications`` counts by the action that caused them."""

    def __init__(self) -> None:
        self.policies: dict[Hashable, Policy] = {}
        self.distinct: set[Hashable] = set()
        """Tenants whose newest reviewer must not verify."""
        self.wants: dict[Hashable, bool | str] = {}
        """What tenants want before anybody verifies: a passing run of the report, evidence, or that of a CI."""
        self.demanding: set[Hashable] = set()
        """Tenants that want a capability of everybody; of who was dispatched every tenant does."""
        self.binding: set[Hashable] = set()
        """Tenants in which only the drawn one verifies."""
        self.halted: set[Hashable] = set()
        """Tenants in which no step of custody is taken, and no key made, until a person says otherwise."""
        self.left: set[UUID] = set()
        """Agents that were deactivated."""
        self._stories: dict[UUID, Seen] = {}
        self.verifications: dict[str, int] = {}

    def created(self, story: UUID) -> None:
        self._stories[story] = Seen()

    def gone(self, story: UUID) -> None:
        self._stories.pop(story, None)

    def succeeded(self, tenant: Hashable, person: Person, action: str, story: UUID, *, released: bool = False) -> None:
        """``released`` when the story is back in the queue afterwards. Raises Bypass."""
        seen = self._stories[story]
        _check_entitled(person, action)
        self.goes_on(tenant, person, action)
        if person.agent in self.left and action in STEPS and action != "unclaim":
            raise Bypass(f"{person.name} was deactivated and succeeded with {action}")
        if action in ("report", "review", *RUNS, *BY_KEY, *REJECT, *JUDGE):
            self._check_other(tenant, person, action, seen)
        if action in RELEASE and seen.verified:
            raise Bypass(f"{person.name} took a verified story back by {action}")
        _advance(seen, Confirmed(person, self.policies[tenant]), action)
        if action in REJECT or action in RELEASE or released:
            seen.reported, seen.reporter, seen.reviewers, seen.runner = False, None, (), None
            seen.drawn, seen.evidence = None, ()
        if action in REJECT and released:
            seen.authors = ()

    def goes_on(self, tenant: Hashable, person: Person, action: str) -> None:
        """Raises Bypass where custody is halted, and this is nothing that goes on."""
        if tenant in self.halted and action in (*STEPS, *MAKING):
            raise Bypass(f"{person.name} succeeded with {action} while custody was halted")

    def drawn(self, tenant: Hashable, story: UUID, person: Person) -> None:
        """Raises Bypass."""
        seen = self._stories[story]
        if any(person.acts_for(each, self.policies[tenant]) for each in seen.authors):
            raise Bypass(f"{person.name} did the work and was drawn to verify it")
        seen.drawn = person

    def given(self, person: Person, typ: str, story: UUID, cap: UUID, until: datetime) -> None:
        """Somebody has a capability; an earlier one of its kind counts no more."""
        self._stories[story].rights[typ] = Right(cap, person.chain, until)

    def presented(self, tenant: Hashable, use: "Use") -> None:
        """Raises Bypass."""
        person, action, story, cap, now = use.person, use.action, use.story, use.cap, use.now
        typ = CAPABILITIES.get(action)
        if typ is None:
            return
        if cap is None:
            if tenant in self.demanding or not person.by_key:
                raise Bypass(f"{person.name} succeeded with {action} without a capability")
            return
        right = self._stories[story].rights.get(typ)
        if right is None or right.cap != cap or right.chain != person.chain or right.used or right.until <= now:
            raise Bypass(f"{person.name} succeeded with {action} by a capability that is used, old or somebody else's")
        right.used = True

    def edited(self, action: str, story: UUID) -> None:
        """The words of a story, of its title or its criteria, are others now. Raises Bypass."""
        seen = self._stories[story]
        if seen.verified and (seen.worked_on or seen.reviewers):
            raise Bypass(f"{action} changed what a verified story is about")
        seen.reviewers = ()

    def checked(self, tenant: Hashable, person: Person, story: UUID, *, binds: bool) -> None:
        """Somebody has said what a check of a criterion found or, if it ``binds``, what the check is. Raises Bypass."""
        seen = self._stories[story]
        self._check_other(tenant, person, "a check of it", seen)
        seen.evidence = () if binds else seen.evidence
        if binds and seen.verified and (seen.worked_on or seen.reviewers):
            raise Bypass(f"{person.name} changed what a verified story was checked by")

    def shown(self, action: str, story: UUID, *, from_before: bool) -> None:
        """Whether the story's metadata say that it was done before loopctl. Raises Bypass."""
        if from_before != self._stories[story].from_before:
            told = "says of a story what nobody has" if from_before else "hides of a story"
            raise Bypass(f"{action} {told} said: that it was done before loopctl")

    def minted(self, minter: Person, role: str, agent_type: str | None) -> None:
        """Somebody has a new key. Raises Bypass."""
        if minter.outside:
            raise Bypass(f"{minter.name} has made a key of a tenant that it does not belong to")
        if role == "orchestrator" and agent_type != "orchestrator":
            raise Bypass(f"{minter.name} has made an orchestrator's key for no orchestrator")

    def dispatched(self, minter: Person, made: Person) -> None:
        """Somebody was dispatched. Raises Bypass."""
        self.minted(minter, made.role, made.agent_type)
        if minter.role not in ("orchestrator", "user") or made.role not in ("agent", "orchestrator"):
            raise Bypass(f"{minter.name}, of role {minter.role}, has dispatched somebody of role {made.role}")
        if minter.role == "user":
            return
        if made.chain[:-1] != minter.chain and not (minter.by_key and minter.chain[-1] in made.chain[:-1]):
            raise Bypass(f"{minter.name} has dispatched somebody who is not below it")

    def changed(self, tenant: Hashable, action: str, person: Person | None, story: UUID, *, verified: bool) -> None:
        """After each step, of each story whose verification changed. Raises Bypass."""
        seen = self._stories[story]
        if verified and not seen.verified:
            self._check_confirmed(tenant, action, person, seen)
            seen.from_before = seen.from_before or action in FROM_BEFORE
            self.verifications[action] = self.verifications.get(action, 0) + 1
        elif seen.verified and not verified and action not in REJECT:
            raise Bypass(f"{action} took a confirmation back")
        seen.verified = verified

    def _check_other(self, tenant: Hashable, person: Person, action: str, seen: Seen) -> None:
        if any(person.acts_for(each, self.policies[tenant]) for each in seen.authors):
            raise Bypass(f"{person.name} did the work and succeeded with {action}")

    def _check_wanted(self, tenant: Hashable, action: str, seen: Seen) -> None:
        wanted = self.wants.get(tenant, False)
        if wanted is True and action in JUDGE and seen.runner is None:
            raise Bypass(f"{action} without a passing run of this report, where the tenant wants one")
        if isinstance(wanted, str) and {"evidence": "any"}.get(wanted, wanted) not in seen.evidence:
            raise Bypass(f"{action} without passing evidence of this work, where the tenant wants some")

    def _check_confirmed(self, tenant: Hashable, action: str, person: Person | None, seen: Seen) -> None:
        self._check_wanted(tenant, action, seen)
        if action in FROM_BEFORE:
            if seen.worked_on:
                raise Bypass(f"{action} of a story that was worked on here")
            if person is None:
                raise Bypass(f"{action} by nobody")
            _check_entitled(person, action)
            return
        if action not in JUDGE or person is None:
            raise Bypass(f"{action} confirmed a story")
        if not seen.reported or not seen.reviewers:
            raise Bypass(f"{action} of a story without a report, or without a review of this report")
        if tenant in self.binding and (seen.drawn is None or person.chain != seen.drawn.chain):
            raise Bypass(f"{action} by somebody who was not drawn")
        if tenant in self.distinct and person.is_same(seen.reviewers[-1].person):
            raise Bypass(f"{action} by the reviewer, where the tenant wants another")
        others = (*seen.reviewers, *(each for each in (seen.reporter, seen.runner) if each))
        confirmers = (Confirmed(person, self.policies[tenant]), *others)
        if any(each.person.acts_for(worker, each.policy) for each in confirmers for worker in seen.authors):
            raise Bypass(f"{action}: whoever did the work has reported, reviewed or verified it")


def _check_entitled(person: Person, action: str) -> None:
    if action in STEPS and not person.may_answer_for(action):
        raise Bypass(f"{person.name}, a key of role {person.role}, succeeded with {action}: nobody answers for it")


def _advance(seen: Seen, by: Confirmed, action: str) -> None:
    if action in WORK:
        seen.worked_on = True
    match action:
        case "claim":
            seen.authors, seen.evidence = (*seen.authors, by.person), ()
        case "evidence-pass" | "evidence-fail":
            others = tuple(each for each in seen.evidence if each == "ci")
            seen.evidence = (*others, "any") if action == "evidence-pass" else others
        case "ci-pass" | "ci-fail":
            seen.evidence = ("any", "ci") if action == "ci-pass" else ()
        case "report":
            seen.reported, seen.reporter, seen.reviewers, seen.runner = True, by, (), None
        case "backfill" | "mark-complete" | "import":
            seen.authors = (*seen.authors, by.person)
            seen.reported, seen.reporter, seen.reviewers = True, None, ()
        case "run-pass" | "run-fail":
            seen.runner = by if action == "run-pass" else None
        case "review":
            seen.reviewers = (*seen.reviewers, by)
