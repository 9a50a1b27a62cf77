"""Reports of token usage: what they count, what is refused, and that nothing is overwritten (spec 02, section 3)."""

from typing import Any

import pytest

from tests.api.logs import Service
from tests.api.team import Work, work

SPENT = {"model_name": "claude-opus-4", "input_tokens": 1000, "output_tokens": 500, "cost_millicents": 2500}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2")


async def spend(loop: Work, number: str = "1.1", **said: Any) -> dict[str, Any]:
    answer = await loop.team.implementer.post("/token-usage", {**SPENT, "story_id": loop.stories[number], **said})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()["token_usage_report"]
    return made


async def totals(loop: Work, number: str = "1.1") -> dict[str, Any]:
    answer = await loop.team.implementer.get(f"/stories/{loop.stories[number]}/token-usage")
    found: dict[str, Any] = answer.json()["totals"]
    return found


async def test_a_report_shows_what_was_said_and_whose_it_is(loop: Work) -> None:
    made = await spend(loop, session_id="s", metadata={"run": 0.5}, tool_call_count=3, reasoning_tokens=40)
    assert (made["agent_id"], made["project_id"]) == (loop.team.agents["implementer"], loop.project)
    assert (made["total_tokens"], made["cost_dollars"], made["phase"]) == (1500, "0.03", "other")
    assert (made["metadata"], made["tool_call_count"], made["reasoning_tokens"]) == ({"run": 0.5}, 3, 40)
    assert (made["source"], made["cost_source"]) == ("self_reported", "reported")


async def test_the_four_counts_have_nothing_in_common_and_the_total_is_their_sum(loop: Work) -> None:
    made = await spend(loop, cache_read_tokens=70_000, cache_write_tokens=300)
    assert made["total_tokens"] == 1000 + 500 + 70_000 + 300
    found = await totals(loop)
    assert (found["total_input_tokens"], found["total_cache_read_tokens"]) == (1000, 70_000)


async def test_without_a_cost_the_price_of_the_model_is_taken_and_the_answer_says_so(loop: Work) -> None:
    """Opus 4: 15 dollars for a million tokens in, 75 out, 1.50 read from the cache, 18.75 written to it."""
    made = await spend(
        loop, model_name="anthropic/claude-opus-4-20250514", cost_millicents=None, input_tokens=1_000_000,
        output_tokens=100_000, cache_read_tokens=1_000_000, cache_write_tokens=10_000,
    )  # fmt: skip
    assert (made["cost_source"], made["cost_dollars"]) == ("computed", "24.19")
    unknown = await spend(loop, model_name="home-made", cost_millicents=None)
    assert (unknown["cost_source"], unknown["cost_millicents"]) == ("unpriced", 0)
    assert (await totals(loop))["unpriced_count"] == 1


