"""Who is in a tenant of the custody machine in this process."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import structs

from bench.custody_model import Person
from domain.caller import Caller, Role
from domain.capability import CapabilityType
from domain.event import Event
from domain.lifecycle import implementer as working

HELD: Mapping[str, Callable[..., Sequence[Event]]] = {
    "unclaim": lambda story, who, hold, _: working.unclaim(story, who, hold),
    "request-review": working.request_review,
    "heartbeat": working.renew_lease,
}
CAPABILITIES: Mapping[str, CapabilityType] = {
    "start": "start_cap", "report": "report_cap", "review": "review_complete_cap", "verify": "verify_cap",
    "bulk-verify": "verify_cap", "verify-all": "verify_cap",
}  # fmt: skip
"""By the step that takes one, as the model calls it."""

NOBODY = Person("nobody", "user", None, (UUID(int=10**30),))
"""Whoever a lease expires for."""


def caller_as(person: Person) -> Caller:
    kind: Any = person.agent_type
    return Caller(
        tenant_id=UUID(int=0), key_id=person.chain[-1], key_name=person.name, role=Role(person.role),
        agent_id=person.agent, agent_type=kind, minters=person.above, human_root=person.by_person,
        lineage=person.chain if len(person.chain) > 1 or person.by_person else (),
    )  # fmt: skip


def people(number: int) -> list[Person]:
    """Agents of both types with keys of both roles, a human, keys without an agent, and agents that others have
    dispatched. Some of the keys are such as are made no longer, and stand in older logs."""
    ids = iter(UUID(int=(number + 1) * 1000 + each) for each in range(100))

    def one(name: str, role: str, kind: str | None, *above: UUID) -> Person:
        agent = next(ids) if kind else None
        return Person(name, role, agent, (*above, next(ids)), agent_type=kind)

    def again(other: Person, name: str, role: str) -> Person:
        return structs.replace(other, name=name, role=role, chain=(next(ids),))

    def below(parent: Person, name: str, role: str, kind: str) -> Person:
        above = (*parent.above, *((parent.agent,) if parent.agent else ()))
        made = one(name, role, kind, *parent.chain)
        return structs.replace(made, above=above, by_person=parent.by_person)

    ann, ben = one("ann", "agent", "orchestrator"), one("ben", "agent", "implementer")
    root = one("root", "orchestrator", "orchestrator")
    child = below(root, "child", "agent", "implementer")
    session = structs.replace(one("session", "orchestrator", "orchestrator"), by_person=True)
    worker = below(session, "worker", "agent", "implementer")
    ann_as_lead = again(ann, "ann as lead", "orchestrator")
    return [
        ann, ben, one("cid", "agent", "implementer"), ann_as_lead,
        session, worker, below(session, "worker's sibling", "orchestrator", "orchestrator"),
        below(worker, "worker's child", "orchestrator", "orchestrator"),
        below(ann_as_lead, "ann's", "orchestrator", "orchestrator"),
        below(root, "child's sibling", "orchestrator", "orchestrator"),
        again(ben, "ben as lead", "orchestrator"), one("lea", "orchestrator", "orchestrator"),
        one("leo", "orchestrator", "orchestrator"), one("lead without agent", "orchestrator", None),
        one("key without agent", "agent", None), one("human", "user", None), root, child,
        below(child, "grandchild", "orchestrator", "orchestrator"),
    ]  # fmt: skip
