"""Capabilities over HTTP: minted, picked up, presented in three ways, used once, and refused with the reason."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from loopctl.capability import is_signed
from tests.api.logs import NOON, Service, service
from tests.api.team import Work, key, work, worker
from tests.api.test_dispatches import as_dispatched, minted
from tests.api.work import Client
from tests.support.database import TestDatabase

JUDGED = {"review_type": "team", "summary": "ok"}


@pytest.fixture
async def demanding(served: Service) -> Work:
    """A tenant that wants capabilities of everybody."""
    return await wanting(await work(served, "1.1", "1.2"))


async def wanting(laid_out: Work) -> Work:
    answer = await laid_out.team.user.patch("/tenants/me", {"settings": {"require_capabilities": True}})
    assert answer.status == 200, answer.body
    return laid_out


async def claimed(laid_out: Work, number: str = "1.1") -> dict[str, Any]:
    """The start_cap of whoever claimed."""
    story = (await laid_out.team.user.get(f"/stories/{laid_out.stories[number]}")).json()["story"]
    echo = {"story_title": story["title"], "ac_count": story["ac_count"]}
    await laid_out.do(laid_out.team.implementer, number, "contract", echo)
    answer = await laid_out.do(laid_out.team.implementer, number, "claim")
    assert answer.status == 200, answer.body
    token: dict[str, Any] = answer.json()["capability"]
    return token


async def picked(laid_out: Work, who: Client, typ: str, number: str = "1.1") -> dict[str, Any]:
    answer = await laid_out.do(who, number, "recover-cap", {"cap_type": typ})
    assert answer.status == 201, answer.body
    token: dict[str, Any] = answer.json()["data"]
    return token


def refusal(answer: Any) -> tuple[int, str, list[str]]:
    error = answer.json()["error"]
    return answer.status, error["code"], error.get("details", {}).get("reason", [])


async def test_the_whole_loop_with_a_capability_at_each_step(demanding: Work) -> None:
    team, start = demanding.team, await claimed(demanding)
    assert (await demanding.do(team.implementer, "1.1", "start", {"cap_id": start["cap_id"]})).status == 200
    assert (await demanding.do(team.implementer, "1.1", "request-review")).status == 200
    report = await picked(demanding, team.other, "report_cap")
    reported = await demanding.do(team.other, "1.1", "report", {"cap_id": report["cap_id"]})
    assert reported.status == 200, reported.body
    review = reported.json()["capability"]
    assert review["typ"] == "review_complete_cap"
    done = await demanding.do(team.other, "1.1", "review-complete", {"review_type": "team", "cap_id": review["cap_id"]})
    assert done.status == 201, done.body
    verify = await picked(demanding, team.orchestrator, "verify_cap")
    verified = await demanding.do(team.orchestrator, "1.1", "verify", {**JUDGED, "cap_id": verify["cap_id"]})
    assert verified.status == 202, verified.body
    tags = [tag for tag, _ in await team.user.recorded() if tag.startswith("capability.")]
    assert tags == [
        "capability.minted", "capability.consumed", "capability.picked_up", "capability.consumed", "capability.minted",
        "capability.consumed", "capability.picked_up", "capability.consumed",
    ]  # fmt: skip
    history = (await team.user.get(f"/stories/{demanding.stories['1.1']}/history")).body
    assert history.count(b'"capability"') >= 8


async def test_without_one_each_step_says_how_to_get_it(demanding: Work) -> None:
    await claimed(demanding)
    answer = await demanding.do(demanding.team.implementer, "1.1", "start")
    assert refusal(answer)[:2] == (403, "missing_capability")
    assert "start_cap" in answer.json()["error"]["hints"][0]
    assert await demanding.status("1.1") == ("assigned", "unverified")


async def test_a_dispatched_caller_presents_one_whatever_the_setting(served: Service) -> None:
    laid_out = await work(served)
    user, agents = laid_out.team.user, dict[str, str]()
    own = await worker(user, "wes", agents)
    id_ = (await own.get("/tenants/me")).json()["api_key"]["id"]
    assert (await user.delete(f"/api_keys/{id_}")).status == 200
    wes = as_dispatched(user, await minted(user, agent_id=agents["wes"]))
    story = (await user.get(f"/stories/{laid_out.stories['1.1']}")).json()["story"]
    await laid_out.do(wes, "1.1", "contract", {"story_title": story["title"], "ac_count": story["ac_count"]})
    answer = await laid_out.do(wes, "1.1", "claim")
    token = answer.json()["capability"]
    (following,) = answer.json()["next_actions"]
    assert following["required_body"] == {"cap_id": token["cap_id"]}
    assert refusal(await laid_out.do(wes, "1.1", "start"))[:2] == (403, "missing_capability")
    started = await laid_out.do(wes, "1.1", "start", X_Loopctl_Capability=token["cap_id"])
    assert started.status == 200, started.body
    assert (await laid_out.do(laid_out.team.other, "1.1", "report")).status == 200


async def test_a_tenant_that_wants_none_mints_none_and_checks_what_is_presented(served: Service) -> None:
    laid_out = await work(served)
    await laid_out.works(laid_out.team.implementer, "1.1")
    assert not [tag for tag, _ in await laid_out.team.user.recorded() if tag.startswith("capability.")]
    bad = await laid_out.do(laid_out.team.other, "1.1", "report", {"cap_id": str(uuid4())})
    assert refusal(bad) == (403, "cap_rejected", ["invalid_capability"])
    good = await picked(laid_out, laid_out.team.other, "report_cap")
    assert (await laid_out.do(laid_out.team.other, "1.1", "report", {"cap_id": good["cap_id"]})).status == 200


async def test_one_is_used_once(demanding: Work) -> None:
    token, team = await claimed(demanding), demanding.team
    assert (await demanding.do(team.implementer, "1.1", "start", {"cap_id": token["cap_id"]})).status == 200
    assert (await demanding.do(team.implementer, "1.1", "unclaim")).status == 200
    story = (await team.user.get(f"/stories/{demanding.stories['1.1']}")).json()["story"]
    echo = {"story_title": story["title"], "ac_count": story["ac_count"]}
    await demanding.do(team.implementer, "1.1", "contract", echo)
    assert (await demanding.do(team.implementer, "1.1", "claim")).status == 200
    again = await demanding.do(team.implementer, "1.1", "start", {"cap_id": token["cap_id"]})
    assert refusal(again)[:2] == (403, "cap_rejected")
    async with team.user.service.store.database.tenant_transaction(team.user.tenant) as tx:
        used = await tx.fetchval("SELECT count(*) FROM app.used_nonce WHERE tenant_id = $1", team.user.tenant)
    assert used == 1


async def test_of_many_uses_at_once_one_succeeds(demanding: Work) -> None:
    team = demanding.team
    token = await claimed(demanding)
    answers = await asyncio.gather(
        *(demanding.do(team.implementer, "1.1", "start", {"cap_id": token["cap_id"]}) for _ in range(16))
    )
    assert sorted(answer.status for answer in answers) == [200, *[409] * 15]


async def test_a_refused_step_uses_nothing(demanding: Work) -> None:
    team = demanding.team
    start = await claimed(demanding)
    await demanding.do(team.implementer, "1.1", "start", {"cap_id": start["cap_id"]})
    report = await picked(demanding, team.other, "report_cap")
    broken = {"cap_id": report["cap_id"], "artifact": {"artifact_type": "", "path": ""}}
    assert (await demanding.do(team.other, "1.1", "report", broken)).status == 422
    assert (await demanding.do(team.other, "1.1", "report", {"cap_id": report["cap_id"]})).status == 200


async def test_it_is_good_for_the_lineage_that_it_was_made_for(demanding: Work) -> None:
    team = demanding.team
    start = await claimed(demanding)
    await demanding.do(team.implementer, "1.1", "start", {"cap_id": start["cap_id"]})
    token = await picked(demanding, team.other, "report_cap")
    stolen = await demanding.do(team.reviewer, "1.1", "report", {"cap_id": token["cap_id"]})
    assert refusal(stolen)[:2] == (403, "wrong_lineage")
    own = await picked(demanding, team.reviewer, "report_cap")
    late = await demanding.do(team.other, "1.1", "report", {"cap_id": token["cap_id"]})
    assert refusal(late) == (403, "cap_rejected", ["invalid_capability"])
    assert (await demanding.do(team.reviewer, "1.1", "report", {"cap_id": own["cap_id"]})).status == 200


async def test_whose_step_it_is_not_picks_nothing_up(demanding: Work) -> None:
    team = demanding.team
    start = await claimed(demanding)
    not_yours = await demanding.do(team.other, "1.1", "recover-cap", {"cap_type": "start_cap"})
    assert refusal(not_yours)[:2] == (403, "wrong_lineage")
    await demanding.do(team.implementer, "1.1", "start", {"cap_id": start["cap_id"]})
    own = await demanding.do(team.implementer, "1.1", "recover-cap", {"cap_type": "report_cap"})
    assert refusal(own)[:2] == (403, "wrong_lineage")
    assert (await team.user.recorded())[-1][0] == "story.custody_violated"
    early = await demanding.do(team.orchestrator, "1.1", "recover-cap", {"cap_type": "verify_cap"})
    assert refusal(early)[:2] == (409, "invalid_transition")
    judge = await demanding.do(team.other, "1.1", "recover-cap", {"cap_type": "verify_cap"})
    assert refusal(judge)[:2] == (403, "insufficient_role")
    unknown = await demanding.do(team.other, "1.1", "recover-cap", {"cap_type": "any_cap"})
    assert refusal(unknown)[:2] == (422, "validation_failed")


async def test_the_implementer_never_gets_a_verify_cap_whatever_it_says(demanding: Work) -> None:
    """As orchestrator's key of the implementing agent, with a lineage of its choice in the body."""
    team = demanding.team
    start = await claimed(demanding)
    await demanding.do(team.implementer, "1.1", "start", {"cap_id": start["cap_id"]})
    report = await picked(demanding, team.other, "report_cap")
    review = (await demanding.do(team.other, "1.1", "report", {"cap_id": report["cap_id"]})).json()["capability"]
    await demanding.do(team.other, "1.1", "review-complete", {"review_type": "t", "cap_id": review["cap_id"]})
    own = await key(team.user, "orchestrator", team.agents["implementer"])
    body = {"cap_type": "verify_cap", "lineage": [str(uuid4())]}
    assert refusal(await demanding.do(own, "1.1", "recover-cap", body))[:2] == (403, "wrong_lineage")


