"""A story from contract to verified, over HTTP: who may do what, in which state, and what is answered."""

import asyncio
from typing import Any

import pytest

from tests.api.logs import Service
from tests.api.team import Work, key, older_key, work

ECHO = {"story_title": "Story 1.1", "ac_count": 2}
VERIFY = {"review_type": "team", "summary": "All criteria met"}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served)


def names(answer: Any) -> list[str]:
    return [each["action"] for each in answer.json()["next_actions"]]


async def test_the_whole_way_from_contract_to_verified(loop: Work) -> None:
    team, seen = loop.team, []
    for who, action, body in (
        (team.implementer, "contract", ECHO),
        (team.implementer, "claim", None),
        (team.implementer, "start", None),
        (team.implementer, "request-review", None),
        (team.reviewer, "report", {"artifact": {"artifact_type": "commit_diff", "path": "pull/7"}}),
        (
            team.reviewer,
            "review-complete",
            {"review_type": "team", "findings_count": 3, "fixes_count": 2, "disproved_count": 1},
        ),
        (team.orchestrator, "verify", VERIFY),
    ):
        answer = await loop.do(who, "1.1", action, body)
        seen.append((answer.status, *await loop.status("1.1")))
        assert "loopctl-position" in answer.headers
    assert seen == [
        (200, "contracted", "unverified"),
        (200, "assigned", "unverified"),
        (200, "implementing", "unverified"),
        (200, "implementing", "unverified"),
        (200, "reported_done", "unverified"),
        (201, "reported_done", "unverified"),
        (202, "reported_done", "verified"),
    ]
    shown = (await team.user.get(f"/stories/{loop.stories['1.1']}")).json()["story"]
    assert shown["latest_verification"]["result"] == "pass"
    assert [each["path"] for each in shown["artifacts"]] == ["pull/7"]
    assert shown["iteration_count"] == 1


async def test_each_step_says_what_the_very_caller_may_do_next(loop: Work) -> None:
    team = loop.team
    assert names(await loop.do(team.implementer, "1.1", "contract", ECHO)) == ["claim"]
    assert names(await loop.do(team.implementer, "1.1", "claim")) == ["start"]
    assert names(await loop.do(team.implementer, "1.1", "start")) == ["request_review"]
    assert names(await loop.do(team.reviewer, "1.1", "report")) == ["review_complete"]


async def test_a_step_that_is_done_is_neither_offered_again_nor_called_pending(loop: Work) -> None:
    """Went red while request-review offered request_review, and verify answered that verification was pending."""
    team = loop.team
    for step, body in (("contract", ECHO), ("claim", None), ("start", None)):
        await loop.do(team.implementer, "1.1", step, body)
    assert names(await loop.do(team.implementer, "1.1", "request-review")) == []
    await loop.reviews(team.reviewer, "1.1")
    said = (await loop.do(team.orchestrator, "1.1", "verify", VERIFY)).json()
    assert (said["status"], said["story"]["verified_status"]) == ("verified", "verified")
    assert said["next_action"]["description"].startswith("The story is verified.")


@pytest.mark.parametrize(
    ("action", "body", "code"),
    [
        ("report", None, "self_report_blocked"),
        ("review-complete", {"review_type": "team"}, "self_review_blocked"),
    ],
)
async def test_the_implementer_cannot_vouch_for_its_own_work(loop: Work, action: str, body: Any, code: str) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    if action == "review-complete":
        await loop.do(team.reviewer, "1.1", "report")
    before = await loop.status("1.1")
    answer = await loop.do(team.implementer, "1.1", action, body)
    assert (answer.status, answer.error["code"], await loop.status("1.1")) == (409, code, before)
    assert answer.error["hints"]
    assert {"current_state", "attempted_action", "context", "remediation"} <= answer.error.keys()
    assert (await team.user.recorded())[-1][0] == "story.custody_violated"


