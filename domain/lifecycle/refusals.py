"""How a transition is refused: with the state, the attempt, and what to do instead (spec 01, sections 1.6 and 3.2)."""

from typing import Any
from uuid import UUID

from domain.errors import Conflict, CustodyViolation, Forbidden, Invalid, Rejected
from domain.lifecycle.identity import Identity
from domain.story import Story

HINTS = {
    "contract": "Only pending stories can be contracted; this one is contracted or claimed already.",
    "claim": "Story is already claimed by another agent. Use force-unclaim to reset it.",
    "start": "The story was started already.",
    "request-review": "The story must be implementing: claim and start it first.",
    "report": "The story must be implementing before somebody else can report it.",
    "verify": "The story must be reported_done: another agent has to report it first.",
    "reject": "Only a story that is reported_done or verified can be rejected.",
    "unclaim": "Nothing to release: no agent holds the story.",
    "heartbeat": "Only a claimed story has a lease to renew.",
    "backfill": "Only a pending story that nobody has worked on here can be backfilled.",
}


def wrong_state(story: Story, action: str, *, code: str = "invalid_transition", hint: str | None = None) -> Conflict:
    """The state of the axis that blocks stands in ``current_state``."""
    state = _blocking_state(story, action)
    return Conflict(
        f"Conflict: Cannot {action} a story that is {state}",
        code=code,
        **_facts(story, action, state, hint or HINTS[action]),
    )


def _blocking_state(story: Story, action: str) -> str:
    judging = action in ("verify", "reject") and story.verified_status != "unverified"
    taking_back = action in ("unclaim", "force-unclaim") and story.verified_status == "verified"
    return story.verified_status if judging or taking_back else story.agent_status


def _facts(story: Story, action: str, state: str, hint: str) -> dict[str, Any]:
    return {
        "current_state": state,
        "attempted_action": action,
        "hints": [hint],
        "context": {
            "current_agent_status": story.agent_status,
            "current_verified_status": story.verified_status,
            "attempted_action": action,
        },
    }


SELF = {
    "report": ("self_report_blocked", "another agent must report it; call request-review instead"),
    "review-complete": ("self_review_blocked", "another agent must review it"),
    "verify": ("self_verify_blocked", "another orchestrator must verify it"),
    "reject": ("self_verify_blocked", "another orchestrator must judge it"),
}


def own_work(story: Story, action: str) -> CustodyViolation:
    """The caller is the one who did the work."""
    code, instead = SELF[action]
    return CustodyViolation(
        f"Conflict: Cannot {action} your own work: {instead}.",
        code=code,
        remediation={"description": "Nobody confirms their own work.", "next_action": instead},
        **_facts(story, action, _blocking_state(story, action), f"You implemented this story; {instead}."),
    )


def unknown_hand(story: Story, action: str) -> Conflict:
    """It came in as done when the log did not record by whom, so that it may be the caller's own work."""
    code, _ = SELF[action]
    return Conflict(
        f"Conflict: Cannot {action}: the log does not say who did this work, so it may be your own.",
        code=code,
        **_facts(
            story, action, _blocking_state(story, action),
            "It came in as done before its author was recorded: an orchestrator may reject it, to have it done anew.",
        ),
    )  # fmt: skip


def not_ready(story: Story, missing: list[str]) -> Conflict:
    """``missing`` names the stories and epics that are not verified yet."""
    hint = f"Wait until these are verified: {', '.join(missing)}. GET /api/v1/stories/ready lists what can be claimed."
    return wrong_state(story, "claim", code="dependencies_not_met", hint=hint)


def other_criteria(story: Story) -> Conflict:
    """The work was contracted under another title or other criteria than the story has now (T8)."""
    hint = "Title or criteria changed after the contract: reject the story, so that it is contracted and done anew."
    return wrong_state(story, "verify", code="criteria_changed", hint=hint)


def not_holder(story: Story, action: str) -> Forbidden:
    return Forbidden(
        f"Only the agent that the story is assigned to may {action}",
        code="not_assigned_agent",
        current_state=story.agent_status,
        attempted_action=action,
        hints=["The story is assigned to another agent, or to none."],
    )


def late_holder(story: Story, action: str) -> Conflict:
    """The caller's claim no longer holds: its lease ran out or was taken back."""
    holder = _holder(story.assigned_agent_id)
    return wrong_state(story, action, code="lease_lost", hint=f"Your claim no longer holds; {holder}. Claim it again.")


def _holder(agent_id: UUID | None) -> str:
    return f"the story is now held by agent {agent_id}, by a newer claim" if agent_id else "nobody holds the story now"


def need_agent(who: Identity) -> UUID:
    """Raises Invalid: without an agent's identity no gate could ever close."""
    if who.agent_id is None:
        raise Invalid(
            "An agent id is required for chain of custody: register an agent with this key first.",
            code="agent_identity_required",
        )
    return who.agent_id


def need_orchestrator(who: Identity) -> UUID:
    """Raises Rejected (orchestrator_agent_required)."""
    if who.agent_id is None:
        raise Rejected("The orchestrator key must be linked to a registered agent.", code="orchestrator_agent_required")
    return who.agent_id