async def test_a_capability_of_another_step_or_story_is_refused(demanding: Work) -> None:
    team = demanding.team
    start = await claimed(demanding)
    other = await claimed(demanding, "1.2")
    swapped = await demanding.do(team.implementer, "1.1", "start", {"cap_id": other["cap_id"]})
    assert refusal(swapped) == (403, "cap_rejected", ["invalid_capability"])
    whole = await demanding.do(team.implementer, "1.1", "start", {"capability": other})
    assert refusal(whole) == (403, "cap_rejected", ["wrong_story"])
    for action in ("heartbeat", "request-review"):
        taken = await demanding.do(team.implementer, "1.1", action, {"cap_id": start["cap_id"]})
        assert refusal(taken) == (403, "cap_rejected", ["wrong_type"])
    assert (await demanding.do(team.implementer, "1.1", "start", {"capability": start})).status == 200
    reported = await demanding.do(team.other, "1.1", "report", {"capability": start})
    assert refusal(reported) == (403, "cap_rejected", ["wrong_type"])


async def test_one_that_has_expired_is_refused(log_of_module: TestDatabase) -> None:
    now = NOON
    async with service(log_of_module, utc_now=lambda: now) as running:
        laid_out = await wanting(await work(running))
        token = await claimed(laid_out)
        now = NOON + timedelta(hours=2)
        late = await laid_out.do(laid_out.team.implementer, "1.1", "start", {"cap_id": token["cap_id"]})
        assert refusal(late)[:2] == (403, "expired_capability")
        fresh = await picked(laid_out, laid_out.team.implementer, "start_cap")
        assert (await laid_out.do(laid_out.team.implementer, "1.1", "start", {"cap_id": fresh["cap_id"]})).status == 200