@pytest.mark.parametrize("action", ["verify", "reject"])
async def test_an_orchestrator_key_of_the_implementing_agent_cannot_judge(loop: Work, action: str) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    same = await key(team.user, "orchestrator", team.agents["implementer"])
    body = {**VERIFY, "reason": "no"}
    answer = await loop.do(same, "1.1", action, body)
    assert (answer.status, answer.error["code"]) == (409, "self_verify_blocked")
    assert await loop.status("1.1") == ("reported_done", "unverified")


async def test_without_a_review_of_this_very_report_nothing_is_verified(loop: Work) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    await loop.do(team.reviewer, "1.1", "report")
    answer = await loop.do(team.orchestrator, "1.1", "verify", VERIFY)
    assert (answer.status, answer.error["code"]) == (422, "review_not_conducted")
    await loop.do(team.reviewer, "1.1", "review-complete", {"review_type": "team"})
    await loop.do(team.orchestrator, "1.1", "reject", {"reason": "not yet"})
    assert await loop.status("1.1") == ("pending", "rejected")
    await loop.works(team.implementer, "1.1")
    await loop.do(team.reviewer, "1.1", "report")
    again = await loop.do(team.orchestrator, "1.1", "verify", VERIFY)
    assert (again.status, again.error["code"]) == (422, "review_not_conducted")


@pytest.mark.parametrize(
    ("action", "body", "code"),
    [
        ("claim", None, "must_contract_first"),
        ("start", None, "must_contract_first"),
        ("request-review", None, "invalid_transition"),
        ("report", None, "invalid_transition"),
        ("unclaim", None, "invalid_transition"),
        ("heartbeat", {"lease_seconds": 60}, "invalid_transition"),
    ],
)
async def test_a_step_out_of_order_says_the_state_and_what_to_do(loop: Work, action: str, body: Any, code: str) -> None:
    answer = await loop.do(loop.team.implementer, "1.1", action, body)
    error = answer.error
    assert (answer.status, error["code"], error["current_state"]) == (409, code, "pending")
    assert (error["attempted_action"], error["context"]["current_agent_status"]) == (action, "pending")
    assert error["hints"]
    assert "Conflict" in error["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "title_mismatch"),
        ({**ECHO, "story_title": "Other"}, "title_mismatch"),
        ({**ECHO, "ac_count": 3}, "contract_mismatch"),
        ({"story_title": "Story 1.1"}, "contract_mismatch"),
    ],
)
async def test_a_contract_echoes_title_and_count(loop: Work, body: Any, code: str) -> None:
    answer = await loop.do(loop.team.implementer, "1.1", "contract", body)
    assert (answer.status, answer.error["code"]) == (422, code)
    if code == "contract_mismatch":
        assert answer.error["context"]["expected_ac_count"] == 2


async def test_a_title_may_be_echoed_as_it_was_sent(loop: Work) -> None:
    """Went red: it was stored without the blanks around it, and refused with them."""
    answer = await loop.do(loop.team.implementer, "1.1", "contract", {**ECHO, "story_title": "  Story 1.1\n"})
    assert answer.status == 200


async def test_only_an_orchestrator_may_skip_the_echo(loop: Work) -> None:
    team = loop.team
    refused = await loop.do(team.implementer, "1.1", "contract", {"skip_contract_check": True})
    assert (refused.status, refused.error["code"]) == (403, "insufficient_role")
    assert (await loop.do(team.orchestrator, "1.1", "contract", {"skip_contract_check": True})).status == 200


async def test_a_key_without_an_agent_takes_no_step(loop: Work) -> None:
    bare_agent, bare_orchestrator = await key(loop.team.user, "agent"), await older_key(loop.team.user, "orchestrator")
    answer = await loop.do(bare_agent, "1.1", "contract", ECHO)
    assert (answer.status, answer.error["code"]) == (422, "agent_identity_required")
    for action, body in (("verify", VERIFY), ("reject", {"reason": "x"}), ("force-unclaim", None)):
        answer = await loop.do(bare_orchestrator, "1.1", action, body)
        assert (answer.status, answer.error["code"]) == (422, "orchestrator_agent_required")


