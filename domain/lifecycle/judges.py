"""The others' side: report, review, verify, reject, and work from before loopctl. Each function is one transition.

Whoever did the work is refused by all of them. They raise Rejected, and return what happens when it may. Every route
that can change ``verified_status`` goes through here, one story at a time.
"""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from domain.caller import Role
from domain.capability import NOTHING, Right, check_right
from domain.errors import Conflict, Invalid
from domain.event import Event, JsonText
from domain.fields import must_be_one_of
from domain.lifecycle import refusals
from domain.lifecycle.draw import check_drawn
from domain.lifecycle.events import (
    EvidenceReported,
    ReviewCompleted,
    StoryAutoReset,
    StoryBackfilled,
    StoryMarkedComplete,
    StoryRejected,
    StoryReported,
    StoryVerified,
    VerificationRunReported,
)
from domain.lifecycle.evidence import (
    Posted,
    Standing,
    check_evidence,
    no_evidence,
    report_evidence,
    wants_evidence,
)
from domain.lifecycle.identity import Identity, authorship, is_implementer, is_of_unknown_hand
from domain.lifecycle.runs import LastRun, Run, check_passed, reported_run
from domain.story import Story, StoryText
from domain.tenant_settings import TenantSettings

MOST_REASON_BYTES = 2000
CLOCK_SKEW = timedelta(seconds=60)
MOST_FINDINGS = 1_000_000
UNSPECIFIED = "unspecified"
"""The type of a review whose reviewer did not say one."""


class Review(Struct, frozen=True, kw_only=True):
    review_id: UUID
    review_type: str | None
    findings_count: int = 0
    fixes_count: int = 0
    disproved_count: int = 0
    summary: str | None = None
    completed_at: datetime | None = None
    right: Right = NOTHING


class Judgement(Struct, frozen=True, kw_only=True):
    """What a verifier says. ``summary`` is the reason of a rejection."""

    verification_id: UUID
    review_type: str | None
    summary: str | None
    result: str = "pass"
    findings: JsonText = JsonText("{}")
    last_run: LastRun | None = None
    """The story's newest, as it is known."""
    evidence: Standing = Standing()
    commit_sha: str | None = None
    """What is verified, where it is said; evidence of another commit is then none."""


class Provenance(Struct, frozen=True, kw_only=True):
    """Where work comes from that was done before loopctl."""

    reason: str | None
    evidence_url: str | None = None
    pr_number: int | None = None


def report(story: Story, who: Identity, policy: TenantSettings, right: Right = NOTHING) -> tuple[Event, ...]:
    """The state is tested before the gate. What was rejected and stays where it is has to be reported anew."""
    agent = refusals.need_agent(who)
    if not story.awaits_report:
        raise refusals.wrong_state(story, "report")
    check_other(story, who, policy, "report")
    check_right(right, "report", who, story.claim_position)
    return (StoryReported(**_place(story), agent_id=agent, assigned_agent_id=story.assigned_agent_id),)


def complete_review(
    story: Story, who: Identity, policy: TenantSettings, review: Review, now: datetime
) -> tuple[Event, ...]:
    """A ``user`` key is a human and needs no agent. The state is tested before the gate, and answers 422."""
    if who.role != Role.USER:
        refusals.need_agent(who)
    if story.agent_status != "reported_done" or story.report_position is None:
        raise Invalid(
            f"Story {story.number} is {story.agent_status}, not reported_done: it must be reported first.",
            code="story_not_reported_done",
        )
    check_other(story, who, policy, "review-complete")
    check_right(review.right, "review-complete", who, story.report_position)
    completed_at = _checked_review(story, review, now)
    return (
        ReviewCompleted(
            **_place(story), review_id=review.review_id, reviewer_agent_id=who.agent_id, reviewer_key_id=who.key_id,
            review_type=(review.review_type or "").strip() or UNSPECIFIED, findings_count=review.findings_count,
            fixes_count=review.fixes_count, disproved_count=review.disproved_count, summary=review.summary,
            completed_at=completed_at, report_position=story.report_position,
        ),
    )  # fmt: skip


def report_run(story: Story, text: StoryText, who: Identity, policy: TenantSettings, run: Run) -> tuple[Event, ...]:
    """Evidence about one's own work is none, so it is refused as a confirmation would be."""
    reporter = refusals.need_orchestrator(who)
    check_other(story, who, policy, "verify")
    said = reported_run(story, text, run)
    return (
        VerificationRunReported(
            **_place(story), **said, reporter_agent_id=reporter, reporter_key_id=who.key_id
        ),
    )  # fmt: skip


def post_evidence(
    story: Story, text: StoryText, who: Identity, policy: TenantSettings, posted: Posted
) -> tuple[EvidenceReported, ...]:
    """By a key, which is never that of whoever did the work."""
    if who.role != Role.USER:
        refusals.need_agent(who)
    check_other(story, who, policy, "verify")
    return report_evidence(story, text, posted)


