"""A story after one more event. The one place that says what an event makes of a story."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import msgspec
from msgspec import UNSET, structs

from domain.criteria import still_checked, still_claimed
from domain.event import JsonText, Recorded
from domain.lifecycle import events as on
from domain.lifecycle.identity import ANY_AGENT, NO_AGENT, links
from domain.numbering import parse_story_number
from domain.story import (
    PROVENANCE,
    CriterionUpdated,
    Story,
    StoryCreated,
    StoryDeleted,
    StoryImported,
    StoryRevised,
    StoryText,
    StoryUpdated,
)
from domain.story_fields import criteria_hash

RELEASED: dict[str, Any] = {
    "agent_status": "pending",
    "assigned_agent_id": None,
    "assigned_at": None,
    "contracted_by_agent_id": None,
    "contracted_hash": None,
    "implementer_dispatch_id": None,
    "implementer_lineage": (),
    "review_requested_at": None,
    "reported_done_at": None,
    "reported_by_agent_id": None,
    "report_position": None,
    "claim_position": None,
    "lease_expires_at": None,
    "lease_seconds": None,
    "reviewers": (),
    "verifier_dispatch_id": None,
    "verifier_needed": False,
}
"""What a story that goes back to the queue no longer has."""

NEW_ROUND: dict[str, Any] = {"worked_agents": (), "worked_lineages": (), "worked_links": ()}
"""After a rejection the work is done anew: only then is it no longer that of whoever did it before."""


def evolve_story(story: Story | None, recorded: Recorded) -> Story | None:
    """None for a story that is gone or was never there."""
    event = recorded.event
    if not on.STORY_EVENTS.has(event):
        return story
    if isinstance(event, StoryCreated):
        return _created(recorded, event)
    if story is None or isinstance(event, StoryDeleted):
        return None
    return structs.replace(
        story, **_changes(story, recorded, event), updated_at=recorded.at, position=recorded.position
    )


def _created(recorded: Recorded, created: StoryCreated) -> Story:
    number = parse_story_number(created.number)
    if number is None:
        raise ValueError(f"position {recorded.position} has a story without a number")
    imported = created if isinstance(created, StoryImported) else None
    reported = imported is not None and imported.agent_status == "reported_done"
    verified = imported is not None and imported.verified_status == "verified"
    return Story(
        story_id=recorded.stream.id,
        project_id=created.project_id,
        epic_id=created.epic_id,
        number=created.number,
        major=number.major,
        minor=number.minor,
        title=created.title,
        ac_count=len(msgspec.json.decode(created.acceptance_criteria)),
        criteria_hash=criteria_hash(created.title, created.acceptance_criteria),
        estimated_hours=created.estimated_hours,
        **_said(created, OF_HEAD),
        agent_status=imported.agent_status if imported else "pending",
        verified_status=imported.verified_status if imported else "unverified",
        reported_done_at=recorded.at if reported else None,
        report_position=recorded.position if reported else None,
        **(authored(recorded, imported) if imported and reported else {}),
        verified_at=recorded.at if verified else None,
        verified_position=recorded.position if verified else None,
        created_at=recorded.at,
        updated_at=recorded.at,
        position=recorded.position,
    )


def authored(recorded: Recorded, event: StoryImported | on.StoryBackfilled | on.StoryMarkedComplete) -> dict[str, Any]:
    """Whoever brings in a story as done says so of it as an implementer would, and cannot confirm it."""
    key, agent = event.author_key_id, event.author_agent_id or NO_AGENT
    if key is None:
        key = _acting_key(recorded)
        agent = event.orchestrator_agent_id if isinstance(event, on.StoryMarkedComplete) else ANY_AGENT
    keys = (key,) if key else ()
    lineage = event.author_lineage or keys
    above = links(lineage, event.author_minters, human_root=event.author_human_root)
    return {"worked_agents": (agent, *keys), "worked_lineages": lineage[-1:], "worked_links": above}


def _acting_key(recorded: Recorded) -> UUID | None:
    kind, _, key = recorded.actor[0].partition(":")
    return UUID(key) if kind in ("api_key", "superadmin_key") else None


def _changes(story: Story, recorded: Recorded, event: on.StoryChange) -> dict[str, Any]:  # noqa: PLR0911  # one answer for each event
    match event:
        case StoryUpdated():
            return _updated(event)
        case StoryRevised():
            return {"revision": event.revision, **(RELEASED if event.contract_void else {})}
        case on.StoryContracted() | on.StoryClaimed() | on.StoryStarted() | on.ReviewRequested() | on.LeaseRenewed():
            return {"touched": True, **_worked_on(story, recorded, event)}
        case on.StoryUnclaimed() | on.StoryForceUnclaimed() | on.StoryAutoReset() | on.LeaseExpired():
            return {"touched": True, **RELEASED, **(NEW_ROUND if isinstance(event, on.StoryAutoReset) else {})}
        case on.StoryReported() | on.ReviewCompleted():
            return _reported(story, recorded, event)
        case on.StoryVerified() | on.StoryMarkedComplete() | on.StoryBackfilled() | on.StoryRejected():
            return _judged(story, recorded, event)
        case on.StoryFlagged():
            # Whoever was drawn is as good as whoever would be drawn now.
            return {} if story.verifier_dispatch_id else {"verifier_needed": True}
        case on.VerifierDrawn() | on.VerifierNeeded():
            return _drawn(story, event)
        case (
            CriterionUpdated()
            | on.CustodyViolated()
            | on.VerificationRunReported()
            | on.EvidenceReported()
            | on.StoryCommented()
        ):
            return {}
        case _:
            assert_never(event)


def _drawn(story: Story, event: on.VerifierDrawn | on.VerifierNeeded) -> dict[str, Any]:
    if isinstance(event, on.VerifierNeeded):
        return {"verifier_dispatch_id": None, "verifier_needed": True}
    drawn = {"verifier_dispatch_id": event.verifier_dispatch_id, "verifier_needed": False}
    return {**drawn, "draw_count": story.draw_count + 1}


OF_HEAD = ("priority", "external_source", "external_id")
OF_TEXT = ("external_times", "labels", "assignee", "claimed_criteria", "parent_id", "parent")


def _said(event: StoryCreated | StoryUpdated, names: Sequence[str]) -> dict[str, Any]:
    found = {name: value for name in names if (value := getattr(event, name)) is not UNSET}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _updated(event: StoryUpdated) -> dict[str, Any]:
    changes = _said(event, ("title", "estimated_hours", *OF_HEAD))
    if event.criteria_hash is not UNSET:
        changes["criteria_hash"] = event.criteria_hash
        changes["review_position"] = None  # it was a review of other words
    if event.acceptance_criteria is not UNSET:
        changes["ac_count"] = len(msgspec.json.decode(event.acceptance_criteria))
    return changes


WorkedOn = on.StoryContracted | on.StoryClaimed | on.StoryStarted | on.ReviewRequested | on.LeaseRenewed


def _worked_on(story: Story, recorded: Recorded, event: WorkedOn) -> dict[str, Any]:
    match event:
        case on.StoryContracted():
            return {
                "agent_status": "contracted",
                "contracted_by_agent_id": event.agent_id,
                "contracted_hash": event.contract_hash,
            }
        case on.StoryClaimed():
            return {
                "agent_status": "assigned",
                "assigned_agent_id": event.agent_id,
                "assigned_at": recorded.at,
                "implementer_dispatch_id": event.dispatch_id,
                "implementer_lineage": tuple(event.lineage),
                "worked_agents": _with(story.worked_agents, event.agent_id),
                "worked_lineages": _with(story.worked_lineages, *event.lineage[-1:]),
                "worked_links": _with(
                    story.worked_links, *links(event.lineage, event.minters, human_root=event.human_root)
                ),
                "claim_position": recorded.position,
                "lease_expires_at": event.lease_expires_at,
                "lease_seconds": _seconds(recorded.at, event.lease_expires_at),
            }
        case on.StoryStarted():
            return {"agent_status": "implementing"}
        case on.LeaseRenewed():
            return {
                "lease_expires_at": event.lease_expires_at,
                "lease_seconds": _seconds(recorded.at, event.lease_expires_at),
            }
        case on.ReviewRequested():
            return {"review_requested_at": recorded.at}
        case _:
            assert_never(event)


def _with(known: Sequence[UUID], *more: UUID) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys((*known, *more)))


def _seconds(at: datetime, end: datetime | None) -> int | None:
    return None if end is None else round((end - at).total_seconds())


def _reported(story: Story, recorded: Recorded, event: on.StoryReported | on.ReviewCompleted) -> dict[str, Any]:
    if isinstance(event, on.StoryReported):
        done = {**_done(recorded.at, recorded.position), "reported_by_agent_id": event.agent_id, "touched": True}
        return {**done, "reviewers": ()}
    who = (event.reviewer_key_id, *([event.reviewer_agent_id] if event.reviewer_agent_id else []))
    return {"reviewers": _with(story.reviewers, *who), "review_position": recorded.position}


def _judged(story: Story, recorded: Recorded, event: on.ConfirmationEvent) -> dict[str, Any]:
    match event:
        case on.StoryVerified():
            return {**_verified(recorded), "iteration_count": event.iteration}
        case on.StoryMarkedComplete():
            return {**_from_before(story, recorded, event), "iteration_count": event.iteration}
        case on.StoryBackfilled():
            return _from_before(story, recorded, event)
        case on.StoryRejected():
            return {**_rejected(recorded, event), **VOID}
        case _:
            assert_never(event)


def _rejected(recorded: Recorded, event: on.StoryRejected) -> dict[str, Any]:
    return {
        "verified_status": "rejected",
        "verified_at": None,
        "verified_position": None,
        "rejected_at": recorded.at,
        "rejection_reason": event.reason,
        "iteration_count": event.iteration,
    }


VOID: dict[str, Any] = {
    "reported_by_agent_id": None,
    "report_position": None,
    "review_position": None,
    "reviewers": (),
    "verifier_dispatch_id": None,
    "verifier_needed": False,
}
"""Report and review of work that was rejected say nothing any more, even where the work stays."""


def _verified(recorded: Recorded) -> dict[str, Any]:
    return {
        "verified_status": "verified",
        "verified_at": recorded.at,
        "verified_position": recorded.position,
        "rejected_at": None,
        "rejection_reason": None,
    }


def _done(at: datetime, position: int) -> dict[str, Any]:
    return {
        "agent_status": "reported_done",
        "reported_done_at": at,
        "report_position": position,
        "lease_expires_at": None,
    }


def _from_before(
    story: Story, recorded: Recorded, event: on.StoryBackfilled | on.StoryMarkedComplete
) -> dict[str, Any]:
    done = _done(story.reported_done_at or recorded.at, recorded.position)
    return {**_verified(recorded), **done, **authored(recorded, event)}


def evolve_text(text: StoryText | None, recorded: Recorded) -> StoryText | None:  # noqa: PLR0911  # one answer for each event
    """The long texts of the same story."""
    event = recorded.event
    if not on.STORY_EVENTS.has(event):
        return text
    if isinstance(event, StoryCreated):
        return StoryText(
            story_id=recorded.stream.id, description=event.description,
            acceptance_criteria=event.acceptance_criteria, metadata=event.metadata,
            criteria_checks=JsonText("{}"), **_said(event, OF_TEXT),
        )  # fmt: skip
    if text is None or isinstance(event, StoryDeleted):
        return None
    if isinstance(event, on.WorkEvent):
        return text
    match event:
        case StoryUpdated():
            return _rewritten(text, event)
        case on.StoryBackfilled():
            said = {"reason": event.reason, "evidence_url": event.evidence_url, "pr_number": event.pr_number}
            return structs.replace(text, metadata=_from_elsewhere(text.metadata, said, recorded.at))
        case on.StoryMarkedComplete():
            said = {"reason": event.summary, "evidence_url": None, "pr_number": None}
            return structs.replace(text, metadata=_from_elsewhere(text.metadata, said, recorded.at))
        case CriterionUpdated():
            return structs.replace(text, criteria_checks=_checked(text.criteria_checks, event, recorded.at))
        case StoryRevised() | on.StoryVerified() | on.StoryRejected():
            return text
        case _:
            assert_never(event)


def _rewritten(text: StoryText, event: StoryUpdated) -> StoryText:
    said = _said(event, ("description", "acceptance_criteria", "metadata", *OF_TEXT))
    if event.acceptance_criteria is not UNSET:
        said.setdefault("claimed_criteria", still_claimed(text, event.acceptance_criteria))
        said["criteria_checks"] = still_checked(text, event.acceptance_criteria)
    return structs.replace(text, **said)


TEXT_EVENTS = (
    StoryCreated, StoryImported, StoryDeleted, StoryUpdated, CriterionUpdated, on.StoryBackfilled,
    on.StoryMarkedComplete,
)  # fmt: skip
"""Only these touch the long texts, which the others must not have to read and write. A test checks that."""


def _from_elsewhere(metadata: JsonText, said: dict[str, Any], at: datetime) -> JsonText:
    provenance = {PROVENANCE: {**said, "backfilled_at": at}}
    return JsonText(msgspec.json.encode({**msgspec.json.decode(metadata), **provenance}).decode())


def _checked(checks: JsonText, event: CriterionUpdated, at: datetime) -> JsonText:
    known = msgspec.json.decode(checks)
    said = {
        name: value
        for name in ("verification_criterion", "status", "evidence_path")
        if (value := getattr(event, name)) is not UNSET
    }
    if said.get("status") == "verified":
        said["verified_at"] = at
    known[event.ac_id] = {**known.get(event.ac_id, {}), **said}
    return JsonText(msgspec.json.encode(known).decode())
