"""The others' side, one transition after the other: what is recorded, and how it is refused."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from domain.errors import Conflict, CustodyViolation, Invalid
from domain.event import JsonText
from domain.lifecycle import judges as confirming
from domain.lifecycle.events import (
    ReviewCompleted,
    StoryAutoReset,
    StoryRejected,
    StoryReported,
    StoryVerified,
)
from domain.lifecycle.evolve import evolve_story
from domain.lifecycle.judges import CLOCK_SKEW, Judgement, Review
from domain.lifecycle.next_actions import next_actions
from domain.story import Story
from domain.tenant_settings import TenantSettings
from tests.domain.lifecycle.making import (
    ANN,
    ANNS_KEY,
    BEN,
    BENS_KEY,
    EPIC,
    LATER,
    LEA,
    LEAS_KEY,
    NOON,
    OTHER_KEY,
    POLICY,
    PROJECT,
    ann,
    ann_as_lead,
    ben,
    human,
    lea,
    nameless,
    recorded,
    refused,
    reported,
    reviewed,
    right,
    story,
    who,
    worked,
)

RESULT, REVIEW = UUID(int=51), UUID(int=52)
FINDINGS = JsonText('{"a":1}')
GOOD = Judgement(verification_id=RESULT, review_type="team", summary=" ok ", findings=FINDINGS)
TEAM_REVIEW = Review(review_id=REVIEW, review_type=" team ", findings_count=3, fixes_count=2, disproved_count=1)
DISTINCT = TenantSettings(require_distinct_verifier=True)
KEPT = TenantSettings(auto_reset_on_rejection=False)


def place(status: Any) -> Any:
    return {"project_id": PROJECT, "epic_id": EPIC, "agent_status_was": status}


def judged(was: Any, iteration: int = 1, status: str = "reported_done") -> Any:
    return {
        **place(status), "verified_status_was": was, "orchestrator_agent_id": LEA, "verification_id": RESULT,
        "review_type": "team", "findings": FINDINGS, "iteration": iteration,
    }  # fmt: skip


def test_a_report_says_who_and_of_whose_work() -> None:
    assert confirming.report(worked(), ben, POLICY) == (
        StoryReported(**place("implementing"), agent_id=BEN, assigned_agent_id=ANN),
    )


def test_a_report_that_was_made_already_is_told_so() -> None:
    error = refused(lambda: confirming.report(reported(), ben, POLICY), "invalid_transition", Conflict)
    assert error.facts["hints"][0] == "Already reported."
    error = refused(lambda: confirming.report(story(), ben, POLICY), "invalid_transition", Conflict)
    assert error.facts["hints"][0] != "Already reported."
    assert error.facts["attempted_action"] == "report"


def test_the_settings_of_the_tenant_say_whose_lineage_counts() -> None:
    relative = who(BEN, BENS_KEY, "orchestrator", *worked().implementer_lineage, BENS_KEY)
    assert refused(lambda: confirming.report(worked(), relative, POLICY), "self_report_blocked", CustodyViolation)
    agents = TenantSettings(lineage_policy="agent")
    assert confirming.report(worked(), relative, agents, right("report", relative))
    assert refused(
        lambda: confirming.complete_review(reported(), relative, POLICY, TEAM_REVIEW, NOON),
        "self_review_blocked", CustodyViolation,
    )  # fmt: skip
    mine = structs.replace(TEAM_REVIEW, right=right("review-complete", relative))
    assert confirming.complete_review(reported(), relative, agents, mine, NOON)
    assert refused(
        lambda: confirming.verify(reviewed(), relative, POLICY, GOOD), "self_verify_blocked", CustodyViolation
    )
    assert confirming.verify(reviewed(), relative, agents, GOOD, right("verify", relative))


def test_a_review_is_of_the_report_that_stands() -> None:
    noted = structs.replace(TEAM_REVIEW, summary="s", completed_at=NOON)
    assert confirming.complete_review(reported(), ben, POLICY, noted, LATER) == (
        ReviewCompleted(
            **place("reported_done"), review_id=REVIEW, reviewer_agent_id=BEN, reviewer_key_id=BENS_KEY,
            review_type="team", findings_count=3, fixes_count=2, disproved_count=1, summary="s", completed_at=NOON,
            report_position=8,
        ),
    )  # fmt: skip


def test_a_human_reviews_without_an_agent_and_other_keys_do_not() -> None:
    (event,) = confirming.complete_review(reported(), human, POLICY, TEAM_REVIEW, LATER)
    assert isinstance(event, ReviewCompleted)
    assert (event.reviewer_agent_id, event.reviewer_key_id, event.completed_at) == (None, OTHER_KEY, LATER)
    for role in ("agent", "orchestrator"):
        caller = structs.replace(nameless, role=who(role=role).role)
        assert refused(
            partial(confirming.complete_review, reported(), caller, POLICY, TEAM_REVIEW, NOON),
            "agent_identity_required", Invalid,
        )  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"agent_status": "implementing"}, {"report_position": None}, {"agent_status": "pending"}]
)
def test_what_was_not_reported_is_not_reviewed(changes: Any) -> None:
    unreported = reported(**changes)
    for caller in (ben, human):
        assert refused(
            partial(confirming.complete_review, unreported, caller, POLICY, TEAM_REVIEW, NOON),
            "story_not_reported_done", Invalid,
        )  # fmt: skip


def problems(changes: Any, now: datetime = LATER) -> Any:
    review = structs.replace(TEAM_REVIEW, **changes)
    error = refused(
        lambda: confirming.complete_review(reported(), ben, POLICY, review, now), "validation_failed", Invalid
    )
    return error.facts["details"]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"findings_count": -1}, {"findings_count": ["must be greater than or equal to 0"]}),
        ({"fixes_count": -1}, {"fixes_count": ["must be greater than or equal to 0"]}),
        ({"disproved_count": -1}, {"disproved_count": ["must be greater than or equal to 0"]}),
    ],
)
def test_what_is_wrong_with_a_review_is_named(changes: Any, wrong: Any) -> None:
    assert problems(changes) == wrong


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((4, 2, 1), "1 finding(s) unaccounted for"),
        ((3, 3, 1), "1 finding(s) too many"),
        ((0, 5, 0), "5 finding(s) too many"),
        ((9, 2, 1), "6 finding(s) unaccounted for"),
    ],
)
def test_every_finding_is_fixed_or_disproved(counts: tuple[int, int, int], said: str) -> None:
    names = ("findings_count", "fixes_count", "disproved_count")
    (text,) = problems(dict(zip(names, counts, strict=True)))["fixes_count"]
    assert text == f"fixes_count + disproved_count must equal findings_count: {said}"


@pytest.mark.parametrize("said", [None, "", "  "])
def test_a_review_of_which_nobody_said_the_type_is_unspecified(said: Any) -> None:
    """Went red while review_type had to be said."""
    review = structs.replace(TEAM_REVIEW, review_type=said)
    (event,) = confirming.complete_review(reported(), ben, POLICY, review, LATER)
    assert isinstance(event, ReviewCompleted)
    assert event.review_type == "unspecified"


def test_a_review_without_findings_is_one() -> None:
    assert confirming.complete_review(
        reported(), ben, POLICY, Review(review_id=REVIEW, review_type="team"), NOON
    )  # fmt: skip


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize("at", [NOON - MOMENT, LATER + CLOCK_SKEW + MOMENT])
def test_a_review_lies_between_the_report_and_now(at: datetime) -> None:
    assert set(problems({"completed_at": at})) == {"completed_at"}


@pytest.mark.parametrize("at", [NOON, LATER, LATER + timedelta(seconds=60)])
def test_the_bounds_of_its_time_are_good(at: datetime) -> None:
    review = structs.replace(TEAM_REVIEW, completed_at=at)
    (event,) = confirming.complete_review(reported(), ben, POLICY, review, LATER)
    assert isinstance(event, ReviewCompleted)
    assert event.completed_at == at


def test_a_report_whose_time_is_not_known_bounds_nothing() -> None:
    early = structs.replace(TEAM_REVIEW, completed_at=NOON - timedelta(days=1))
    assert confirming.complete_review(reported(reported_done_at=None), ben, POLICY, early, NOON)


@pytest.mark.parametrize("result", ["pass", "partial"])
def test_a_confirmation_says_everything(result: Any) -> None:
    judgement = structs.replace(GOOD, result=result)
    assert confirming.verify(reviewed(iteration_count=2), lea, POLICY, judgement) == (
        StoryVerified(**judged("unverified", 3), result=result, summary="ok"),
    )


def test_a_story_that_was_rejected_and_kept_can_be_confirmed() -> None:
    (event,) = confirming.verify(reviewed(verified_status="rejected"), lea, POLICY, GOOD)
    assert event == StoryVerified(**judged("rejected"), result="pass", summary="ok")


@pytest.mark.parametrize("changes", [{}, {"review_position": None}, {"review_position": 8}, {"review_position": 7}])
def test_without_a_review_of_this_very_report_nothing_is_confirmed(changes: Any) -> None:
    unreviewed = reviewed(**changes) if changes else reported()
    assert refused(lambda: confirming.verify(unreviewed, lea, POLICY, GOOD), "review_not_conducted", Invalid)
    assert not confirming.is_reviewed(unreviewed)


def test_a_review_is_one_of_a_report() -> None:
    assert confirming.is_reviewed(reviewed())
    assert not confirming.is_reviewed(reviewed(report_position=None))


def test_what_is_confirmed_is_not_confirmed_again() -> None:
    error = refused(
        lambda: confirming.verify(reviewed(verified_status="verified"), lea, POLICY, GOOD), "invalid_transition"
    )
    assert "Already verified" in error.facts["hints"][0]
    error = refused(lambda: confirming.verify(worked(), lea, POLICY, GOOD), "invalid_transition", Conflict)
    assert "Already verified" not in error.facts["hints"][0]


@pytest.mark.parametrize("agent_status", ["pending", "implementing"])
def test_the_gate_comes_before_the_state_and_the_state_before_the_body(agent_status: Any) -> None:
    blank = Judgement(verification_id=RESULT, review_type=None, summary=None)
    undone = worked(agent_status=agent_status)
    error = refused(
        lambda: confirming.verify(undone, ann_as_lead, POLICY, blank), "self_verify_blocked", CustodyViolation
    )
    assert error.facts["attempted_action"] == "verify"
    assert refused(lambda: confirming.verify(undone, lea, POLICY, blank), "invalid_transition", Conflict)


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"review_type": None}, {"review_type": ["can't be blank"]}),
        ({"review_type": " "}, {"review_type": ["can't be blank"]}),
        ({"summary": None}, {"summary": ["can't be blank"]}),
        ({"summary": " ", "review_type": ""}, {"review_type": ["can't be blank"], "summary": ["can't be blank"]}),
    ],
)
def test_a_confirmation_must_say_what_was_looked_at(changes: Any, details: Any) -> None:
    judgement = structs.replace(GOOD, **changes)
    error = refused(lambda: confirming.verify(reviewed(), lea, POLICY, judgement), "review_required", Invalid)
    assert error.facts["details"] == details


@pytest.mark.parametrize("result", ["fail", "PASS", ""])
def test_only_what_passes_confirms(result: str) -> None:
    judgement = structs.replace(GOOD, result=result)
    error = refused(lambda: confirming.verify(reviewed(), lea, POLICY, judgement), "validation_failed", Invalid)
    (text,) = error.facts["details"]["result"]
    assert ("reject" in text) is (result == "fail")


@pytest.mark.parametrize(("reviewer", "key"), [(LEA, OTHER_KEY), (BEN, LEAS_KEY), (None, LEAS_KEY), (LEA, LEAS_KEY)])
def test_where_a_tenant_wants_two_the_reviewer_does_not_verify(reviewer: Any, key: Any) -> None:
    own = reviewed(reviewers=tuple(each for each in (reviewer, key) if each))
    error = refused(lambda: confirming.verify(own, lea, DISTINCT, GOOD), "distinct_verifier_required", Conflict)
    assert (error.facts["current_state"], error.facts["attempted_action"]) == ("reported_done", "verify")
    assert error.facts["hints"]
    assert confirming.verify(own, lea, POLICY, GOOD)
    assert confirming.reject(own, lea, DISTINCT, structs.replace(GOOD, summary="no"))


def test_where_a_tenant_wants_two_another_verifies() -> None:
    assert confirming.verify(reviewed(), lea, DISTINCT, GOOD)
    assert refused(lambda: confirming.verify(reported(), lea, DISTINCT, GOOD), "review_not_conducted", Invalid)
    never = reported(reviewers=(LEA, LEAS_KEY))
    assert refused(lambda: confirming.verify(never, lea, DISTINCT, GOOD), "review_not_conducted", Invalid)


def after(of: Story, *events: Any) -> Story:
    for event in events:
        changed = evolve_story(of, recorded(event))
        assert changed is not None
        of = changed
    return of


def test_a_rejection_voids_report_and_review_and_only_the_reset_ends_whose_work_it_is() -> None:
    done = reviewed(worked_agents=(ANN,), worked_lineages=(ANNS_KEY,))
    kept = after(done, *confirming.reject(done, lea, KEPT, NO))
    assert (kept.report_position, kept.reported_by_agent_id, kept.reviewers) == (None, None, ())
    assert not confirming.is_reviewed(kept)
    assert (kept.worked_agents, kept.worked_lineages) == ((ANN,), (ANNS_KEY,))
    assert kept.awaits_report
    assert [each.action for each in next_actions(kept, ben, KEPT, NOON)] == ["report"]
    assert next_actions(kept, ann, KEPT, NOON) == next_actions(kept, human, KEPT, NOON) == ()
    again = after(kept, *confirming.report(kept, ben, KEPT))
    assert (again.report_position, again.awaits_report) == (10, False)
    reset = after(done, *confirming.reject(done, lea, POLICY, NO))
    assert (reset.worked_agents, reset.worked_lineages, reset.agent_status) == ((), (), "pending")


NO = structs.replace(GOOD, summary=" no ")


def test_a_rejection_puts_the_story_back_into_the_queue() -> None:
    for status in ("unverified", "verified"):
        assert confirming.reject(reviewed(verified_status=status), lea, POLICY, NO) == (
            StoryRejected(**judged(status), reason="no"),
            StoryAutoReset(**place("reported_done"), assigned_agent_id_was=ANN, orchestrator_agent_id=LEA),
        )


def test_a_tenant_can_do_without_the_reset() -> None:
    assert confirming.reject(reported(), lea, KEPT, NO) == (StoryRejected(**judged("unverified"), reason="no"),)


def test_what_is_in_the_queue_already_is_not_put_back() -> None:
    taken_back = story(verified_status="verified", touched=True)
    assert confirming.reject(taken_back, lea, POLICY, NO) == (
        StoryRejected(**judged("verified", status="pending"), reason="no"),
    )


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_rejection_has_a_reason(reason: Any) -> None:
    blank = structs.replace(GOOD, summary=reason)
    error = refused(lambda: confirming.reject(reported(), lea, POLICY, blank), "reason_required", Invalid)
    assert error.facts["details"] == {"reason": ["can't be blank"]}


def test_nobody_rejects_their_own_work_and_nothing_that_was_not_reported() -> None:
    error = refused(
        lambda: confirming.reject(worked(), ann_as_lead, POLICY, NO), "self_verify_blocked", CustodyViolation
    )
    assert error.facts["attempted_action"] == "reject"
    for undone in (worked(), worked(verified_status="rejected")):
        assert refused(partial(confirming.reject, undone, lea, POLICY, NO), "invalid_transition", Conflict)
