"""Evidence of tests: what it says of criteria, what is flagged, and what opens the gate."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import structs

from domain.errors import Conflict, Invalid
from domain.event import JsonText, Recorded, Stream
from domain.lifecycle import judges as confirming
from domain.lifecycle.events import EvidenceReported
from domain.lifecycle.evidence import (
    Case,
    CiIdentity,
    KeptEvidence,
    Posted,
    Results,
    Said,
    Standing,
    check_token_unused,
    evolve_standing_evidence,
    found_of_criteria,
    kept,
    report_evidence,
)
from domain.lifecycle.judges import Judgement
from domain.story import CriterionUpdated, Story, StoryText
from domain.tenant_settings import TenantSettings, VerificationGate
from tests.domain.lifecycle.making import NOON, POLICY, ann, ben, lea, story

COMMIT = "9" * 40
PASSED = Case("test_grace", "passed", "tests.test_keys")
CI = CiIdentity(
    issuer="https://ci.test", repository="acme/keys", repository_id="1", ref="refs/heads/main", workflow="ci.yml",
    run_id="1", jti="j",
)  # fmt: skip


def bound(*bindings: Any) -> StoryText:
    items = [{"id": f"AC-{n}", "verification_criterion": each} for n, each in enumerate(bindings, 1)]
    return StoryText(
        story_id=UUID(int=3), description=None, acceptance_criteria=JsonText(msgspec.json.encode(items).decode()),
        metadata=JsonText("{}"), criteria_checks=JsonText("{}"),
    )  # fmt: skip


def bound_to(name: str = "test_grace") -> dict[str, str]:
    return {"type": "test", "path": "tests/test_keys.py", "test_name": name}


def said(*cases: Case, ci: bool = False, **more: Any) -> Said:
    results = Results(form="junit", sha256="0" * 64, size=9, cases=cases, **more)
    return Said(
        evidence_id=UUID(int=62), results=results, commit_sha=COMMIT, run_url=None, ci=CI if ci else None
    )  # fmt: skip


def in_work(**more: Any) -> Story:
    return story(agent_status="reported_done", claim_position=7, report_position=8, review_position=9, **more)


def report(what: Said, text: StoryText | None = None, before: int | None = None) -> EvidenceReported:
    (event,) = report_evidence(in_work(), text or bound(), Posted(what, Standing(), before))
    return event


@pytest.mark.parametrize(
    ("case", "found"),
    [
        (PASSED, "pass"),
        (Case("test_grace[slow]", "passed", "tests.test_keys"), "pass"),
        (Case("test_grace", "failed", "tests.test_keys"), "fail"),
        (Case("test_grace", "error", "tests.test_keys"), "fail"),
        (Case("test_grace", "skipped", "tests.test_keys"), "skipped"),
        (Case("test_grace", "passed", "tests.test_keys.TestOld"), "pass"),
        (Case("test_grace", "passed", "suite", "backend/tests/test_keys.py"), "pass"),
        (Case("tests/test_keys.py::test_grace", "passed"), "pass"),
        (Case("test_grace", "passed", "tests.test_other"), "missing"),
        (Case("test_grace", "passed", "suite", "tests/not_test_keys.py"), "missing"),
        (Case("test_graceful", "passed", "tests.test_keys"), "missing"),
    ],
)
def test_a_criterion_that_is_bound_to_a_test_is_what_became_of_it(case: Case, found: str) -> None:
    assert found_of_criteria(bound(bound_to()), [case]) == {"AC-1": found}


def test_one_of_a_tests_variants_that_fails_fails_the_criterion() -> None:
    cases = [Case("test_grace[a]", "passed", "tests.test_keys"), Case("test_grace[b]", "failed", "tests.test_keys")]
    assert found_of_criteria(bound(bound_to()), cases) == {"AC-1": "fail"}


def test_criteria_that_are_bound_to_no_test_are_nobodys_evidence() -> None:
    assert found_of_criteria(bound({"type": "manual", "description": "look"}, None), [PASSED]) == {}


@pytest.mark.parametrize(
    ("what", "text", "status"),
    [
        (said(PASSED), bound(), "pass"),
        (said(PASSED), bound(bound_to()), "pass"),
        (said(PASSED), bound(bound_to(name="test_other")), "fail"),
        (said(PASSED, Case("b", "failed")), bound(), "fail"),
        (said(PASSED, Case("b", "error")), bound(), "fail"),
        (said(PASSED, Case("b", "skipped")), bound(), "pass"),
        (said(Case("b", "skipped")), bound(), "fail"),
        (said(), bound(), "fail"),
        (said(PASSED, failed_whole=True), bound(), "fail"),
    ],
)
def test_evidence_passes_when_something_ran_nothing_failed_and_every_bound_test_passed(
    what: Said, text: StoryText, status: str
) -> None:
    assert report(what, text).status == status


def test_fewer_tests_than_before_are_flagged() -> None:
    assert report(said(PASSED), before=2).flags == ("fewer_tests",)
    assert report(said(PASSED), before=1).flags == ()
    assert report(said(Case("a", "skipped")), before=1).flags == ("nothing_ran", "fewer_tests")
    assert report(said(PASSED, counts_differ=True)).flags == ("counts_differ",)


def test_the_log_keeps_the_names_of_the_first_failed_tests_and_no_more() -> None:
    event = report(said(*(Case("n" * 999, "failed") for _ in range(1000))))
    assert (len(event.failed_tests), len(event.failed_tests[0])) == (20, 200)
    assert event.failed == 1000


@pytest.mark.parametrize("commit", ["", "9fceb02", "g" * 40, "9" * 41])
def test_evidence_is_of_a_whole_commit(commit: str) -> None:
    with pytest.raises(Invalid) as refused:
        report(structs.replace(said(PASSED), commit_sha=commit))
    assert "commit" in refused.value.facts["details"]


def test_a_statement_about_another_commit_is_no_evidence_of_this_one() -> None:
    with pytest.raises(Invalid) as refused:
        report(said(PASSED, commit_shas=("8" * 40,)))
    assert refused.value.code == "evidence_of_other_commit"


def test_of_work_that_nobody_has_claimed_there_is_none() -> None:
    with pytest.raises(Invalid) as refused:
        report_evidence(story(agent_status="contracted"), bound(), Posted(said(PASSED), Standing(), None))
    assert refused.value.code == "story_not_worked_on"


def test_the_same_once_more_changes_nothing_and_other_checks_make_it_another() -> None:
    standing = Standing(kept(report(said(PASSED))))
    assert report_evidence(in_work(), bound(), Posted(said(PASSED), standing, None)) == ()
    assert report_evidence(in_work(), bound(), Posted(said(PASSED, ci=True), standing, None)) != ()
    assert report_evidence(in_work(), bound(), Posted(said(PASSED), after_other_checks(standing), None)) != ()


def after_other_checks(standing: Standing) -> Standing:
    other = CriterionUpdated(
        project_id=UUID(int=1), ac_id="AC-1", verification_criterion=JsonText('{"type":"manual"}')
    )  # fmt: skip
    return evolve_standing_evidence(standing, Recorded(11, Stream("story", UUID(int=3)), 1, NOON, ("t",), other))


def test_a_token_says_one_thing_of_a_story() -> None:
    before = kept(report(said(PASSED, ci=True)))
    check_token_unused(in_work(), before, said(PASSED, ci=True))
    other = structs.replace(said(PASSED, ci=True), results=structs.replace(said(PASSED).results, sha256="1" * 64))
    with pytest.raises(Conflict) as refused:
        check_token_unused(in_work(), before, other)
    assert refused.value.code == "ci_token_used"


def gated(standing: Standing, gate: VerificationGate = "evidence", commit: str | None = None, **more: Any) -> Any:
    judgement = Judgement(
        verification_id=UUID(int=51), review_type="team", summary="ok", evidence=standing, commit_sha=commit
    )  # fmt: skip
    return confirming.verify(in_work(**more), lea, TenantSettings(verification_gate=gate), judgement)


BY_KEY = kept(report(said(PASSED)))
BY_CI = kept(report(said(PASSED, ci=True)))
FAILED = kept(report(said(PASSED, Case("b", "failed"), ci=True)))


@pytest.mark.parametrize(
    ("standing", "gate", "commit"),
    [
        (Standing(BY_KEY), "evidence", None),
        (Standing(BY_CI, BY_CI), "evidence", None),
        (Standing(BY_CI, BY_CI), "ci", COMMIT),
        (Standing(BY_KEY, BY_CI), "ci", COMMIT[:7]),
    ],
)
def test_passing_evidence_of_this_work_opens_the_gate(standing: Standing, gate: Any, commit: str | None) -> None:
    assert gated(standing, gate, commit)


@pytest.mark.parametrize(
    ("standing", "gate", "commit", "why"),
    [
        (Standing(), "evidence", None, "there is none"),
        (Standing(BY_KEY), "ci", None, "there is none"),
        (Standing(FAILED, FAILED), "evidence", None, "the newest says fail"),
        (Standing(BY_KEY, FAILED), "ci", None, "the newest says fail"),
        (Standing(BY_KEY), "evidence", "8" * 40, f"the newest is of commit {COMMIT}"),
        (Standing(structs.replace(BY_KEY, claim_position=3)), "evidence", None, "of an earlier round"),
        (Standing(structs.replace(BY_KEY, iteration=1)), "evidence", None, "of an earlier round"),
        (after_other_checks(Standing(BY_KEY)), "evidence", None, "the checks of the criteria were changed"),
    ],
)
def test_without_it_nobody_verifies(standing: Standing, gate: Any, commit: str | None, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        gated(standing, gate, commit)
    assert refused.value.code == "evidence_required"


def test_whoever_did_the_work_posts_none_and_others_do() -> None:
    mine = in_work(assigned_agent_id=ann.agent_id)
    posted = Posted(said(PASSED), Standing(), None)
    with pytest.raises(Conflict) as refused:
        confirming.post_evidence(mine, bound(), ann, POLICY, posted)
    assert refused.value.code == "self_verify_blocked"
    assert confirming.post_evidence(mine, bound(), ben, POLICY, posted)


def test_what_is_kept_is_what_the_event_says() -> None:
    assert isinstance(BY_CI, KeptEvidence)
    assert (BY_CI.source, BY_CI.executed, BY_CI.claim_position, BY_CI.iteration) == ("ci", 1, 7, 0)
