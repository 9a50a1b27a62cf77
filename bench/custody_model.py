"""What custody promises, said once more and without a line of the code that keeps it.

It hears who succeeded with what, and which stories are verified now. It never looks at a story's other fields.
"""

from collections.abc import Hashable
from typing import Literal
from uuid import UUID

from msgspec import Struct

Policy = Literal["agent", "ancestry", "strict"]


class Bypass(Exception):
    """A story was confirmed that must not have been, or work was confirmed by whoever did it."""


class Person(Struct, frozen=True):
    """``chain`` runs from the root of the caller's dispatches to the last; of a key that has none it is the key."""

    name: str
    role: str
    agent: UUID | None
    chain: tuple[UUID, ...]

    def acts_for(self, worker: "Person", policy: Policy) -> bool:
        if self.agent is not None and self.agent == worker.agent:
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
    reporter: Person | None = None
    reviewers: tuple[Person, ...] = ()
    """Of the report that stands."""
    verified: bool = False


WORK = ("contract", "claim", "start", "request-review", "heartbeat", "report")
RELEASE = ("unclaim", "force-unclaim", "expire")
JUDGE = ("verify", "bulk-verify", "verify-all")
FROM_BEFORE = ("backfill", "mark-complete")


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
        if action in ("report", "review", "reject", "bulk-reject", *JUDGE):
            self._check_other(tenant, person, action, seen)
        if action in WORK:
            seen.worked_on = True
        if action == "claim":
            seen.worker = person
        elif action in ("report", *FROM_BEFORE):  # who says that it was done before, has said that it is done
            seen.reporter, seen.reviewers = person, ()
        elif action == "review":
            seen.reviewers = (*seen.reviewers, person)
        if action in RELEASE or released:
            seen.worker, seen.reporter, seen.reviewers = None, None, ()

    def changed(self, tenant: Hashable, action: str, person: Person | None, story: UUID, *, verified: bool) -> None:
        """After each step, of each story whose verification changed. Raises Bypass."""
        seen = self._stories[story]
        if verified and not seen.verified:
            self._check_confirmed(tenant, action, person, seen)
            self.verifications[action] = self.verifications.get(action, 0) + 1
        elif seen.verified and not verified and action not in ("reject", "bulk-reject"):
            raise Bypass(f"{action} took a confirmation back")
        seen.verified = verified

    def _check_other(self, tenant: Hashable, person: Person, action: str, seen: Seen) -> None:
        if seen.worker and person.acts_for(seen.worker, self.policies[tenant]):
            raise Bypass(f"{person.name} did the work and succeeded with {action}")

    def _check_confirmed(self, tenant: Hashable, action: str, person: Person | None, seen: Seen) -> None:
        if action in FROM_BEFORE:
            if seen.worked_on:
                raise Bypass(f"{action} of a story that was worked on here")
            return
        if action not in JUDGE or person is None:
            raise Bypass(f"{action} confirmed a story")
        if seen.reporter is None or not seen.reviewers:
            raise Bypass(f"{action} of a story without a report, or without a review of this report")
        if tenant in self.distinct and person == seen.reviewers[-1]:
            raise Bypass(f"{action} by the reviewer, where the tenant wants another")
        policy = self.policies[tenant]
        confirmers = (person, seen.reporter, *seen.reviewers)
        if seen.worker and any(each.acts_for(seen.worker, policy) for each in confirmers):
            raise Bypass(f"{action}: whoever did the work has reported, reviewed or verified it")