def verify(
    story: Story, who: Identity, policy: TenantSettings, judgement: Judgement, right: Right = NOTHING
) -> tuple[Event, ...]:
    """The gate comes first, whatever the state."""
    orchestrator = refusals.need_orchestrator(who)
    _gate(story, who, policy, "verify")
    check_drawn(story, who, policy)
    check_right(right, "verify", who, story.report_position)
    if story.agent_status != "reported_done" or story.verified_status == "verified":
        raise refusals.wrong_state(story, "verify")
    if story.criteria_changed_after_contract:
        raise refusals.other_criteria(story)
    result = _checked_judgement(judgement)
    if not is_reviewed(story):
        raise Invalid(
            f"No review of this report of story {story.number} was completed: call review-complete first.",
            code="review_not_conducted",
        )
    if wants_evidence(policy):
        check_evidence(story, policy, judgement.evidence, judgement.commit_sha)
    elif policy.verification_gate:
        check_passed(story, judgement.last_run)
    return (
        StoryVerified(
            **_judged(story, orchestrator, judgement), result=result, summary=(judgement.summary or "").strip()
        ),
    )


def reject(story: Story, who: Identity, policy: TenantSettings, judgement: Judgement) -> tuple[Event, ...]:
    """With the reset that follows, unless the tenant does without."""
    orchestrator = refusals.need_orchestrator(who)
    reason = need_reason(judgement.summary)
    _gate(story, who, policy, "reject")
    if story.agent_status != "reported_done" and story.verified_status != "verified":
        raise refusals.wrong_state(story, "reject")
    rejected = StoryRejected(**_judged(story, orchestrator, judgement), reason=reason)
    if not policy.auto_reset_on_rejection or story.agent_status == "pending":
        return (rejected,)
    reset = StoryAutoReset(
        **_place(story), assigned_agent_id_was=story.assigned_agent_id, orchestrator_agent_id=orchestrator
    )
    return (rejected, reset)


def backfill(
    story: Story, who: Identity, provenance: Provenance, earlier: Any, policy: TenantSettings
) -> tuple[Event, ...]:
    """``earlier`` is what metadata.backfill holds: the same once more is answered and changes nothing."""
    refusals.need_answerable(who)
    checked = _checked_provenance(provenance)
    if story.verified_status == "verified":
        said = {"reason": checked.reason, "evidence_url": checked.evidence_url, "pr_number": checked.pr_number}
        if isinstance(earlier, dict) and all(earlier.get(name) == value for name, value in said.items()):
            return ()
    _check_untouched(story, policy, "backfill")
    return (
        StoryBackfilled(
            **_place(story), verified_status_was=story.verified_status, reason=checked.reason or "",
            evidence_url=checked.evidence_url, pr_number=checked.pr_number, **authorship(who),
        ),
    )  # fmt: skip


def mark_complete(story: Story, who: Identity, policy: TenantSettings, judgement: Judgement) -> tuple[Event, ...]:
    """For work from before loopctl, under the rules of backfill: nobody here has ever touched the story."""
    orchestrator = refusals.need_orchestrator(who)
    _gate(story, who, policy, "verify")
    _check_untouched(story, policy, "mark-complete")
    summary = (judgement.summary or "").strip() or "Complete before loopctl"
    return (StoryMarkedComplete(**_judged(story, orchestrator, judgement), summary=summary, **authorship(who)),)


def need_reason(given: str | None) -> str:
    """Raises Invalid (reason_required)."""
    reason = (given or "").strip()
    if not reason:
        raise Invalid(
            "A reason must be given: say in reason what has to be better",
            code="reason_required",
            reason="can't be blank",
        )
    return reason


def need_review(review_type: str | None, summary: str | None) -> None:
    """Raises Invalid (review_required)."""
    said = (("review_type", review_type), ("summary", summary))
    missing = {field: "can't be blank" for field, text in said if not (text or "").strip()}
    if missing:
        raise Invalid(
            "review_type and summary are required: say what kind of review it was, and what it found",
            code="review_required",
            **missing,
        )


def is_reviewed(story: Story) -> bool:
    """A review of the report that stands; one of an earlier report does not count."""
    return (
        story.review_position is not None
        and story.report_position is not None
        and story.review_position > story.report_position
    )


def check_other(story: Story, who: Identity, policy: TenantSettings, action: str) -> None:
    """Raises CustodyViolation, or Conflict where nobody knows whose work it is; then only a rejection leads on."""
    if is_implementer(story, who, policy.lineage_policy):
        raise refusals.own_work(story, action)
    if action != "reject" and is_of_unknown_hand(story):
        raise refusals.unknown_hand(story, action)


