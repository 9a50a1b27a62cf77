"""Work from before loopctl: only of a story that nobody here has ever touched."""

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from domain.errors import CustodyViolation, Invalid
from domain.event import JsonText
from domain.lifecycle import judges as confirming
from domain.lifecycle.events import (
    StoryBackfilled,
    StoryMarkedComplete,
)
from domain.lifecycle.judges import Judgement, Provenance, Review
from domain.tenant_settings import TenantSettings
from tests.domain.lifecycle.making import (
    ANN,
    EPIC,
    LEA,
    LEAS_KEY,
    POLICY,
    PROJECT,
    ann_as_lead,
    lea,
    refused,
    story,
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


BY_LEA: Any = {"author_agent_id": LEA, "author_key_id": LEAS_KEY, "author_lineage": (LEAS_KEY,)}
PROVENANCE = Provenance(reason=" done ", evidence_url=" https://x/y@z ", pr_number=7)


def test_a_backfill_says_where_the_work_comes_from() -> None:
    assert confirming.backfill(story(), lea, PROVENANCE, None, POLICY) == (
        StoryBackfilled(
            **place("pending"), verified_status_was="unverified", reason="done", evidence_url="https://x/y@z",
            pr_number=7, **BY_LEA,
        ),
    )  # fmt: skip
    (plain,) = confirming.backfill(
        story(), lea, Provenance(reason="done", evidence_url="  "), {"reason": "done"}, POLICY
    )
    assert isinstance(plain, StoryBackfilled)
    assert (plain.evidence_url, plain.pr_number) == (None, None)


def test_the_same_backfill_once_more_changes_nothing() -> None:
    done = story(agent_status="reported_done", verified_status="verified")
    said = {"reason": "done", "evidence_url": "https://x/y@z", "pr_number": 7}
    assert confirming.backfill(done, lea, PROVENANCE, said, POLICY) == ()
    assert confirming.backfill(done, lea, PROVENANCE, {**said, "backfilled_at": "then"}, POLICY) == ()
    for other in ({**said, "reason": "x"}, {**said, "evidence_url": None}, {**said, "pr_number": 8}, {}, None, "done"):
        assert refused(partial(confirming.backfill, done, lea, PROVENANCE, other, POLICY), "already_verified", Invalid)


@pytest.mark.parametrize("decide", ["backfill", "mark_complete"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"verified_status": "verified"}, "already_verified"),
        ({"verified_status": "rejected"}, "already_rejected"),
        ({"agent_status": "contracted"}, "not_pre_existing"),
        ({"agent_status": "reported_done"}, "not_pre_existing"),
        ({"touched": True}, "not_pre_existing"),
        ({"assigned_agent_id": ANN}, "not_pre_existing"),
        ({"implementer_dispatch_id": ANN}, "not_pre_existing"),
    ],
)
def test_only_what_nobody_here_has_ever_touched_comes_from_before(decide: str, changes: Any, code: str) -> None:
    touched = story(**changes)
    error = refused(
        lambda: confirming.backfill(touched, lea, PROVENANCE, None, POLICY)
        if decide == "backfill"
        else confirming.mark_complete(touched, lea, POLICY, GOOD),
        code, Invalid,
    )  # fmt: skip
    assert error.message.startswith(f"Cannot {decide.replace('_', '-')}: ")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"reason": None}, "reason", "can't be blank"),
        ({"reason": "  "}, "reason", "can't be blank"),
        ({"reason": "é" * 1000 + "x"}, "reason", "should be at most 2000 byte(s)"),
        ({"evidence_url": "https://" + "x" * 1993}, "evidence_url", "should be at most 2000 byte(s)"),
        ({"pr_number": 0}, "pr_number", "must be greater than 0"),
        ({"pr_number": -1}, "pr_number", "must be greater than 0"),
        ({"evidence_url": "ftp://x"}, "evidence_url", "must start with http:// or https://"),
        ({"evidence_url": "https://u:p@x/y"}, "evidence_url", "must not hold a user name"),
    ],
)
def test_what_is_wrong_with_a_backfill_is_named(changes: Any, field: str, said: str) -> None:
    given = structs.replace(PROVENANCE, **changes)
    error = refused(lambda: confirming.backfill(story(), lea, given, None, POLICY), "validation_failed", Invalid)
    assert error.facts["details"] == {field: [said]}


@pytest.mark.parametrize(
    "changes",
    [{"pr_number": 1}, {"reason": "é" * 1000}, {"evidence_url": "https://" + "x" * 1992}, {"evidence_url": "http://x"}],
)
def test_the_longest_reason_and_address_are_good(changes: Any) -> None:
    assert confirming.backfill(story(), lea, structs.replace(PROVENANCE, **changes), None, POLICY)


def test_work_from_before_is_marked_complete() -> None:
    assert confirming.mark_complete(story(), lea, POLICY, GOOD) == (
        StoryMarkedComplete(**judged("unverified", status="pending"), summary="ok", **BY_LEA),
    )
    for blank in (None, "  "):
        (event,) = confirming.mark_complete(story(), lea, POLICY, structs.replace(GOOD, summary=blank))
        assert isinstance(event, StoryMarkedComplete)
        assert event.summary == "Complete before loopctl"


def test_nobody_marks_their_own_work_complete() -> None:
    assert refused(
        lambda: confirming.mark_complete(worked(), ann_as_lead, POLICY, GOOD), "self_verify_blocked", CustodyViolation
    )


@pytest.mark.parametrize(
    ("changes", "frozen"),
    [
        ({}, False),
        ({"touched": True}, True),
        ({"contracted_hash": "c"}, True),
        ({"review_position": 9}, True),
    ],
)
def test_what_somebody_here_worked_or_reviewed_under_is_frozen_while_verified(changes: Any, frozen: bool) -> None:
    """Whatever state of the agent's side an old log has left it in."""
    for status in ("pending", "reported_done"):
        assert story(verified_status="verified", agent_status=status, **changes).criteria_frozen is frozen
        assert not story(verified_status="rejected", agent_status=status, **changes).criteria_frozen