async def test_a_cost_that_is_far_from_the_price_is_kept_and_marked(loop: Work) -> None:
    price = 1000 * 15 // 10 + 500 * 75 // 10
    fair = await spend(loop, cost_millicents=price * 12 // 10)
    odd = await spend(loop, cost_millicents=price // 2)
    assert (fair["cost_mismatch_pct"], odd["cost_mismatch_pct"]) == (None, -50)
    assert (odd["cost_millicents"], odd["expected_cost_millicents"]) == (price // 2, price)
    assert (await totals(loop))["mismatch_count"] == 1


async def test_the_tenants_own_prices_win(loop: Work) -> None:
    own = {"input_per_mtok_millicents": 1_000_000, "output_per_mtok_millicents": 0}
    answer = await loop.team.user.patch("/tenants/me", {"settings": {"model_pricing": {"claude-*": own}}})
    assert answer.status == 200, answer.body
    assert (await spend(loop, cost_millicents=None))["cost_millicents"] == 1000


async def test_a_cost_in_dollars_needs_its_currency(loop: Work) -> None:
    made = await spend(loop, cost_millicents=None, cost="0.012345", currency="USD")
    assert made["cost_millicents"] == 1235


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a negative count": ({"input_tokens": -1}, "input_tokens"),
    "an absurd count": ({"output_tokens": 10**12 + 1}, "output_tokens"),
    "a count that no number of ours holds": ({"cache_read_tokens": 2**60}, "cache_read_tokens"),
    "no count": ({"input_tokens": None}, "input_tokens"),
    "a negative cost": ({"cost_millicents": -1}, "cost_millicents"),
    "a cost without a currency": ({"cost_millicents": None, "cost": 0.5}, "currency"),
    "another currency": ({"currency": "EUR"}, "currency"),
    "two costs": ({"cost": "1", "currency": "USD"}, "cost"),
    "a cost that is no number": ({"cost_millicents": None, "cost": "NaN", "currency": "USD"}, "cost"),
    "a blank model": ({"model_name": " "}, "model_name"),
    "an unknown phase": ({"phase": "resting"}, "phase"),
    "more reasoning than output": ({"reasoning_tokens": 501}, "reasoning_tokens"),
    "no story": ({"story_id": None}, "story_id"),
    "metadata that are too long": ({"metadata": {"a": "x" * 65_536}}, "metadata"),
    "somebody else's work": ({"agent_id": "other"}, "agent_id"),
}


async def test_what_is_wrong_is_refused_by_field_and_nothing_counts(loop: Work) -> None:
    for what, (said, field) in WRONG.items():
        body = {**SPENT, "story_id": loop.stories["1.1"], **said}
        if "agent_id" in said:
            body["agent_id"] = loop.team.agents[said["agent_id"]]
        answer = await loop.team.implementer.post("/token-usage", body)
        assert answer.status == 422, (what, answer.body)
        assert list(answer.error["details"]) == [field], what
    assert (await totals(loop))["report_count"] == 0


async def test_a_story_of_another_tenant_is_not_there(loop: Work, served: Service) -> None:
    stranger = await work(served)
    answer = await stranger.team.implementer.post("/token-usage", {**SPENT, "story_id": loop.stories["1.1"]})
    assert answer.status == 404


async def test_usage_within_a_report_of_a_story_counts_the_same(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    body = {"token_usage": {**SPENT, "agent_id": loop.team.agents["implementer"]}}
    assert (await loop.do(loop.team.reviewer, "1.1", "report", body)).status == 200
    (made,) = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}/token-usage")).json()["data"]
    assert (made["agent_id"], made["reporter_relation"]) == (loop.team.agents["implementer"], "reviewer")


async def test_a_correction_is_a_report_of_its_own_and_the_first_one_stays(loop: Work) -> None:
    first = await spend(loop, cache_read_tokens=10)
    change = {"input_tokens": -400, "output_tokens": 0, "cost_millicents": -1000, "cache_read_tokens": -10}
    answer = await loop.team.user.post(f"/token-usage/{first['id']}/correction", change)
    made = answer.json()["token_usage_report"]
    assert (answer.status, made["corrects_report_id"], made["model_name"]) == (201, first["id"], "claude-opus-4")
    listed = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}/token-usage")).json()
    assert [each["input_tokens"] for each in listed["data"]] == [-400, 1000]
    assert (listed["totals"]["total_tokens"], listed["totals"]["total_cost_millicents"]) == (1100, 1500)


async def test_no_correction_takes_away_more_than_was_reported(loop: Work) -> None:
    first = await spend(loop)
    await spend(loop, input_tokens=9000)
    for field, taken in (("input_tokens", -1001), ("output_tokens", -501), ("cost_millicents", -2501)):
        change = {"input_tokens": 0, "output_tokens": 0, "cost_millicents": 0, field: taken}
        answer = await loop.team.user.post(f"/token-usage/{first['id']}/correction", change)
        assert (answer.status, list(answer.error["details"])) == (422, [field])
        assert field in answer.error["message"]
    exact = {"input_tokens": -1000, "output_tokens": -500, "cost_millicents": -2500}
    assert (await loop.team.user.post(f"/token-usage/{first['id']}/correction", exact)).status == 201


async def test_a_deleted_report_counts_no_more_and_is_not_deleted_twice(loop: Work) -> None:
    first = await spend(loop)
    await spend(loop, input_tokens=7)
    answer = await loop.team.user.delete(f"/token-usage/{first['id']}")
    assert (answer.status, answer.json()["token_usage_report"]["deleted_at"] is not None) == (200, True)
    assert (await totals(loop))["total_input_tokens"] == 7
    assert (await loop.team.user.delete(f"/token-usage/{first['id']}")).status == 404
    assert [tag for tag, _ in await loop.team.user.recorded() if tag.startswith("token_usage")] == [
        "token_usage_report.created", "token_usage_report.created", "token_usage_report.deleted",
    ]  # fmt: skip


async def test_only_a_user_takes_cost_back(loop: Work) -> None:
    first = await spend(loop)
    for who in (loop.team.implementer, loop.team.orchestrator):
        assert (await who.delete(f"/token-usage/{first['id']}")).status == 403
        assert (await who.post(f"/token-usage/{first['id']}/correction", {})).status == 403


async def test_what_it_cost_is_in_the_storys_history(loop: Work) -> None:
    await spend(loop)
    entries = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}/history")).json()["data"]
    assert entries[-1]["new_state"]["cost_millicents"] == 2500
