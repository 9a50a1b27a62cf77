"""The implementer's side: contract, claim, start, ask for a review, release. Each function is one transition.

They raise Rejected, and return what happens when it may.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.caller import Role
from domain.capability import NOTHING, Right, check_right
from domain.errors import Forbidden, Invalid
from domain.event import Event
from domain.fields import must_be
from domain.lifecycle import refusals
from domain.lifecycle.events import (
    LeaseExpired,
    LeaseRenewed,
    ReviewRequested,
    StoryClaimed,
    StoryContracted,
    StoryForceUnclaimed,
    StoryStarted,
    StoryUnclaimed,
)
from domain.lifecycle.identity import Identity
from domain.lifecycle.prerequisites import Prerequisites
from domain.story import Story

SHORTEST_LEASE, LONGEST_LEASE = 10, 86_400
"""Seconds."""


class Echo(Struct, frozen=True, kw_only=True):
    """What the agent says that it has read; ``skip`` leaves it out, which only an orchestrator may."""

    title: str | None
    ac_count: int | None
    skip: bool = False


class Hold(Struct, frozen=True, kw_only=True):
    """A claim's time limit in seconds, or the fencing token of one that was given before."""

    lease_seconds: int | None = None
    fencing_token: int | None = None


def contract(story: Story, who: Identity, echo: Echo) -> tuple[Event, ...]:
    agent = refusals.need_agent(who)
    if echo.skip and who.role != Role.ORCHESTRATOR:
        raise Forbidden("Only an orchestrator may set skip_contract_check", code="insufficient_role")
    if story.agent_status != "pending" or story.verified_status == "verified":
        raise refusals.wrong_state(story, "contract", who)
    if not echo.skip:
        _check_echo(story, echo)
    return (
        StoryContracted(
            project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status, agent_id=agent,
            contract_hash=story.criteria_hash, echo_skipped=echo.skip,
        ),
    )  # fmt: skip


def claim(story: Story, who: Identity, before: Prerequisites, hold: Hold, now: datetime) -> tuple[Event, ...]:
    """Whether the caller's agent is still active is `refusals.check_active`'s to say."""
    agent = refusals.need_agent(who)
    if story.agent_status == "pending":
        raise refusals.wrong_state(story, "claim", code="must_contract_first", hint="Call contract first.")
    if story.agent_status != "contracted":
        raise refusals.wrong_state(story, "claim", who)
    if before.missing:
        raise refusals.not_ready(story, before.missing)
    return (
        StoryClaimed(
            project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status, agent_id=agent,
            contracted_by_agent_id=story.contracted_by_agent_id, dispatch_id=who.dispatch_id, lineage=who.lineage,
            lease_expires_at=_lease_end(hold.lease_seconds, now), minters=who.minters, human_root=who.human_root,
        ),
    )  # fmt: skip


def start(story: Story, who: Identity, hold: Hold, now: datetime, right: Right = NOTHING) -> tuple[Event, ...]:
    agent = refusals.need_agent(who)
    if story.agent_status == "pending":
        raise refusals.wrong_state(story, "start", code="must_contract_first", hint="Call contract first.")
    if story.agent_status == "contracted":
        raise refusals.wrong_state(story, "start", code="must_claim_first", hint="Call claim first.")
    if story.agent_status != "assigned":
        raise refusals.wrong_state(story, "start")
    _check_holder(story, agent, "start", hold, now)
    check_right(right, "start", who, story.claim_position)
    return (StoryStarted(**_place(story), agent_id=agent),)


def request_review(story: Story, who: Identity, hold: Hold, now: datetime) -> tuple[Event, ...]:
    agent = refusals.need_agent(who)
    if story.agent_status != "implementing":
        raise refusals.wrong_state(story, "request-review")
    _check_holder(story, agent, "request-review", hold, now)
    return (ReviewRequested(**_place(story), agent_id=agent, repeated=story.review_requested_at is not None),)


def renew_lease(story: Story, who: Identity, hold: Hold, now: datetime) -> tuple[Event, ...]:
    agent = refusals.need_agent(who)
    if story.agent_status not in ("assigned", "implementing"):
        raise refusals.wrong_state(story, "heartbeat")
    _check_holder(story, agent, "heartbeat", hold, now)
    if story.lease_expires_at is None and hold.lease_seconds is None:
        raise Invalid(lease_seconds="can't be blank")
    as_before = story.lease_seconds or SHORTEST_LEASE
    end = _lease_end(as_before if hold.lease_seconds is None else hold.lease_seconds, now)
    if end is None:
        return ()
    return (LeaseRenewed(**_place(story), agent_id=agent, lease_expires_at=end),)