async def test_a_token_is_signed_by_the_key_that_the_log_names(demanding: Work) -> None:
    token = await claimed(demanding)
    (made,) = [event for tag, event in await demanding.team.user.recorded() if tag == "purpose_key.made"]
    assert made.kid == token["kid"]
    assert is_signed(token, bytes.fromhex(made.public))
    assert not is_signed({**token, "typ": "verify_cap"}, bytes.fromhex(made.public))


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "A" * 86}, {"signature": ""}, {"nonce": "AAAA"}, {"issued_to_lineage": []}, {"typ": "verify_cap"},
        {"expires_at": "2036-03-27T13:00:00.000000Z"}, {"kid": "0" * 16}, {"more": 1}, {"signature": None},
    ],
)  # fmt: skip
async def test_a_whole_token_counts_with_all_that_it_says(demanding: Work, change: dict[str, Any]) -> None:
    token = await claimed(demanding)
    altered = await demanding.do(demanding.team.implementer, "1.1", "start", {"capability": {**token, **change}})
    assert refusal(altered) == (403, "cap_rejected", ["invalid_signature"])


async def test_two_that_differ_are_none(demanding: Work) -> None:
    token = await claimed(demanding)
    body = {"cap_id": str(uuid4()), "capability": token}
    answer = await demanding.do(demanding.team.implementer, "1.1", "start", body)
    assert refusal(answer) == (403, "cap_rejected", ["two_capabilities"])


