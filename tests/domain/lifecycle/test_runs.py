"""Verification runs: evidence about reported work, by others than its implementer, and the gate that waits for one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from domain.errors import CustodyViolation, Invalid
from domain.event import JsonText
from domain.lifecycle import judges as confirming
from domain.lifecycle.events import VerificationRunReported
from domain.lifecycle.judges import Judgement
from domain.lifecycle.runs import LastRun, Run, evolve_last_run
from domain.story import StoryText
from domain.tenant_settings import TenantSettings
from tests.domain.lifecycle.making import (
    LATER,
    LEA,
    LEAS_KEY,
    NOON,
    POLICY,
    ann_as_lead,
    ben,
    lea,
    refused,
    reported,
    reviewed,
    worked,
)

COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
PASSED = Run(run_id=UUID(int=61), status="pass", commit_sha=COMMIT, at=LATER)
GATED = TenantSettings(verification_gate=True)
GOOD = Judgement(verification_id=UUID(int=51), review_type="team", summary="ok")
TEXT = StoryText(
    story_id=reported().story_id, description=None, metadata=JsonText("{}"), criteria_checks=JsonText("{}"),
    acceptance_criteria=JsonText('[{"id": "AC-1"}, {"description": "no id"}]'),
)  # fmt: skip


def run_of(run: Run, who: Any = lea, story: Any = None) -> VerificationRunReported:
    (event,) = confirming.report_run(story or reported(), TEXT, who, POLICY, run)
    assert isinstance(event, VerificationRunReported)
    return event


def test_a_run_says_who_found_what_of_which_commit_and_report() -> None:
    event = run_of(structs.replace(PASSED, commit_sha=f" {COMMIT.upper()} ", ac_results={"AC-1": "pass"}))
    assert (event.reporter_agent_id, event.reporter_key_id, event.report_position) == (LEA, LEAS_KEY, 8)
    assert (event.commit_sha, event.runner_type, event.completed_at) == (COMMIT, "manual", LATER)
    assert event.ac_results == '{"AC-1":"pass"}'


def test_it_is_no_evidence_when_the_implementer_says_so() -> None:
    error = refused(lambda: run_of(PASSED, ann_as_lead), "self_verify_blocked", CustodyViolation)
    assert error.facts["attempted_action"] == "verify"


def test_it_takes_an_orchestrator_and_work_that_was_reported() -> None:
    assert refused(lambda: run_of(PASSED, ben), "orchestrator_agent_required", Invalid)
    assert refused(lambda: run_of(PASSED, story=worked()), "story_not_reported_done", Invalid)


WRONG: dict[str, dict[str, Any]] = {
    "status": {"status": "passed"},
    "commit_sha": {"commit_sha": "main"},
    "runner_type": {"runner_type": "mine"},
    "commit_content_hash": {"commit_content_hash": ""},
    "logs_url": {"logs_url": "ftp://x"},
    "completed_at": {"completed_at": LATER + timedelta(minutes=2)},
    "ac_results.AC-9": {"ac_results": {"AC-9": "pass"}},
    "ac_results.AC-1": {"ac_results": {"AC-1": {"status": "good"}}},
    "ac_results": {"ac_results": {"AC-1": {"status": "pass", "detail": "x" * 40_000}}},
}


@pytest.mark.parametrize("field", WRONG)
def test_what_is_wrong_with_it_is_said(field: str) -> None:
    error = refused(lambda: run_of(structs.replace(PASSED, **WRONG[field])), "validation_failed", Invalid)
    assert list(error.facts["details"]) == [field]


def test_it_has_not_passed_when_a_criterion_has_not() -> None:
    failed = structs.replace(PASSED, ac_results={"AC-1": "pass", "AC-2": {"status": "fail"}})
    assert "AC-2" in refused(lambda: run_of(failed), "validation_failed", Invalid).facts["details"]["status"][0]
    assert run_of(structs.replace(failed, status="fail")).status == "fail"


def test_without_the_gate_a_run_decides_nothing() -> None:
    assert confirming.verify(reviewed(), lea, POLICY, GOOD)
    assert confirming.verify(reviewed(), lea, POLICY, structs.replace(GOOD, last_run=LastRun(8, "fail")))


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (None, "there is none of this report"),
        (LastRun(7, "pass"), "there is none of this report"),
        (LastRun(8, "fail"), "the newest one says fail"),
        (LastRun(8, "error"), "the newest one says error"),
    ],
)
def test_the_gate_waits_for_a_passing_run_of_the_report_that_stands(run: LastRun | None, why: str) -> None:
    error = refused(
        lambda: confirming.verify(reviewed(), lea, GATED, structs.replace(GOOD, last_run=run)),
        "verification_run_required",
        Invalid,
    )
    assert why in str(error)


def test_with_one_the_story_is_verified() -> None:
    assert confirming.verify(reviewed(), lea, GATED, structs.replace(GOOD, last_run=LastRun(8, "pass")))


def after(statuses: list[str]) -> LastRun | None:
    last: LastRun | None = None
    for status in statuses:
        last = evolve_last_run(last, run_of(structs.replace(PASSED, status=status)))
    return last


def check_any_history(statuses: list[str]) -> None:
    passes = statuses[-1:] == ["pass"]
    try:
        confirming.verify(reviewed(), lea, GATED, structs.replace(GOOD, last_run=after(statuses)))
    except Invalid:
        assert not passes
    else:
        assert passes


@given(st.lists(st.sampled_from(["pass", "fail", "error"]), max_size=6))
def test_the_newest_run_counts(statuses: list[str]) -> None:
    check_any_history(statuses)


def test_a_gate_that_is_open_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "check_passed", lambda *_: None)
    with pytest.raises(AssertionError):
        check_any_history(["pass", "fail"])


def test_time_runs_forward_in_a_run() -> None:
    backward = structs.replace(PASSED, started_at=LATER, completed_at=NOON)
    assert "completed_at" in refused(lambda: run_of(backward), "validation_failed", Invalid).facts["details"]
