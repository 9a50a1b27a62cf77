"""Many stories in one request are the single transitions, one for each."""

from typing import Any

import pytest

from tests.api.logs import Service
from tests.api.team import Work, key, work

VERIFY = {"review_type": "team", "summary": "ok"}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2", "1.3")


def outcomes(answer: Any) -> list[tuple[str, str | None]]:
    return [(each["status"], each.get("code")) for each in answer.json()["results"]]


async def test_each_entry_is_decided_by_itself_and_answered_in_the_order_of_the_request(loop: Work) -> None:
    for number in ("1.1", "1.2"):
        await loop.works(loop.team.implementer, number)
    await loop.reviews(loop.team.reviewer, "1.1")
    ids = [loop.stories[number] for number in ("1.2", "1.1", "1.3")]
    body = {"stories": [{"story_id": each, **VERIFY} for each in (*ids, "nonsense", ids[0])]}
    answer = await loop.team.orchestrator.post("/stories/bulk/verify", body)
    assert answer.status == 200
    results = answer.json()["results"]
    assert [each["story_id"] for each in results] == [*ids, "nonsense", ids[0]]
    refused = ("error", "invalid_transition")
    assert outcomes(answer) == [
        refused, ("success", None), refused, ("error", "not_found"), ("error", "validation_failed")
    ]  # fmt: skip
    assert [(each["number"], each["place"]) for each in results if each["status"] == "error"] == [
        ("1.2", "stories[0]"), ("1.3", "stories[2]"), (None, "stories[3]"), ("1.2", "stories[4]")
    ]  # fmt: skip
    assert results[4]["reason"] == "is at stories[0] already"
    assert await loop.status("1.1") == ("reported_done", "verified")


async def test_an_entry_with_a_member_of_a_wrong_kind_says_which(loop: Work) -> None:
    """Went red while it was not_found, in the words of the decoder."""
    body = {"stories": [{"story_id": loop.stories["1.1"], "summary": 7}]}
    (entry,) = (await loop.team.orchestrator.post("/stories/bulk/verify", body)).json()["results"]
    assert (entry["code"], entry["reason"]) == ("validation_failed", "summary is invalid: must be a text")