async def test_in_bulk_each_entry_presents_its_own(demanding: Work) -> None:
    team = demanding.team
    for number in ("1.1", "1.2"):
        start = await claimed(demanding, number)
        await demanding.do(team.implementer, number, "start", {"cap_id": start["cap_id"]})
        report = await picked(demanding, team.other, "report_cap", number)
        reported = await demanding.do(team.other, number, "report", {"cap_id": report["cap_id"]})
        review = {"review_type": "t", "cap_id": reported.json()["capability"]["cap_id"]}
        assert (await demanding.do(team.other, number, "review-complete", review)).status == 201
    token = await picked(demanding, team.orchestrator, "verify_cap")
    items = [
        {"story_id": demanding.stories["1.1"], **JUDGED, "capability": token},
        {"story_id": demanding.stories["1.2"], **JUDGED},
    ]
    answer = await team.orchestrator.post("/stories/bulk/verify", {"stories": items})
    first, second = answer.json()["results"]
    assert (first["status"], second["code"]) == ("success", "missing_capability")
    epic = await team.orchestrator.post(f"/epics/{demanding.epic}/verify-all", JUDGED)
    assert [each["code"] for each in epic.json()["errors"]] == ["missing_capability"]


async def test_the_next_story_comes_with_its_capability(demanding: Work) -> None:
    answer = await demanding.team.implementer.post("/stories/next/claim", {"project_id": demanding.project})
    token, story = answer.json()["capability"], answer.json()["story"]["id"]
    assert token["story_id"] == story
    started = await demanding.team.implementer.post(f"/stories/{story}/start", {"capability": token})
    assert started.status == 200, started.body


async def test_a_retry_gets_the_same_token_and_uses_it_once(demanding: Work) -> None:
    team = demanding.team
    start = await claimed(demanding)
    headers = {"Idempotency_Key": str(uuid4())}
    body = {"cap_id": start["cap_id"]}
    for _ in range(2):
        assert (await demanding.do(team.implementer, "1.1", "start", body, **headers)).status == 200
    headers = {"Idempotency_Key": str(uuid4())}
    tokens = [
        (await demanding.do(team.other, "1.1", "recover-cap", {"cap_type": "report_cap"}, **headers)).json()["data"]
        for _ in range(2)
    ]
    assert tokens[0] == tokens[1]
    assert UUID(tokens[0]["cap_id"])
