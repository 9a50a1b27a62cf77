"""The others' routes: report, review-complete, verify, reject, backfill (spec 01, section 3.5)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.costs.recording import Recording, check_budgets, needs_of, place_of
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.lifecycle import examples
from api.lifecycle.schemas import (
    BackfillBody,
    RejectBody,
    ReportBody,
    ReviewBody,
    VerifyBody,
    json_text,
    refuse_capability,
    review_body,
)
from api.lifecycle.transitions import Bodies, Transition, TransitionFacts, evidence_wanted, make
from api.paths import StoryPath
from api.services import Provided, Services
from domain.event import Event, Recorded, Stream
from domain.lifecycle import judges as confirming
from domain.lifecycle.artifacts import Artifact, report_artifact
from domain.lifecycle.events import ReviewCompleted
from domain.lifecycle.evidence import named
from domain.lifecycle.identity import Identity
from domain.lifecycle.judges import Judgement, Provenance, Review
from domain.lifecycle.refusals import need_agent, need_answerable, need_orchestrator
from domain.story import PROVENANCE
from eventstore.log.command import Change, Known, Need, Refusal, existing
from projections.facts.budgets import BLOCKING_BUDGETS, TENANT
from projections.facts.last_run import LAST_RUN
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

TAGS = ["Lifecycle"]
RETRYABLE = ("agent_deactivated", "idempotency_key_reused")
CAPABILITY_ERRORS = ("missing_capability", "wrong_lineage", "consumed_nonce", "expired_capability", "cap_rejected")
REPORT_ERRORS = (
    "agent_identity_required", "invalid_transition", "self_report_blocked", "token_budget_exceeded",
    *CAPABILITY_ERRORS, *RETRYABLE,
)  # fmt: skip
REVIEW_ERRORS = (
    "agent_identity_required", "story_not_reported_done", "self_review_blocked", *CAPABILITY_ERRORS, *RETRYABLE,
)  # fmt: skip
VERIFY_ERRORS = (
    "orchestrator_agent_required", "invalid_transition", "self_verify_blocked", "distinct_verifier_required",
    "not_drawn_verifier", "verifier_needed", "criteria_changed", "review_required", "review_not_conducted",
    "verification_run_required", "evidence_required", *CAPABILITY_ERRORS, *RETRYABLE,
)  # fmt: skip
REJECT_ERRORS = (
    "orchestrator_agent_required", "reason_required", "invalid_transition", "self_verify_blocked", "cap_rejected",
    *RETRYABLE,
)  # fmt: skip
BACKFILL_ERRORS = (
    "orchestrator_agent_required", "already_verified", "already_rejected", "not_pre_existing", "evidence_required",
    *RETRYABLE,
)  # fmt: skip


def _reporting(name: str) -> dict[str, Any]:
    """``name`` in the path: the contract spells it in two ways."""
    return {
        "opt": {"access": "=agent,orchestrator", "custody": True, "errors": REPORT_ERRORS},
        "tags": TAGS,
        "summary": f"Report the work as done ({name})",
        "description": "By anybody but the implementer; anew after a rejection that leaves the work in place. With it, "
        "an artifact and what the work has cost.",
        "status_code": 200,
        "responses": answers(200, "The story", examples.STORY_ANSWER),
    }


@post("/api/v1/stories/{story_id:uuid}/report", **_reporting("report"), operation_id="report_story")
async def report_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[ReportBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, report_transition(services, asking, story_id, data))


@post("/api/v1/stories/{story_id:uuid}/report-done", **_reporting("report-done"), operation_id="report_done_story")
async def report_story_done(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[ReportBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, report_transition(services, asking, story_id, data))


def report_transition(services: Services, asking: Asking, story_id: UUID, data: ReportBody) -> Transition:
    artifact, recording = Stream("artifact_report", services.new_id()), _recording(services, asking, story_id, data)
    blocking = BLOCKING_BUDGETS.need(TENANT)

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        return confirming.report(facts.story, facts.who, facts.policy, facts.right)

    def following(known: Known) -> Sequence[Need[Any]]:
        story = known[STORIES.need(story_id)]
        if recording is not None:
            return recording.following(known)
        return needs_of(place_of(story, story.assigned_agent_id)) if story and known[blocking] else ()

    return Transition(
        action="report",
        decide=decide,
        body=Bodies(services, asking).story,
        needs=(blocking, *(recording.needs if recording else ())),
        following=following,
        beside=lambda facts: _reported(facts, data, artifact, recording),
        check=need_agent,
        said=data.said(),
    )


def _recording(services: Services, asking: Asking, story_id: UUID, data: ReportBody) -> Recording | None:
    if data.token_usage is None:
        return None
    stream = Stream("token_usage_report", services.new_id())
    return Recording(
        services=services, asking=asking, story_id=story_id, said=data.token_usage, stream=stream, place="token_usage."
    )


def _reported(
    facts: TransitionFacts, data: ReportBody, artifact: Stream, recording: Recording | None
) -> Sequence[Change] | Refusal:
    """What comes with a report. Raises Invalid, NotFound and Rejected, and then nothing is reported; where a budget
    blocks, what was used is recorded and nothing else."""
    changes: list[Change] = []
    if data.artifact is not None:
        said = Artifact(
            artifact_id=artifact.id, artifact_type=data.artifact.artifact_type, path=data.artifact.path,
            exists=data.artifact.exists is not False, details=json_text(data.artifact.details),
        )  # fmt: skip
        changes.append(Change(artifact, report_artifact(facts.story, facts.who, said, "artifact.")))
    if recording is not None:
        used = recording.reported(facts.known)
        return used if isinstance(used, Refusal) else [*changes, *used]
    if facts.known[BLOCKING_BUDGETS.need(TENANT)]:
        check_budgets(facts.known, place_of(facts.story, facts.story.assigned_agent_id))
    return changes


@post(
    "/api/v1/stories/{story_id:uuid}/review-complete",
    opt={"access": "=agent,orchestrator,user", "custody": True, "errors": REVIEW_ERRORS},
    tags=TAGS,
    summary="Record a completed review",
    description="By anybody but the implementer; fixes and disproved findings must add up to the findings.",
    status_code=201,
    responses=answers(201, "The review record", {"review_record": examples.REVIEW}),
)
async def complete_review(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[ReviewBody]
) -> Response[bytes]:
    review = Review(
        review_id=services.new_id(), review_type=data.review_type, findings_count=data.findings_count or 0,
        fixes_count=data.fixes_count or 0, disproved_count=data.disproved_count or 0, summary=data.summary,
        completed_at=data.completed_at,
    )  # fmt: skip

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        mine = structs.replace(review, right=facts.right)
        return confirming.complete_review(facts.story, facts.who, facts.policy, mine, services.utc_now())

    def body(_: TransitionFacts, recorded: Sequence[Recorded]) -> dict[str, Any]:
        made = next(each for each in recorded if isinstance(each.event, ReviewCompleted))
        row = {**msgspec.structs.asdict(made.event), "story_id": story_id, "created_at": made.at}
        return {"review_record": review_body(asking.caller.tenant_id, row)}

    transition = Transition(action="review-complete", decide=decide, body=body, status=201, said=data.said())
    answer = await make(services, asking, story_id, transition)
    if answer.status_code == transition.status:
        services.reviewed(asking.caller.tenant_id)
    return answer


def verify_transition(services: Services, asking: Asking, story_id: UUID, data: VerifyBody) -> Transition:
    bodies = Bodies(services, asking)
    judgement = Judgement(
        verification_id=services.new_id(), review_type=data.review_type, summary=data.summary,
        result=data.result or "pass", findings=json_text(data.findings), commit_sha=data.commit_sha,
    )  # fmt: skip

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        judged = structs.replace(judgement, last_run=facts.last_run, evidence=facts.evidence)
        return confirming.verify(facts.story, facts.who, facts.policy, judged, facts.right)

    def body(facts: TransitionFacts, recorded: Sequence[Recorded]) -> dict[str, Any]:
        story, shown = facts.story, bodies.story(facts, recorded)
        results = f"GET /api/v1/stories/{story.story_id}/verifications lists the results."
        said = {"description": f"The story is {story.verified_status}. {results}"}
        newest = facts.evidence.newest
        found = {"evidence": {"id": newest.evidence_id, **named(newest)}} if newest else {}
        return {"status": story.verified_status, "run_id": None, **found, **shown, "next_action": said}

    return Transition(
        action="verify", decide=decide, body=body, status=202, check=need_orchestrator, confirms=True,
        needs=[LAST_RUN.need(story_id)], following=evidence_wanted(asking, story_id), said=data.said(),
    )  # fmt: skip


@post(
    "/api/v1/stories/{story_id:uuid}/verify",
    opt={"access": "=orchestrator", "custody": True, "errors": VERIFY_ERRORS},
    tags=TAGS,
    summary="Confirm the work",
    description="By an orchestrator that is not the implementer, after a review of this very report. The story is "
    "verified when this answers; run_id is null because no run is made.",
    status_code=202,
    responses=answers(202, "The story, verified", examples.VERIFIED),
)
async def verify_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[VerifyBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, verify_transition(services, asking, story_id, data))


def reject_transition(services: Services, asking: Asking, data: RejectBody) -> Transition:
    judgement = Judgement(
        verification_id=services.new_id(), review_type=data.review_type, summary=data.reason,
        findings=json_text(data.findings),
    )  # fmt: skip

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        events = confirming.reject(facts.story, facts.who, facts.policy, judgement)
        refuse_capability(data)
        return events

    def check(who: Identity) -> None:
        need_orchestrator(who)
        confirming.need_reason(data.reason)

    return Transition(action="reject", decide=decide, body=Bodies(services, asking).story, check=check)


@post(
    "/api/v1/stories/{story_id:uuid}/reject",
    opt={"access": "=orchestrator", "custody": True, "errors": REJECT_ERRORS},
    tags=TAGS,
    summary="Reject the work",
    description="With a reason. Unless the tenant has switched that off, the story goes back to the queue.",
    status_code=200,
    responses=answers(200, "The story", examples.STORY_ANSWER),
)
async def reject_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[RejectBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, reject_transition(services, asking, data))


@post(
    "/api/v1/stories/{story_id:uuid}/backfill",
    opt={"access": "orchestrator+", "custody": True, "errors": BACKFILL_ERRORS},
    tags=TAGS,
    summary="Mark work that was finished before loopctl",
    description="Only a story that nobody has ever worked on here. The same again changes nothing.",
    status_code=200,
    responses=answers(200, "The story", examples.STORY_ANSWER),
)
async def backfill_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[BackfillBody]
) -> Response[bytes]:
    provenance = Provenance(reason=data.reason, evidence_url=data.evidence_url, pr_number=data.pull_request())
    text = STORY_TEXTS.need(story_id)

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        earlier = msgspec.json.decode(existing(facts.known, text).metadata).get(PROVENANCE)
        return confirming.backfill(facts.story, facts.who, provenance, earlier, facts.policy)

    bodies = Bodies(services, asking)
    transition = Transition(action="backfill", decide=decide, body=bodies.story, check=need_answerable, confirms=True)
    return await make(services, asking, story_id, transition)


ROUTES: Sequence[HTTPRouteHandler] = (
    report_story,
    report_story_done,
    complete_review,
    verify_story,
    reject_story,
    backfill_story,
)