async def test_a_story_waits_for_what_it_depends_on(served: Service) -> None:
    loop = await work(served, "1.1", "1.2")
    team = loop.team
    edge = {"story_id": loop.stories["1.2"], "depends_on_story_id": loop.stories["1.1"]}
    assert (await team.user.post("/story_dependencies", edge)).status == 201
    await loop.do(team.orchestrator, "1.2", "contract", {"skip_contract_check": True})
    answer = await loop.do(team.other, "1.2", "claim")
    assert (answer.status, answer.error["code"]) == (409, "dependencies_not_met")
    assert "story 1.1" in answer.error["hints"][0]
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    await loop.verifies("1.1")
    assert (await loop.do(team.other, "1.2", "claim")).status == 200


async def test_a_deactivated_agent_takes_no_more_work(loop: Work) -> None:
    team = loop.team
    agent = team.agents["implementer"]
    assert (await team.user.patch(f"/agents/{agent}", {"status": "deactivated"})).status == 200
    await loop.do(team.orchestrator, "1.1", "contract", {"skip_contract_check": True})
    answer = await loop.do(team.implementer, "1.1", "claim")
    assert (answer.status, answer.error["code"]) == (403, "agent_deactivated")
    answer = await team.implementer.post("/stories/next/claim", {"project_id": loop.project})
    assert (answer.status, answer.error["code"]) == (403, "agent_deactivated")


async def test_a_story_is_shown_as_it_was_at_any_position(loop: Work) -> None:
    answer = await loop.do(loop.team.implementer, "1.1", "contract", ECHO)
    await loop.do(loop.team.implementer, "1.1", "claim")
    position = answer.headers["loopctl-position"]
    path = f"/stories/{loop.stories['1.1']}"
    then = (await loop.team.user.get(f"{path}?at={position}")).json()["story"]
    now = (await loop.team.user.get(path)).json()["story"]
    assert (then["agent_status"], then["at"], now["agent_status"]) == ("contracted", int(position), "assigned")
    assert (await loop.team.user.get(f"{path}?at=1")).status == 404


async def test_of_two_claims_one_wins_and_the_other_hears_why(loop: Work) -> None:
    team = loop.team
    await loop.do(team.orchestrator, "1.1", "contract", {"skip_contract_check": True})
    answers = await asyncio.gather(*(loop.do(who, "1.1", "claim") for who in (team.implementer, team.other)))
    assert sorted(answer.status for answer in answers) == [200, 409]


async def test_the_review_s_figures_must_add_up(loop: Work) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    early = await loop.do(team.reviewer, "1.1", "review-complete", {"review_type": "team"})
    assert (early.status, early.error["code"]) == (422, "story_not_reported_done")
    await loop.do(team.reviewer, "1.1", "report")
    for findings, fixes, disproved in ((14, 12, 1), (0, 5, 0), (3, 3, 1)):
        body = {"review_type": "x", "findings_count": findings, "fixes_count": fixes, "disproved_count": disproved}
        answer = await loop.do(team.reviewer, "1.1", "review-complete", body)
        assert (answer.status, list(answer.error["details"])) == (422, ["fixes_count"])
    for at in ("2016-03-27T12:00:00Z", "2036-03-27T12:00:00Z"):
        answer = await loop.do(team.reviewer, "1.1", "review-complete", {"review_type": "x", "completed_at": at})
        assert (answer.status, list(answer.error["details"])) == (422, ["completed_at"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"summary": "x"}, "review_required"),
        ({"review_type": "x", "summary": " "}, "review_required"),
        ({**VERIFY, "result": "fail"}, "validation_failed"),
        ({**VERIFY, "result": "maybe"}, "validation_failed"),
        ({**VERIFY, "cap_id": "x"}, "cap_rejected"),
    ],
)
async def test_a_verification_that_is_incomplete_is_refused(loop: Work, body: Any, code: str) -> None:
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    answer = await loop.do(loop.team.orchestrator, "1.1", "verify", body)
    assert (answer.status, answer.error["code"]) == (403 if code == "cap_rejected" else 422, code)
    assert await loop.status("1.1") == ("reported_done", "unverified")


