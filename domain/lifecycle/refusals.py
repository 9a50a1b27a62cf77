"""How a transition is refused: with the state, the attempt, and what to do instead (spec 01, sections 1.6 and 3.2)."""

from typing import Any
from uuid import UUID

from domain.agent import Agent
from domain.caller import Role
from domain.errors import Conflict, CustodyViolation, Forbidden, Invalid
from domain.fields import several
from domain.lifecycle.identity import Identity
from domain.story import Story

HINTS = {
    "contract": "Only pending stories can be contracted; this one is contracted or claimed already.",
    "claim": "Only a contracted story can be claimed.",
    "start": "The story was started already.",
    "request-review": "The story must be implementing: claim and start it first.",
    "report": "The story must be implementing before somebody else can report it.",
    "verify": "The story must be reported_done: another agent has to report it first.",
    "reject": "Only a story that is reported_done or verified can be rejected.",
    "draw-verifier": "A verifier is drawn once a review was asked for, and until the story is verified.",
    "unclaim": "Nothing to release: no agent holds the story.",
    "force-unclaim": "A verified story cannot be taken back.",
    "heartbeat": "Only a claimed story has a lease to renew.",
}
"""What each action needs."""

STANDS = {
    "pending": "It is pending: contract comes next.",
    "contracted": "It is contracted: claim comes next.",
    "assigned": "It is claimed: its holder starts next.",
    "implementing": "It is implementing: its holder asks for a review next, and somebody else reports it.",
    "reported_done": "It is reported_done: others review it, then verify or reject it.",
    "verified": "Already verified: an orchestrator may reject it, and nothing else leads back.",
}
"""Where a story is, and what leads on from there."""

HELD_BY_ANOTHER = "Story is already claimed by another agent. Use force-unclaim to reset it."
HELD_BY_CALLER = "You hold this story already: go on with it, or give it back with unclaim."


def wrong_state(
    story: Story, action: str, who: Identity | None = None, *, code: str = "invalid_transition", hint: str | None = None
) -> Conflict:
    """The state of the axis that blocks stands in ``current_state``; the hints say what the action needs, and where
    the story is."""
    state = _blocking_state(story, action)
    return Conflict(
        f"Conflict: Cannot {action} a story that is {state} (story {story.number})",
        code=code,
        **_facts(story, action, state, *((hint,) if hint else (_needed(story, action, who), _stands(story)))),
    )


def _needed(story: Story, action: str, who: Identity | None) -> str:
    if story.verified_status == "verified":
        return _stands(story)
    if action == "claim" and who is not None and story.assigned_agent_id is not None:
        return HELD_BY_CALLER if story.assigned_agent_id == who.agent_id else HELD_BY_ANOTHER
    if action == "contract" and story.agent_status == "contracted" and who is not None:
        mine = story.contracted_by_agent_id == who.agent_id
        return "You have contracted this story already." if mine else HINTS[action]
    return "Already reported." if (action, story.agent_status) == ("report", "reported_done") else HINTS[action]


def _stands(story: Story) -> str:
    if story.verified_status == "verified":
        return STANDS["verified"]
    if story.verified_status == "rejected" and story.awaits_report and story.agent_status == "reported_done":
        return "It was rejected, and the work is still in place: somebody else reports it anew."
    return STANDS[story.agent_status]


def _blocking_state(story: Story, action: str) -> str:
    judging = action in ("verify", "reject") and story.verified_status != "unverified"
    done = story.verified_status == "verified" and (
        action in ("unclaim", "force-unclaim") or (action == "contract" and story.agent_status == "pending")
    )
    return story.verified_status if judging or done else story.agent_status


def _facts(story: Story, action: str, state: str, *hints: str) -> dict[str, Any]:
    return {
        "current_state": state,
        "attempted_action": action,
        "hints": list(dict.fromkeys(hints)),
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
        f"Conflict: Cannot {action} your own work (story {story.number}): {instead}.",
        code=code,
        remediation={"description": "Nobody confirms their own work.", "next_action": instead},
        **_facts(story, action, _blocking_state(story, action), f"You implemented this story; {instead}."),
    )


def unknown_hand(story: Story, action: str) -> Conflict:
    """It came in as done when the log did not record by whom, so that it may be the caller's own work."""
    code, _ = SELF[action]
    return Conflict(
        f"Conflict: Cannot {action} story {story.number}: the log does not say who did this work, "
        "so it may be your own.",
        code=code,
        **_facts(
            story, action, _blocking_state(story, action),
            "It came in as done before its author was recorded: an orchestrator may reject it, to have it done anew.",
        ),
    )  # fmt: skip


def not_ready(story: Story, missing: list[str]) -> Conflict:
    """``missing`` names the stories and epics that are not verified yet."""
    named = several(missing)
    return Conflict(
        f"Conflict: Cannot claim story {story.number}: it waits for {named}, not verified yet",
        code="dependencies_not_met",
        **_facts(
            story, "claim", story.agent_status,
            f"Wait until these are verified: {named}. GET /api/v1/stories/ready lists what can be claimed.",
        ),
    )  # fmt: skip


def other_criteria(story: Story) -> Conflict:
    """The work was contracted under another title or other criteria than the story has now (T8)."""
    return Conflict(
        f"Conflict: Cannot verify story {story.number}: its title or criteria changed after the contract",
        code="criteria_changed",
        **_facts(
            story, "verify", _blocking_state(story, "verify"),
            "Reject the story, so that it is contracted and done anew.",
        ),
    )  # fmt: skip


def not_holder(story: Story, action: str) -> Forbidden:
    holder = story.contracted_by_agent_id if story.agent_status == "contracted" else story.assigned_agent_id
    held = f"It is assigned to agent {holder}." if holder else "It is assigned to no agent."
    return Forbidden(
        f"Only the agent that the story is assigned to may {action} (story {story.number})",
        code="not_assigned_agent",
        current_state=story.agent_status,
        attempted_action=action,
        hints=[held, "An orchestrator may take it back with force-unclaim."],
    )


def late_holder(story: Story, action: str) -> Conflict:
    """The caller's claim no longer holds: its lease ran out or was taken back."""
    holder = _holder(story.assigned_agent_id)
    return Conflict(
        f"Conflict: Cannot {action} story {story.number}: your claim no longer holds",
        code="lease_lost",
        **_facts(
            story, action, _blocking_state(story, action), f"Your claim no longer holds; {holder}. Claim it again."
        ),
    )


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


def check_active(agent: Agent | None) -> None:
    """Raises Forbidden: a deactivated agent takes no more work."""
    if agent is not None and agent.status == "deactivated":
        raise Forbidden(f"Agent {agent.name} is deactivated and takes no more work", code="agent_deactivated")


def need_orchestrator(who: Identity) -> UUID:
    """Raises Invalid (orchestrator_agent_required)."""
    if who.agent_id is None or who.agent_type != "orchestrator":
        raise Invalid(
            "This step is for an agent of type orchestrator: register one with an agent's key of its own, and make a "
            "key of role orchestrator with its agent_id.",
            code="orchestrator_agent_required",
        )
    return who.agent_id


def need_answerable(who: Identity) -> None:
    """For what a person may do as well, who is no agent. Raises Invalid (orchestrator_agent_required)."""
    if who.role != Role.USER:
        need_orchestrator(who)