async def test_the_implementer_s_own_orchestrator_key_is_refused_in_bulk_too(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    same = await key(loop.team.user, "orchestrator", loop.team.agents["implementer"])
    story = {"story_id": loop.stories["1.1"], **VERIFY, "reason": "x"}
    for name in ("verify", "reject", "mark-complete"):
        answer = await same.post(f"/stories/bulk/{name}", {"stories": [story]})
        assert (answer.status, outcomes(answer)) == (422, [("error", "self_verify_blocked")])
    everything = await same.post(f"/epics/{loop.epic}/verify-all", VERIFY)
    assert (everything.json()["verified_count"], everything.json()["errors"][0]["code"]) == (0, "self_verify_blocked")
    assert await loop.status("1.1") == ("reported_done", "unverified")


async def test_a_halt_on_the_way_is_said_of_what_was_not_decided_and_a_retry_after_it_does_that(loop: Work) -> None:
    """Went red while the halt was the whole answer, also for what was verified before it."""
    settings = {"settings": {"halt_on_self_attempt": True}}
    assert (await loop.team.user.patch("/tenants/me", settings)).status == 200
    for who, number in ((loop.team.implementer, "1.1"), (loop.team.lead, "1.2"), (loop.team.other, "1.3")):
        await loop.works(who, number)
        await loop.reviews(loop.team.reviewer, number)
    body = {"stories": [{"story_id": loop.stories[number], **VERIFY} for number in ("1.1", "1.2", "1.3")]}

    async def ask() -> Any:
        return await loop.team.orchestrator.post("/stories/bulk/verify", body, Idempotency_Key="halted on the way")

    own = ("error", "self_verify_blocked")
    assert outcomes(await ask()) == [("success", None), own, ("error", "tenant_halted")]
    assert (await ask()).status == 503
    assert (await loop.team.user.post("/tenants/me/clear-halt", {"reason": "It was a slip."})).status == 200
    assert outcomes(await ask()) == [("success", None), own, ("success", None)]


async def test_entries_that_are_wrong_by_themselves_all_say_where(loop: Work) -> None:
    """Went red when they were called not found, and a story that was named twice was left out unsaid."""
    ids = list(loop.stories.values())
    entries = [
        {"story_id": ids[0], "reason": 7},
        3,
        {"story_id": []},
        {"story_id": f" {ids[1]} ", "reason": "no"},
        {"story_id": ids[1]},
    ]
    answer = await loop.team.orchestrator.post("/stories/bulk/reject", {"stories": entries})
    assert answer.status == 422
    assert [(each["code"], each["place"]) for each in answer.json()["results"]] == [
        ("validation_failed", "stories[0]"), ("not_found", "stories[1]"), ("not_found", "stories[2]"),
        ("invalid_transition", "stories[3]"), ("validation_failed", "stories[4]"),
    ]  # fmt: skip


async def test_what_was_worked_on_here_is_not_marked_complete(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    body = {"stories": [{"story_id": loop.stories[number], "summary": "old"} for number in ("1.1", "1.2")]}
    answer = await loop.team.orchestrator.post("/stories/bulk/mark-complete", body)
    assert outcomes(answer) == [("error", "not_pre_existing"), ("success", None)]


async def test_all_reported_stories_of_an_epic_are_verified_and_the_others_listed(loop: Work) -> None:
    for number in ("1.1", "1.2"):
        await loop.works(loop.team.implementer, number)
    await loop.reviews(loop.team.reviewer, "1.1")
    await loop.do(loop.team.reviewer, "1.2", "report")
    answer = await loop.team.orchestrator.post(f"/epics/{loop.epic}/verify-all", VERIFY)
    found = answer.json()
    assert (answer.status, found["verified_count"], found["skipped_count"], found["total_eligible"]) == (200, 1, 1, 2)
    assert [(each["number"], each["code"]) for each in found["errors"]] == [("1.2", "review_not_conducted")]


async def test_claims_in_bulk_are_claims(loop: Work) -> None:
    for number in ("1.1", "1.2"):
        await loop.do(loop.team.orchestrator, number, "contract", {"skip_contract_check": True})
    answer = await loop.team.implementer.post("/stories/bulk/claim", {"story_ids": list(loop.stories.values())})
    assert [code for _, code in outcomes(answer)] == [None, None, "must_contract_first"]


async def test_a_claim_in_bulk_says_what_the_story_waits_for(loop: Work) -> None:
    """Went red while it was told that a contracted story cannot be claimed."""
    waiting, before = loop.stories["1.1"], loop.stories["1.2"]
    edge = {"story_id": waiting, "depends_on_story_id": before}
    assert (await loop.team.user.post("/story_dependencies", edge)).status == 201
    await loop.do(loop.team.orchestrator, "1.1", "contract", {"skip_contract_check": True})
    answer = await loop.team.implementer.post("/stories/bulk/claim", {"story_ids": [waiting]})
    assert outcomes(answer) == [("error", "dependencies_not_met")]
    assert answer.json()["results"][0]["reason"].endswith("it waits for story 1.2, not verified yet")


@pytest.mark.parametrize("stories", [None, "x", {}, [], [{}] * 51])
async def test_a_list_that_is_none_empty_or_too_long_is_refused(loop: Work, stories: Any) -> None:
    answer = await loop.team.orchestrator.post("/stories/bulk/verify", {"stories": stories})
    assert (answer.status, list(answer.error["details"])) == (422, ["stories"])


async def test_a_retry_of_the_whole_finds_what_became_of_each(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    body = {"stories": [{"story_id": loop.stories[number], **VERIFY} for number in ("1.1", "1.2")]}
    first, again = [
        await loop.team.orchestrator.post("/stories/bulk/verify", body, Idempotency_Key="k") for _ in range(2)
    ]
    assert (first.status, first.body) == (again.status, again.body)
    fresh = await loop.team.orchestrator.post("/stories/bulk/verify", body)
    assert fresh.status == 422


async def test_the_key_of_another_request_is_refused_before_anything_is_done(loop: Work) -> None:
    for number in loop.stories:
        await loop.do(loop.team.orchestrator, number, "contract", {"skip_contract_check": True})
    first = {"story_ids": [loop.stories["1.1"]]}
    assert (await loop.team.implementer.post("/stories/bulk/claim", first, Idempotency_Key="k")).status == 200
    for body in ({"story_ids": [*first["story_ids"], loop.stories["1.2"]]}, {"story_ids": [loop.stories["1.3"]]}):
        answer = await loop.team.implementer.post("/stories/bulk/claim", body, Idempotency_Key="k")
        assert (answer.status, answer.error["code"]) == (422, "idempotency_key_reused")
    assert [await loop.status(number) for number in ("1.2", "1.3")] == [("contracted", "unverified")] * 2


async def test_everything_of_an_epic_is_verified_once_whoever_asks_again(loop: Work) -> None:
    for number in ("1.1", "1.2"):
        await loop.works(loop.team.implementer, number)
        await loop.reviews(loop.team.reviewer, number)
    path = f"/epics/{loop.epic}/verify-all"
    first, again = [await loop.team.orchestrator.post(path, VERIFY, Idempotency_Key="k") for _ in range(2)]
    assert (first.json()["verified_count"], again.body) == (2, first.body)
    assert again.headers["idempotent-replayed"] == "true"


async def test_what_is_no_answer_to_an_entry_is_the_answer_to_the_whole(
    loop: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full queue, a lost database: never a 500."""
    monkeypatch.setattr("eventstore.log.lane.LONGEST_QUEUE", 0)
    body = {"story_ids": list(loop.stories.values())}
    answer = await loop.team.implementer.post("/stories/bulk/claim", body)
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "overloaded", "1")