async def test_a_rejected_story_goes_back_to_the_queue_without_its_past(loop: Work) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    await loop.verifies("1.1")
    blank = await loop.do(team.orchestrator, "1.1", "reject", {"reason": " "})
    assert (blank.status, blank.error["code"]) == (422, "reason_required")
    answer = await loop.do(team.orchestrator, "1.1", "reject", {"reason": "broken", "findings": {"bug": 1}})
    story = answer.json()["story"]
    assert (answer.status, story["agent_status"], story["verified_status"]) == (200, "pending", "rejected")
    gone = ("assigned_agent_id", "assigned_at", "reported_done_at", "reported_by_agent_id", "verified_at")
    assert [story[name] for name in gone] == [None] * 5
    assert (story["rejection_reason"], story["iteration_count"]) == ("broken", 2)
    ready = (await team.user.get(f"/stories/ready?project_id={loop.project}")).json()["data"]
    assert [each["number"] for each in ready] == ["1.1"]
    tags = [tag for tag, _ in await team.user.recorded()]
    assert tags[-2:] == ["story.rejected", "story.auto_reset"]


async def test_an_implementer_cannot_pull_back_what_was_verified(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    await loop.verifies("1.1")
    answer = await loop.do(loop.team.implementer, "1.1", "unclaim")
    assert (answer.status, await loop.status("1.1")) == (409, ("reported_done", "verified"))


async def test_a_story_is_given_back_by_its_holder_and_taken_back_by_an_orchestrator(loop: Work) -> None:
    team = loop.team
    await loop.do(team.implementer, "1.1", "contract", ECHO)
    assert (await loop.do(team.other, "1.1", "unclaim")).status == 403
    assert (await loop.do(team.implementer, "1.1", "unclaim")).status == 200
    await loop.works(team.implementer, "1.1")
    assert (await loop.do(team.orchestrator, "1.1", "force-unclaim", {"reason": "gone"})).status == 200
    assert await loop.status("1.1") == ("pending", "unverified")
    before = len(await team.user.recorded())
    assert (await loop.do(team.orchestrator, "1.1", "force-unclaim")).status == 200
    assert len(await team.user.recorded()) == before


async def test_backfill_is_for_work_that_nobody_has_touched_here(served: Service) -> None:
    loop = await work(served, "1.1", "1.2")
    team = loop.team
    body = {"reason": "done in 2025", "evidence_url": "https://example.com/pull/1", "pr_number": "7"}
    answer = await loop.do(team.orchestrator, "1.1", "backfill", body)
    assert (answer.status, await loop.status("1.1")) == (200, ("reported_done", "verified"))
    assert answer.json()["story"]["metadata"]["backfill"]["pr_number"] == 7
    before = len(await team.user.recorded())
    assert (await loop.do(team.orchestrator, "1.1", "backfill", body)).status == 200
    assert len(await team.user.recorded()) == before
    other = await loop.do(team.orchestrator, "1.1", "backfill", {"reason": "another"})
    assert (other.status, other.error["code"]) == (422, "already_verified")
    await loop.do(team.implementer, "1.2", "contract", {"story_title": "Story 1.2", "ac_count": 2})
    await loop.do(team.orchestrator, "1.2", "force-unclaim")
    answer = await loop.do(team.orchestrator, "1.2", "backfill", body)
    assert (answer.status, answer.error["code"]) == (422, "not_pre_existing")


async def test_where_work_from_before_comes_from_cannot_be_patched_away_or_made_up(served: Service) -> None:
    loop = await work(served, "1.1", "1.2", "1.3")
    await loop.do(loop.team.orchestrator, "1.1", "backfill", {"reason": "done in 2025"})
    marked = {"stories": [{"story_id": loop.stories["1.3"], "summary": "done in 2024"}]}
    assert (await loop.team.orchestrator.post("/stories/bulk/mark-complete", marked)).status == 200
    for number, kept in (("1.1", "done in 2025"), ("1.2", None), ("1.3", "done in 2024")):
        path = f"/stories/{loop.stories[number]}"
        forged = {"metadata": {"backfill": {"reason": "made up"}, "mine": 1}}
        answer = await loop.team.user.patch(path, forged)
        assert (answer.status, list(answer.error["details"])) == (422, ["metadata.backfill"])
        for body in ({"mine": 1}, {**(await loop.team.user.shown(loop.stories[number]))["metadata"], "mine": 2}):
            metadata = (await loop.team.user.patch(path, {"metadata": body})).json()["story"]["metadata"]
            assert (metadata["mine"], metadata.get("backfill", {}).get("reason")) == (body["mine"], kept)
    answer = await loop.team.user.post(f"/epics/{loop.epic}/stories", {"number": "1.4", "title": "t", **forged})
    assert (answer.status, list(answer.error["details"])) == (422, ["metadata.backfill"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": "x", "evidence_url": "ftp://x"}, "evidence_url"),
        ({"reason": "x", "evidence_url": "https://a@b/c"}, "evidence_url"),
        ({"reason": "x", "pr_number": 0}, "pr_number"),
        ({"reason": "x", "pr_number": "seven"}, "pr_number"),
    ],
)
async def test_a_backfill_s_provenance_is_checked(loop: Work, body: Any, field: str) -> None:
    answer = await loop.do(loop.team.orchestrator, "1.1", "backfill", body)
    assert (answer.status, list(answer.error["details"])) == (422, [field])


async def test_the_last_verified_story_completes_its_epic_once(served: Service) -> None:
    loop = await work(served, "1.1", "1.2")
    for number in loop.stories:
        await loop.works(loop.team.implementer, number)
        await loop.reviews(loop.team.reviewer, number)
        await loop.verifies(number)
    await loop.do(loop.team.orchestrator, "1.1", "reject", {"reason": "once more"})
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    await loop.verifies("1.1")
    tags = [tag for tag, _ in await loop.team.user.recorded()]
    assert tags.count("epic.completed") == 1


async def test_an_invalid_artifact_or_usage_takes_the_report_with_it(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    for body in ({"artifact": {"path": "x"}}, {"token_usage": {"input_tokens": -1, "model_name": "m"}}):
        answer = await loop.do(loop.team.reviewer, "1.1", "report", body)
        assert (answer.status, await loop.status("1.1")) == (422, ("implementing", "unverified"))
    usage = {"input_tokens": 10, "output_tokens": 5, "cost_millicents": 7, "model_name": "m"}
    assert (await loop.do(loop.team.reviewer, "1.1", "report", {"token_usage": usage})).status == 200
    assert (await loop.team.user.recorded())[-1][0] == "token_usage_report.created"


async def test_the_same_step_again_with_a_new_idempotency_key_is_no_error_for_its_own_actor(loop: Work) -> None:
    team = loop.team
    await loop.do(team.implementer, "1.1", "contract", ECHO, Idempotency_Key="a")
    again = await loop.do(team.implementer, "1.1", "contract", ECHO, Idempotency_Key="b")
    assert (again.status, again.json()["already"]) == (200, True)
    other = await loop.do(team.other, "1.1", "contract", ECHO, Idempotency_Key="c")
    assert other.status == 409


async def test_criteria_that_change_after_the_contract_void_it(loop: Work) -> None:
    team = loop.team
    await loop.do(team.implementer, "1.1", "contract", ECHO)
    await team.user.patch(f"/stories/{loop.stories['1.1']}", {"acceptance_criteria": [{"criterion": "more"}]})
    assert await loop.status("1.1") == ("pending", "unverified")


@pytest.mark.parametrize("action", ["contract", "claim", "start", "report", "review-complete", "unclaim", "artifacts"])
async def test_a_story_of_another_tenant_is_not_there(loop: Work, served: Service, action: str) -> None:
    stranger = await work(served)
    body = {**ECHO, "review_type": "x", "artifact_type": "a", "path": "b"}
    answer = await loop.do(stranger.team.implementer, "1.1", action, body)
    assert (answer.status, answer.error["code"]) == (404, "not_found")
