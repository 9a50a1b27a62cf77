"""What custody promises, said once more and without a line of the code that keeps it.

It hears who succeeded with what, and which stories are verified now. It never looks at a story's other fields.
"""

from collections.abc import Hashable
from typing import Literal
from uuid import UUID

from msgspec import Struct, structs

Policy = Literal["agent", "ancestry", "strict"]


class Bypass(Exception):
    """A story was confirmed that must not have been, or work was confirmed by whoever did it."""


class Person(Struct, frozen=True):
    """``chain`` runs from the root of the caller's dispatches to the last; of a key that has none it is the key.

    ``first`` is the key that this one has taken the place of, by however many rotations.
    """

    name: str
    role: str
    agent: UUID | None
    chain: tuple[UUID, ...]
    first: UUID | None = None

    def rotated(self, key: UUID) -> "Person":
        return structs.replace(self, chain=(key,), first=self._first)

    def is_same(self, other: "Person") -> bool:
        return self._first == other._first or (self.agent is not None and self.agent == other.agent)

    @property
    def _first(self) -> UUID:
        return self.first or self.chain[-1]

    def acts_for(self, worker: "Person", policy: Policy) -> bool:
        if self.is_same(worker):
            return True
        match policy:
            case "agent":
                return False
            case "ancestry":
                return worker.chain[-1] in self.chain
            case "strict":
                return any(link in self.chain for link in worker.chain)


class Seen(Struct):
    """What was seen of one story."""

    worked_on: bool = False
    worker: Person | None = None
    """Who holds it."""
    authors: tuple[Person, ...] = ()
    """Who has begun to work on it, or has brought it in as done, since the last reset."""
    reported: bool = False
    reporter: Person | None = None
    """None of what came in as done: who brought it in has said so."""
    reviewers: tuple[Person, ...] = ()
    """Of the report that stands."""
    verified: bool = False


WORK = ("contract", "claim", "start", "request-review", "heartbeat", "report")
RELEASE = ("unclaim", "force-unclaim", "expire")
JUDGE = ("verify", "bulk-verify", "verify-all")
FROM_BEFORE = ("backfill", "mark-complete", "import")
REJECT = ("reject", "bulk-reject")


class Model:
    """Of all tenants. ``verifications`` counts by the action that caused them."""

    def __init__(self) -> None:
        self.policies: dict[Hashable, Policy] = {}
        self.distinct: set[Hashable] = set()
        """Tenants whose newest reviewer must not verify."""
        self._stories: dict[UUID, Seen] = {}
        self.verifications: dict[str, int] = {}

    def created(self, story: UUID) -> None:
        self._stories[story] = Seen()

    def gone(self, story: UUID) -> None:
        self._stories.pop(story, None)

    def succeeded(self, tenant: Hashable, person: Person, action: str, story: UUID, *, released: bool = False) -> None:
        """``released`` when the story is back in the queue afterwards. Raises Bypass."""
        seen = self._stories[story]
        if action in ("report", "review", *REJECT, *JUDGE):
            self._check_other(tenant, person, action, seen)
        if action in RELEASE and seen.verified:
            raise Bypass(f"{person.name} took a verified story back by {action}")
        _advance(seen, person, action)
        if action in REJECT:
            seen.reported, seen.reporter, seen.reviewers = False, None, ()
        if action in RELEASE or released:
            seen.worker, seen.reported, seen.reporter, seen.reviewers = None, False, None, ()
        if action in REJECT and released:
            seen.authors = ()

    def edited(self, action: str, story: UUID) -> None:
        """The words of a story, of its title or its criteria, are others now. Raises Bypass."""
        seen = self._stories[story]
        if seen.verified and (seen.worked_on or seen.reviewers):
            raise Bypass(f"{action} changed what a verified story is about")
        seen.reviewers = ()

    def changed(self, tenant: Hashable, action: str, person: Person | None, story: UUID, *, verified: bool) -> None:
        """After each step, of each story whose verification changed. Raises Bypass."""
        seen = self._stories[story]
        if verified and not seen.verified:
            self._check_confirmed(tenant, action, person, seen)
            self.verifications[action] = self.verifications.get(action, 0) + 1
        elif seen.verified and not verified and action not in REJECT:
            raise Bypass(f"{action} took a confirmation back")
        seen.verified = verified

    def _check_other(self, tenant: Hashable, person: Person, action: str, seen: Seen) -> None:
        if any(person.acts_for(each, self.policies[tenant]) for each in _implementers(seen)):
            raise Bypass(f"{person.name} did the work and succeeded with {action}")

    def _check_confirmed(self, tenant: Hashable, action: str, person: Person | None, seen: Seen) -> None:
        if action in FROM_BEFORE:
            if seen.worked_on:
                raise Bypass(f"{action} of a story that was worked on here")
            return
        if action not in JUDGE or person is None:
            raise Bypass(f"{action} confirmed a story")
        if not seen.reported or not seen.reviewers:
            raise Bypass(f"{action} of a story without a report, or without a review of this report")
        if tenant in self.distinct and person.is_same(seen.reviewers[-1]):
            raise Bypass(f"{action} by the reviewer, where the tenant wants another")
        policy = self.policies[tenant]
        confirmers = (person, *seen.reviewers, *([seen.reporter] if seen.reporter else []))
        if any(each.acts_for(worker, policy) for each in confirmers for worker in _implementers(seen)):
            raise Bypass(f"{action}: whoever did the work has reported, reviewed or verified it")


def _advance(seen: Seen, person: Person, action: str) -> None:
    if action in WORK:
        seen.worked_on = True
    match action:
        case "claim":
            seen.worker = person
        case "start":
            seen.authors = (*seen.authors, seen.worker or person)
        case "report":
            seen.reported, seen.reporter, seen.reviewers = True, person, ()
        case "backfill" | "mark-complete" | "import":
            seen.authors = (*seen.authors, person)
            seen.reported, seen.reporter, seen.reviewers = True, None, ()
        case "review":
            seen.reviewers = (*seen.reviewers, person)


def _implementers(seen: Seen) -> tuple[Person, ...]:
    return (*seen.authors, *([seen.worker] if seen.worker else []))
