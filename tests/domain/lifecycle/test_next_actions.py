"""What is offered to a caller is what the decisions would accept of that very caller, in every state."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from uuid import UUID

from domain.errors import Rejected
from domain.lifecycle import implementer as working
from domain.lifecycle import judges as confirming
from domain.lifecycle.identity import ANY_AGENT, Identity
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.judges import Review
from domain.lifecycle.next_actions import next_actions
from domain.lifecycle.prerequisites import Prerequisites
from domain.story import Story
from domain.tenant_settings import TenantSettings
from tests.domain.lifecycle.making import (
    ANN,
    ANNS_KEY,
    BEN,
    BENS_KEY,
    JUDGEMENTS,
    LATER,
    LEA,
    NOON,
    STATUSES,
    right,
    story,
    who,
)
from tests.domain.lifecycle.test_matrix import EVERYBODY, GOOD, in_state

POLICIES = [
    TenantSettings(lineage_policy=lineage, require_distinct_verifier=distinct)
    for lineage in ("agent", "ancestry", "strict")
    for distinct in (False, True)
]
CALLERS = {**EVERYBODY, "ann's dispatcher": who(UUID(int=14), BENS_KEY, "agent", ANNS_KEY, BENS_KEY)}
MAY = {
    "contract": ("agent", "orchestrator"), "claim": ("agent",), "start": ("agent",), "request_review": ("agent",),
    "report": ("agent", "orchestrator"), "review_complete": ("agent", "orchestrator", "user"),
    "verify": ("orchestrator",), "reject": ("orchestrator",),
}  # fmt: skip
"""The roles that the routes let in."""


ACTIONS: dict[str, Callable[[Story, Identity, TenantSettings], Any]] = {
    "contract": lambda of, by, _: working.contract(of, by, Echo(title="T", ac_count=2)),
    "claim": lambda of, by, _: working.claim(of, by, Prerequisites(), Hold(), NOON),
    "start": lambda of, by, _: working.start(of, by, Hold(), NOON, right("start", by)),
    "request_review": lambda of, by, _: working.request_review(of, by, Hold(), NOON),
    "report": lambda of, by, policy: confirming.report(of, by, policy, right("report", by)),
    "review_complete": lambda of, by, policy: confirming.complete_review(
        of, by, policy, Review(review_id=UUID(int=52), review_type=None, right=right("review-complete", by)), LATER
    ),
    "verify": lambda of, by, policy: confirming.verify(of, by, policy, GOOD, right("verify", by)),
    "reject": lambda of, by, policy: confirming.reject(of, by, policy, GOOD),
}


def accepted(action: str, of: Story, by: Identity, policy: TenantSettings) -> bool:
    if by.role.value not in MAY[action]:
        return False
    try:
        return bool(ACTIONS[action](of, by, policy))
    except Rejected:
        return False


def sensible(action: str, of: Story) -> bool:
    """What would be accepted and leads nowhere is not offered: the same request, review or rejection once more."""
    match action:
        case "request_review":
            return of.review_requested_at is None
        case "review_complete":
            return not confirming.is_reviewed(of) and of.verified_status != "verified"
        case "reject":
            return not of.awaits_report
        case _:
            return True


VARIANTS: tuple[dict[str, Any], ...] = (
    {}, {"review_requested_at": NOON}, {"review_position": None}, {"report_position": None, "review_position": None},
    {"contracted_hash": "other"}, {"worked_agents": (ANY_AGENT,)}, {"worked_agents": (LEA,)},
    {"reviewers": (BEN, BENS_KEY, LEA)}, {"contracted_by_agent_id": BEN}, {"lease_expires_at": NOON},
    {"assigned_agent_id": None, "worked_agents": (ANN, ANNS_KEY)},
)  # fmt: skip


def states() -> Iterator[Story]:
    """Without verified stories that are not reported_done: no way leads there."""
    for state, judged, changes in product(STATUSES, JUDGEMENTS, VARIANTS):
        if judged == "verified" and state != "reported_done":
            continue
        plain = in_state(state, judged)
        yield story(**{**{name: getattr(plain, name) for name in plain.__struct_fields__}, **changes})


def test_each_action_that_is_offered_is_accepted_and_each_that_leads_on_is_offered() -> None:
    """Went red for request_review after a request, for a review of work that nobody has reported, and for a start
    under a lease that had run out."""
    seen: set[str] = set()
    for of, policy, (name, by) in product(states(), POLICIES, CALLERS.items()):
        offered = {action.action for action in next_actions(of, by, policy, NOON)}
        leads_on = {action for action in MAY if accepted(action, of, by, policy) and sensible(action, of)}
        assert offered == leads_on, (of.agent_status, of.verified_status, name, policy, of)
        seen |= offered
    assert seen == set(MAY), "the control: each action is offered somewhere"
