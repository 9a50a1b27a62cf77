"""A round of work: what it is about, who has had a part in it, and who may therefore not confirm it."""

import pytest

from tests.api.asgi import ask
from tests.api.logs import Service
from tests.api.team import Work, key, rotate, work

VERIFY = {"review_type": "team", "summary": "All criteria met"}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served)


async def test_work_is_verified_only_under_the_criteria_that_it_was_contracted_under(loop: Work) -> None:
    team, story = loop.team, f"/stories/{loop.stories['1.1']}"
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    changed = await team.user.patch(story, {"acceptance_criteria": [{"criterion": "something easier"}]})
    assert changed.json()["story"]["criteria_changed_after_contract"]
    answer = await loop.do(team.orchestrator, "1.1", "verify", VERIFY)
    assert (answer.status, answer.error["code"]) == (409, "criteria_changed")
    everything = await team.orchestrator.post(f"/epics/{loop.epic}/verify-all", VERIFY)
    assert everything.json()["errors"][0]["code"] == "criteria_changed"
    await team.user.patch(story, {"acceptance_criteria": [{"criterion": "It works"}, {"criterion": "It is tested"}]})
    answer = await loop.do(team.orchestrator, "1.1", "verify", VERIFY)
    assert (answer.status, answer.error["code"]) == (422, "review_not_conducted"), "the review was of other words"
    await loop.do(team.reviewer, "1.1", "review-complete", {"review_type": "team"})
    await loop.verifies("1.1")
    frozen = await team.user.patch(story, {"title": "Something else"})
    assert (frozen.status, frozen.error["code"]) == (409, "criteria_frozen")
    assert (await team.user.patch(story, {"description": "More words"})).status == 200


@pytest.mark.parametrize("release", ["unclaim", "force-unclaim"])
async def test_whoever_began_the_work_does_not_confirm_it_after_giving_it_back(loop: Work, release: str) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    await loop.do(team.implementer if release == "unclaim" else team.orchestrator, "1.1", release)
    await loop.works(team.other, "1.1")
    answer = await loop.do(team.implementer, "1.1", "report")
    assert (answer.status, answer.error["code"]) == (409, "self_report_blocked")
    await loop.do(team.reviewer, "1.1", "report")
    answer = await loop.do(team.implementer, "1.1", "review-complete", {"review_type": "team"})
    assert (answer.status, answer.error["code"]) == (409, "self_review_blocked")


async def test_only_a_rejection_gets_a_verified_story_back_and_its_criteria_stay(loop: Work) -> None:
    team, story = loop.team, f"/stories/{loop.stories['1.1']}"
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    await loop.verifies("1.1")
    own_lead = await key(team.user, "orchestrator", team.agents["implementer"])
    for who, action in (
        (own_lead, "force-unclaim"),
        (team.orchestrator, "force-unclaim"),
        (team.implementer, "unclaim"),
    ):
        answer = await loop.do(who, "1.1", action)
        assert (answer.status, answer.error["code"]) == (409, "invalid_transition")
        assert (answer.error["current_state"], answer.error["attempted_action"]) == ("verified", action)
        assert "reject" in answer.error["hints"][0]
        frozen = await own_lead.patch(story, {"acceptance_criteria": [{"criterion": "something easier"}]})
        assert (frozen.status, frozen.error["code"]) == (409, "criteria_frozen")
    assert await loop.status("1.1") == ("reported_done", "verified")
    assert (await loop.do(team.orchestrator, "1.1", "reject", {"reason": "no"})).status == 200
    assert (await own_lead.patch(story, {"title": "Another"})).status == 200


