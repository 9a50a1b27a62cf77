"""Budgets: what counts towards them, what they tell and when, and what they block (spec 02, sections 4 and 17.1)."""

from typing import Any

import pytest

from tests.api.logs import Service
from tests.api.team import Work, work

SPENT = {"model_name": "m", "input_tokens": 10, "output_tokens": 10}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2")


async def budget(loop: Work, kind: str = "story", id_: str = "", **terms: Any) -> dict[str, Any]:
    scope = {"story": loop.stories["1.1"], "epic": loop.epic, "project": loop.project}.get(kind, id_)
    answer = await loop.team.user.post("/token-budgets", {"scope_type": kind, "scope_id": id_ or scope, **terms})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()["token_budget"]
    return made


async def spend(loop: Work, cost: int, number: str = "1.1", **more: Any) -> dict[str, Any]:
    body = {**SPENT, "story_id": loop.stories[number], "cost_millicents": cost, **more}
    answer = await loop.team.implementer.post("/token-usage", body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()["token_usage_report"]
    return made


async def told(loop: Work) -> list[tuple[str, int]]:
    return [
        (tag.partition(".")[2], event.utilization_pct)
        for tag, event in await loop.team.user.recorded()
        if tag in ("token_budget.warned", "token_budget.exceeded")
    ]


async def shown(loop: Work, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await loop.team.implementer.get(f"/token-budgets/{made['id']}")).json()["token_budget"]
    return found


async def test_the_warning_comes_once_when_the_threshold_is_reached(loop: Work) -> None:
    made = await budget(loop, budget_millicents=10_000)
    await spend(loop, 7_999)
    assert (await told(loop), (await shown(loop, made))["utilization_pct"]) == ([], 79)
    await spend(loop, 501)
    await spend(loop, 200)
    assert await told(loop) == [("warned", 85)]
    assert (await shown(loop, made))["warning_fired"] is True


async def test_one_report_can_bring_the_warning_and_the_end(loop: Work) -> None:
    await budget(loop, budget_millicents=5_000)
    await spend(loop, 6_000)
    assert await told(loop) == [("warned", 120), ("exceeded", 120)]
    (event,) = [event for tag, event in await loop.team.user.recorded() if tag == "token_budget.exceeded"]
    assert event.overage_millicents == 1_000


async def test_all_of_it_is_the_end_without_an_overage(loop: Work) -> None:
    await budget(loop, budget_millicents=5_000, alert_threshold_pct=100)
    await spend(loop, 5_000)
    (event,) = [event for tag, event in await loop.team.user.recorded() if tag == "token_budget.exceeded"]
    assert (event.overage_millicents, await told(loop)) == (0, [("warned", 100), ("exceeded", 100)])


async def test_what_a_deletion_takes_back_can_be_reached_again(loop: Work) -> None:
    made = await budget(loop, budget_millicents=3_000)
    first = await spend(loop, 2_500)
    assert (await shown(loop, made))["warning_fired"] is True
    await loop.team.user.delete(f"/token-usage/{first['id']}")
    assert (await shown(loop, made))["warning_fired"] is False
    await spend(loop, 2_400)
    assert await told(loop) == [("warned", 83), ("warned", 80)]


async def test_a_correction_upwards_is_told_as_well(loop: Work) -> None:
    await budget(loop, budget_millicents=3_000)
    first = await spend(loop, 1_000)
    change = {"input_tokens": 0, "output_tokens": 0, "cost_millicents": 1_500}
    assert (await loop.team.user.post(f"/token-usage/{first['id']}/correction", change)).status == 201
    assert await told(loop) == [("warned", 83)]


async def test_a_changed_limit_is_compared_anew_and_other_changes_are_not(loop: Work) -> None:
    made = await budget(loop, budget_millicents=3_000)
    await spend(loop, 2_500)
    path = f"/token-budgets/{made['id']}"
    assert (await loop.team.orchestrator.patch(path, {"metadata": {"a": 1}})).status == 200
    assert await told(loop) == [("warned", 83)]
    assert (await loop.team.orchestrator.patch(path, {"budget_millicents": 10_000})).status == 200
    assert (await shown(loop, made))["warning_fired"] is False
    assert (await loop.team.orchestrator.patch(path, {"budget_millicents": 2_000})).status == 200
    assert await told(loop) == [("warned", 83), ("warned", 125), ("exceeded", 125)]


async def test_what_was_spent_before_a_budget_counts_from_its_beginning(loop: Work) -> None:
    await spend(loop, 900)
    await budget(loop, "project", budget_millicents=1_000)
    assert await told(loop) == [("warned", 90)]


@pytest.mark.parametrize("kind", ["story", "epic", "project", "agent"])
async def test_each_scope_counts_what_is_in_it(loop: Work, kind: str) -> None:
    made = await budget(loop, kind, loop.team.agents["implementer"] if kind == "agent" else "", budget_tokens=1000)
    await spend(loop, 1, cache_read_tokens=70)
    await spend(loop, 1, "1.2")
    found = await shown(loop, made)
    tokens = 90 if kind == "story" else 110
    assert (found["current_spend_tokens"], found["utilization_pct"]) == (tokens, tokens // 10)


async def test_a_limit_for_each_story_holds_for_each_unless_it_has_its_own(loop: Work) -> None:
    await budget(loop, "project", per="story", budget_tokens=25)
    await budget(loop, "story", loop.stories["1.2"], budget_tokens=1_000)
    for _ in range(2):
        await spend(loop, 1, "1.1")
        await spend(loop, 1, "1.2")
    found = [event for tag, event in await loop.team.user.recorded() if tag == "token_budget.exceeded"]
    assert [(event.scope_type, str(event.scope_id)) for event in found] == [("story", loop.stories["1.1"])]


async def test_a_budget_that_blocks_refuses_the_report_and_the_usage_is_recorded(loop: Work) -> None:
    made = await budget(loop, "project", budget_tokens=100, enforcement="block")
    await loop.works(loop.team.implementer, "1.1")
    usage = {**SPENT, "cost_millicents": 5, "output_tokens": 95, "session_id": "s"}
    for _ in range(2):  # the same again is a retry
        answer = await loop.do(loop.team.reviewer, "1.1", "report", {"token_usage": usage})
        assert (answer.status, answer.error["code"]) == (429, "token_budget_exceeded")
        (said,) = answer.error["context"]["budgets"]
        assert (said["budget_id"], said["spend_tokens"], said["overage_tokens"]) == (made["id"], 105, 5)
    assert await loop.status("1.1") == ("implementing", "unverified")
    assert (await shown(loop, made))["current_spend_tokens"] == 105
    assert [kind for kind, _ in await told(loop)] == ["warned", "exceeded"]


async def test_who_reports_no_usage_is_blocked_by_what_was_used_before(loop: Work) -> None:
    await budget(loop, budget_tokens=19, enforcement="block")
    await loop.works(loop.team.implementer, "1.1")
    await spend(loop, 1)
    assert (await loop.do(loop.team.reviewer, "1.1", "report")).status == 429
    await loop.works(loop.team.implementer, "1.2")
    assert (await loop.do(loop.team.reviewer, "1.2", "report")).status == 200


async def test_only_a_user_lets_a_budget_block_less(loop: Work) -> None:
    made = await budget(loop, budget_tokens=100, enforcement="block")
    path, lead = f"/token-budgets/{made['id']}", loop.team.orchestrator
    for change in ({"budget_tokens": 101}, {"enforcement": "warn"}, {"budget_tokens": None, "budget_millicents": 1}):
        answer = await lead.patch(path, change)
        assert (answer.status, answer.error["code"]) == (403, "budget_relax_forbidden")
    assert (await lead.patch(path, {"budget_tokens": 99})).status == 200
    assert (await lead.delete(path)).status == 403
    assert (await loop.team.user.patch(path, {"budget_tokens": 500})).status == 200


async def test_a_budget_of_its_own_does_not_take_a_story_out_of_one_that_blocks(loop: Work) -> None:
    await budget(loop, "project", per="story", budget_tokens=100, enforcement="block")
    body = {"scope_type": "story", "scope_id": loop.stories["1.1"], "budget_tokens": 101}
    answer = await loop.team.orchestrator.post("/token-budgets", body)
    assert (answer.status, answer.error["code"]) == (403, "budget_relax_forbidden")
    assert (await loop.team.user.post("/token-budgets", body)).status == 201


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no limit": ({}, "budget_millicents"),
    "a limit of nothing": ({"budget_millicents": 0}, "budget_millicents"),
    "a negative limit": ({"budget_tokens": -1}, "budget_tokens"),
    "an absurd limit": ({"budget_tokens": 10**16}, "budget_tokens"),
    "an unknown scope": ({"scope_type": "planet"}, "scope_type"),
    "no scope": ({"scope_type": None}, "scope_type"),
    "a threshold beyond the limit": ({"budget_tokens": 1, "alert_threshold_pct": 101}, "alert_threshold_pct"),
    "another enforcement": ({"budget_tokens": 1, "enforcement": "shout"}, "enforcement"),
    "items of a story": ({"budget_tokens": 1, "per": "agent"}, "per"),
}


async def test_what_is_wrong_is_refused_by_field(loop: Work) -> None:
    for what, (said, field) in WRONG.items():
        body = {"scope_type": "story", "scope_id": loop.stories["1.1"], **said}
        answer = await loop.team.user.post("/token-budgets", body)
        assert (answer.status, list(answer.error["details"])) == (422, [field]), what


async def test_what_is_not_there_or_another_tenants_has_no_budget(loop: Work, served: Service) -> None:
    stranger = await work(served)
    for kind, id_ in (("story", loop.stories["1.1"]), ("epic", loop.epic), ("project", loop.project)):
        body = {"scope_type": kind, "scope_id": id_, "budget_tokens": 1}
        assert (await stranger.team.user.post("/token-budgets", body)).status == 404


async def test_there_is_one_budget_for_each_scope(loop: Work) -> None:
    await budget(loop, "project", budget_tokens=1)
    await budget(loop, "project", budget_tokens=1, per="story")
    body = {"scope_type": "project", "scope_id": loop.project, "budget_tokens": 2}
    assert (await loop.team.user.post("/token-budgets", body)).status == 409


async def test_a_project_has_budgets_in_the_words_of_its_own_route(loop: Work) -> None:
    said = {"scope_type": "per_story", "token_limit": 200_000, "warning_threshold": 0.75, "enforcement": "block"}
    answer = await loop.team.orchestrator.post(f"/projects/{loop.project}/token-budgets", said)
    made = answer.json()["token_budget"]
    assert (answer.status, made["per"], made["budget_tokens"], made["alert_threshold_pct"]) == (
        201,
        "story",
        200_000,
        75,
    )
    listed = (await loop.team.user.get(f"/projects/{loop.project}/token-budgets")).json()["data"]
    assert [each["id"] for each in listed] == [made["id"]]


async def test_which_budget_holds_is_the_nearest_one(loop: Work) -> None:
    path = f"/token-budgets/effective?scope_type=story&scope_id={loop.stories['1.1']}"

    async def holds() -> tuple[str, int]:
        found = (await loop.team.user.get(path)).json()["data"]
        return found["budget_source"], found["effective_budget_millicents"]

    await loop.team.user.patch("/tenants/me", {"default_story_budget_millicents": 4})
    assert await holds() == ("tenant_default", 4)
    for kind, source, limit in (
        ("project", "project_inherited", 3),
        ("epic", "epic_inherited", 2),
        ("story", "explicit", 1),
    ):
        await budget(loop, kind, budget_millicents=limit)
        assert await holds() == (source, limit)