def expire_lease(story: Story, now: datetime) -> tuple[Event, ...]:
    """Nothing when the lease was renewed in the meantime, or the story went on."""
    if story.lease_expires_at is None or story.lease_expires_at > now:
        return ()
    if story.agent_status not in ("assigned", "implementing") or story.verified_status == "verified":
        return ()
    return (
        LeaseExpired(
            **_place(story), assigned_agent_id_was=story.assigned_agent_id, lease_expires_at=story.lease_expires_at
        ),
    )


def end_hold(story: Story, agent_id: UUID, now: datetime) -> tuple[Event, ...]:
    """When the agent is deactivated. Nothing for what it does not hold, and for work that others can go on with: a
    review was asked for, or it was reported."""
    holder = story.contracted_by_agent_id if story.agent_status == "contracted" else story.assigned_agent_id
    if holder != agent_id or story.agent_status == "pending" or story.verified_status == "verified":
        return ()
    others_go_on = {"implementing": story.review_requested_at is not None, "reported_done": not story.awaits_report}
    if others_go_on.get(story.agent_status, False):
        return ()
    return (LeaseExpired(**_place(story), assigned_agent_id_was=story.assigned_agent_id, lease_expires_at=now),)


def unclaim(story: Story, who: Identity, hold: Hold | None = None) -> tuple[Event, ...]:
    agent = refusals.need_agent(who)
    _check_not_verified(story, "unclaim")
    if story.agent_status == "pending":
        raise refusals.wrong_state(story, "unclaim")
    if hold and hold.fencing_token is not None and hold.fencing_token != story.claim_position:
        raise refusals.late_holder(story, "unclaim")
    holder = story.contracted_by_agent_id if story.agent_status == "contracted" else story.assigned_agent_id
    if holder != agent:
        raise refusals.not_holder(story, "unclaim")
    return (StoryUnclaimed(**_place(story), agent_id=agent, assigned_agent_id_was=story.assigned_agent_id),)


def force_unclaim(story: Story, who: Identity, reason: str | None) -> tuple[Event, ...]:
    """Nothing for a pending story: there is nothing to take back. A verified one must be rejected first."""
    orchestrator = refusals.need_orchestrator(who)
    _check_not_verified(story, "force-unclaim")
    if story.agent_status == "pending":
        return ()
    return (
        StoryForceUnclaimed(
            **_place(story), assigned_agent_id_was=story.assigned_agent_id, orchestrator_agent_id=orchestrator,
            reason=reason,
        ),
    )  # fmt: skip


def _check_not_verified(story: Story, action: str) -> None:
    """Who takes a verified story back without a judgement could change what was verified."""
    if story.verified_status == "verified":
        raise refusals.wrong_state(story, action)


def _check_echo(story: Story, echo: Echo) -> None:
    if (echo.title or "").strip() != story.title:  # as it was trimmed when it came in
        raise Invalid(
            f"story_title is not the title of story {story.number}",
            code="title_mismatch",
            story_title=must_be("the title as it is, letter case included: read the story"),
        )
    if echo.ac_count != story.ac_count:
        given = "nothing" if echo.ac_count is None else echo.ac_count
        error = Invalid(f"expected ac_count {story.ac_count}, got {given}", code="contract_mismatch")
        error.facts = {"context": {"expected_ac_count": story.ac_count, "provided_ac_count": echo.ac_count}}
        raise error


def _check_holder(story: Story, agent: UUID, action: str, hold: Hold, now: datetime) -> None:
    """The caller holds the story, under the claim that it thinks it holds it by, and in time."""
    if hold.fencing_token is not None and hold.fencing_token != story.claim_position:
        raise refusals.late_holder(story, action)
    if story.assigned_agent_id != agent:
        raise refusals.not_holder(story, action)
    if story.lease_expires_at is not None and story.lease_expires_at <= now:
        raise refusals.late_holder(story, action)


def _lease_end(seconds: int | None, now: datetime) -> datetime | None:
    if seconds is None:
        return None
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        raise Invalid(lease_seconds=f"must be between {SHORTEST_LEASE} and {LONGEST_LEASE}")
    return now + timedelta(seconds=seconds)


def _place(story: Story) -> dict[str, Any]:
    return {"project_id": story.project_id, "epic_id": story.epic_id, "agent_status_was": story.agent_status}