def _gate(story: Story, who: Identity, policy: TenantSettings, action: Literal["verify", "reject"]) -> None:
    check_other(story, who, policy, action)
    if not policy.require_distinct_verifier or action == "reject" or story.review_position is None:
        return
    if {who.key_id, who.agent_id} & set(story.reviewers):
        raise Conflict(
            f"Conflict: Cannot verify story {story.number}: you reviewed it, and this tenant wants somebody else to.",
            code="distinct_verifier_required",
            current_state=story.agent_status,
            attempted_action=action,
            hints=["Another orchestrator must verify it."],
        )


def _check_untouched(story: Story, policy: TenantSettings, action: str) -> None:
    """Raises Invalid: the guards of spec 01, section 3.5, and what the log itself remembers. Of work from before there
    is no evidence, so that where evidence is wanted nothing comes in as verified."""
    if story.verified_status == "verified":
        raise Invalid(f"Cannot {action}: story {story.number} is already verified.", code="already_verified")
    if story.verified_status == "rejected":
        raise Invalid(
            f"Cannot {action}: story {story.number} was rejected; it must be done anew, reported and reviewed.",
            code="already_rejected",
        )
    if story.agent_status != "pending" or story.touched or story.assigned_agent_id or story.implementer_dispatch_id:
        raise Invalid(
            f"Cannot {action}: story {story.number} has been worked on here and has dispatch lineage; "
            "it must be reported, reviewed and verified.",
            code="not_pre_existing",
        )
    if wants_evidence(policy):
        raise no_evidence(f"Cannot {action} story {story.number}", policy, "of work from before loopctl there is none")


def _checked_review(story: Story, review: Review, now: datetime) -> datetime:
    wrong: dict[str, str] = {}
    for field in ("findings_count", "fixes_count", "disproved_count"):
        if getattr(review, field) < 0:
            wrong[field] = "must be greater than or equal to 0"
        elif getattr(review, field) > MOST_FINDINGS:
            wrong[field] = f"must be less than or equal to {MOST_FINDINGS}"
    missing = review.findings_count - review.fixes_count - review.disproved_count
    if missing and not wrong:
        count = f"{abs(missing)} finding(s) {'unaccounted for' if missing > 0 else 'too many'}"
        wrong["fixes_count"] = f"fixes_count + disproved_count must equal findings_count: {count}"
    completed_at = review.completed_at or now
    if completed_at > now + CLOCK_SKEW or (story.reported_done_at and completed_at < story.reported_done_at):
        wrong["completed_at"] = "must lie between the report and now"
    if wrong:
        raise Invalid(**wrong)
    return completed_at


def _checked_judgement(judgement: Judgement) -> Literal["pass", "partial"]:
    need_review(judgement.review_type, judgement.summary)
    return checked_result(judgement.result)


def checked_result(said: str) -> Literal["pass", "partial"]:
    """Raises Invalid."""
    match said:
        case "pass" | "partial" as result:
            return result
        case "fail":
            raise Invalid(result="fail does not verify: call reject with a reason")
        case _:
            raise Invalid(result=must_be_one_of(("pass", "partial")))


def _checked_provenance(provenance: Provenance) -> Provenance:
    reason = (provenance.reason or "").strip()
    url = (provenance.evidence_url or "").strip() or None
    wrong: dict[str, str] = {}
    if not reason:
        wrong["reason"] = "can't be blank"
    elif len(reason.encode()) > MOST_REASON_BYTES:
        wrong["reason"] = f"should be at most {MOST_REASON_BYTES} byte(s)"
    if url and (problem := _url_problem(url)):
        wrong["evidence_url"] = problem
    if provenance.pr_number is not None and provenance.pr_number <= 0:
        wrong["pr_number"] = "must be greater than 0"
    if wrong:
        raise Invalid(**wrong)
    return Provenance(reason=reason, evidence_url=url, pr_number=provenance.pr_number)


def _url_problem(url: str) -> str | None:
    if len(url.encode()) > MOST_REASON_BYTES:
        return f"should be at most {MOST_REASON_BYTES} byte(s)"
    if not url.startswith(("http://", "https://")):
        return "must start with http:// or https://"
    authority = url.partition("://")[2].partition("/")[0]
    return "must not hold a user name" if "@" in authority else None


def _judged(story: Story, orchestrator: UUID, judgement: Judgement) -> dict[str, Any]:
    return {
        **_place(story),
        "verified_status_was": story.verified_status,
        "orchestrator_agent_id": orchestrator,
        "verification_id": judgement.verification_id,
        "review_type": judgement.review_type,
        "findings": judgement.findings,
        "iteration": story.iteration_count + 1,
    }


def _place(story: Story) -> dict[str, Any]:
    return {"project_id": story.project_id, "epic_id": story.epic_id, "agent_status_was": story.agent_status}