async def test_work_that_is_rejected_and_stays_is_still_that_of_whoever_did_it(loop: Work) -> None:
    team, review = loop.team, {"review_type": "team"}
    await team.user.patch("/tenants/me", {"settings": {"auto_reset_on_rejection": False}})
    await loop.works(team.implementer, "1.1")
    await loop.do(team.implementer, "1.1", "unclaim")
    await loop.works(team.other, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    assert (await loop.do(team.orchestrator, "1.1", "reject", {"reason": "no"})).status == 200
    assert await loop.status("1.1") == ("reported_done", "rejected")
    own_lead = await key(team.user, "orchestrator", team.agents["implementer"])
    answer = await loop.do(own_lead, "1.1", "verify", VERIFY)
    assert (answer.status, answer.error["code"]) == (409, "self_verify_blocked")
    answer = await loop.do(team.orchestrator, "1.1", "verify", VERIFY)
    assert (answer.status, answer.error["code"]) == (422, "review_not_conducted"), "the review was of what was rejected"
    answer = await loop.do(team.reviewer, "1.1", "review-complete", review)
    assert (answer.status, answer.error["code"]) == (422, "story_not_reported_done")
    for who in (own_lead, team.implementer, team.other):
        answer = await loop.do(who, "1.1", "report")
        assert (answer.status, answer.error["code"]) == (409, "self_report_blocked")
    shown = (await loop.do(team.reviewer, "1.1", "report")).json()
    assert [each["action"] for each in shown["next_actions"]] == ["review_complete"]
    assert (await loop.do(team.implementer, "1.1", "review-complete", review)).status == 409
    assert (await loop.do(team.reviewer, "1.1", "review-complete", review)).status == 201
    await loop.verifies("1.1")


@pytest.mark.parametrize("lineage_policy", ["agent", "ancestry", "strict"])
async def test_a_story_that_comes_in_as_done_is_not_confirmed_by_whoever_brought_it(
    served: Service, lineage_policy: str
) -> None:
    loop = await work(served)
    team, review = loop.team, {"review_type": "team"}
    await team.user.patch("/tenants/me", {"settings": {"lineage_policy": lineage_policy}})
    story = {"number": "9.1", "title": "Old", "initial_agent_status": "reported_done"}
    body = {"epics": [{"number": 9, "title": "Old", "stories": [story]}]}
    assert (await team.orchestrator.post(f"/projects/{loop.project}/import", body)).status == 201
    found = (await team.user.get(f"/stories?project_id={loop.project}&number=9.1")).json()["data"][0]
    path = f"/stories/{found['id']}"
    rotated = await rotate(team.user, team.orchestrator)
    for own in (team.orchestrator, rotated, team.lead):
        refused = await own.post(f"{path}/review-complete", review)
        assert (refused.status, refused.error["code"]) == (409, "self_review_blocked")
    assert (await team.reviewer.post(f"{path}/review-complete", review)).status == 201
    refused = await rotated.post(f"{path}/verify", VERIFY)
    assert (refused.status, refused.error["code"]) == (409, "self_verify_blocked")
    other = await key(team.user, "orchestrator", team.agents["reviewer"])
    assert (await other.post(f"{path}/verify", VERIFY)).status == 202


async def test_a_second_review_by_somebody_else_does_not_make_the_first_reviewer_a_distinct_verifier(
    loop: Work,
) -> None:
    team = loop.team
    settings = {"settings": {"require_distinct_verifier": True}}
    assert (await team.user.patch("/tenants/me", settings)).status == 200
    await loop.works(team.implementer, "1.1")
    await loop.do(team.reviewer, "1.1", "report")
    for who in (team.orchestrator, team.reviewer):
        await loop.do(who, "1.1", "review-complete", {"review_type": "team"})
    answer = await loop.do(team.orchestrator, "1.1", "verify", VERIFY)
    assert (answer.status, answer.error["code"]) == (409, "distinct_verifier_required")


async def test_a_deactivated_orchestrator_confirms_nothing(loop: Work) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.reviewer, "1.1")
    assert (await team.user.patch(f"/agents/{team.agents['lead']}", {"status": "deactivated"})).status == 200
    for action, body in (("verify", VERIFY), ("reject", {"reason": "x"}), ("force-unclaim", None)):
        answer = await loop.do(team.orchestrator, "1.1", action, body)
        assert (answer.status, answer.error["code"]) == (403, "agent_deactivated")


async def test_a_contract_that_curl_sends_without_saying_that_it_is_json_is_read_all_the_same(loop: Work) -> None:
    who = loop.team.implementer
    form = {"Authorization": f"Bearer {who.raw}", "Content-Type": "application/x-www-form-urlencoded"}
    path = f"/api/v1/stories/{loop.stories['1.1']}/contract"
    body = b'{"story_title": "Story 1.1", "ac_count": 2}'
    answer = await ask(who.service.app, path, method="POST", headers=form, body=body)
    assert (answer.status, await loop.status("1.1")) == (200, ("contracted", "unverified"))
