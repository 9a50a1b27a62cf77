"""Costs added up: by agent, epic, project, model, phase and day (spec 02, section 6)."""

from typing import Any

import msgspec
import pytest

from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.work import Client


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2", "1.3")


async def spend(loop: Work, who: Client, number: str, cost: int, **said: Any) -> None:
    body = {"model_name": "opus", "input_tokens": 10, "output_tokens": 10, "phase": "implementing", **said}
    body |= {"story_id": loop.stories[number], "cost_millicents": cost}
    answer = await who.post("/token-usage", body)
    assert answer.status == 201, answer.body


async def told(who: Client, path: str) -> Any:
    answer = await who.get(path)
    assert answer.status == 200, answer.body
    return answer.json()["data"]


async def two_agents(loop: Work) -> None:
    """Spec 02, appendix B.8."""
    ann, bob = loop.team.implementer, loop.team.other
    await spend(loop, ann, "1.1", 5_000)
    await spend(loop, ann, "1.2", 7_000, phase="reviewing")
    await spend(loop, bob, "1.1", 1_500, model_name="sonnet")
    await spend(loop, bob, "1.3", 700, phase="planning", model_name="sonnet")


async def test_agents_are_ranked_by_what_a_story_costs_them(loop: Work) -> None:
    await two_agents(loop)
    rows = await told(loop.team.orchestrator, f"/analytics/agents?project_id={loop.project}")
    assert [(row["agent_name"], row["efficiency_rank"], row["avg_cost_per_story_millicents"]) for row in rows] == [
        ("other", 1, 1_100), ("implementer", 2, 6_000),
    ]  # fmt: skip
    assert [row["primary_model"] for row in rows] == ["sonnet", "opus"]
    assert await told(loop.team.orchestrator, "/analytics/agents?since=2000-01-01") == rows
    assert await told(loop.team.orchestrator, "/analytics/agents?since=2100-01-01") == []


async def test_a_project_says_what_all_of_it_costs_and_under_both_names(loop: Work) -> None:
    await two_agents(loop)
    found = await told(loop.team.implementer, f"/analytics/projects/{loop.project}")
    assert (found["total_cost_millicents"], found["cost_millicents"]) == (14_200, 14_200)
    assert (found["story_count"], found["agent_count"], found["avg_cost_per_story_millicents"]) == (3, 2, 4_733)
    assert found["cost_by_phase"] == {"implementing": 6_500, "planning": 700, "reviewing": 7_000}
    assert found["model_costs"]["opus"]["cost_millicents"] == 12_000
    assert [each["model_name"] for each in found["model_breakdown"]] == ["opus", "sonnet"]
    assert found["cost_per_verified_story_millicents"] is None


async def test_a_verified_story_costs_all_that_was_spent_and_rejected_work_is_rework(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    await spend(loop, loop.team.implementer, "1.1", 3_000)
    await loop.reviews(loop.team.reviewer, "1.1")
    rejected = await loop.do(loop.team.orchestrator, "1.1", "reject", {"reason": "no"})
    assert rejected.status == 200, rejected.body
    await loop.works(loop.team.implementer, "1.1")
    await spend(loop, loop.team.implementer, "1.1", 1_000)
    await spend(loop, loop.team.implementer, "1.2", 500)
    await loop.reviews(loop.team.reviewer, "1.1")
    await loop.verifies("1.1")
    found = await told(loop.team.user, f"/analytics/projects/{loop.project}")
    assert (found["verified_story_count"], found["verified_stories_cost_millicents"]) == (1, 4_000)
    assert found["cost_per_verified_story_millicents"] == 4_500
    assert (found["rework_cost_millicents"], found["rework_tokens"]) == (3_000, 20)
    (model,) = await told(loop.team.user, "/analytics/models")
    assert (model["stories_verified_count"], model["verification_rate_pct"]) == (1, 100)
    assert model["rework_cost_millicents"] == 3_000
    (epic,) = await told(loop.team.user, f"/analytics/epics?project_id={loop.project}")
    assert (epic["story_count"], epic["completed_story_count"], epic["epic_title"]) == (3, 1, epic["epic_name"])
    assert (epic["total_cost_millicents"], epic["avg_cost_per_story_millicents"]) == (4_500, 1_500)


async def test_the_mix_and_an_agents_profile_say_which_model_did_what(loop: Work) -> None:
    await two_agents(loop)
    await spend(loop, loop.team.other, "1.1", 1_000)
    mix = await told(loop.team.orchestrator, "/analytics/model-mix")
    assert [(cell["model_name"], cell["phase"]) for cell in mix["matrix"]] == [
        ("opus", "implementing"), ("opus", "reviewing"), ("sonnet", "implementing"), ("sonnet", "planning"),
    ]  # fmt: skip
    assert mix["comparative"]["mixed_model"]["agent_count"] == 1
    profile = await told(loop.team.orchestrator, f"/analytics/agents/{loop.team.agents['other']}/model-profile")
    assert (profile["is_model_blender"], profile["models_used"]) == (True, ["opus", "sonnet"])
    assert [each["cost_share_pct"] for each in profile["usage"]] == [31, 46, 21]


async def test_trends_are_by_day_or_by_week(loop: Work) -> None:
    await two_agents(loop)
    (day,) = await told(loop.team.orchestrator, "/analytics/trends")
    (week,) = await told(loop.team.orchestrator, "/analytics/trends?granularity=weekly")
    assert (day["period"], week["period"], day["unique_agents"]) == ("2026-03-27", "2026-03-23", 2)
    assert (day["report_count"], day["total_tokens"]) == (4, 80)


async def test_stories_and_progress_say_their_cost_where_it_is_asked_for(loop: Work) -> None:
    await two_agents(loop)
    story = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}?include_token_totals=true")).json()["story"]
    assert (story["total_cost_millicents"], story["token_totals"]["report_count"]) == (6_500, 2)
    assert "token_totals" not in await loop.team.user.shown(loop.stories["1.1"])
    listed = (await loop.team.user.get(f"/epics/{loop.epic}/stories?include_token_totals=true")).json()["data"]
    assert [each["total_tokens"] for each in listed] == [40, 20, 20]
    progress = (await loop.team.user.get(f"/projects/{loop.project}/progress?include_cost=true")).json()["progress"]
    assert (progress["total_cost_millicents"], progress["cost"]["total_cost_dollars"]) == (14_200, "0.14")


async def test_nothing_costs_nothing(loop: Work) -> None:
    found = await told(loop.team.user, f"/analytics/projects/{loop.project}")
    assert (found["total_cost_millicents"], found["story_count"], found["top_agents"]) == (0, 0, [])
    assert await told(loop.team.orchestrator, "/analytics/agents") == []


LOOKS = (
    "/analytics/agents", "/analytics/epics", "/analytics/models", "/analytics/trends", "/analytics/model-mix",
    "/analytics/projects/{project}", "/projects/{project}/token-usage", "/analytics/agents/{agent}/model-profile",
)  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
async def test_after_the_position_of_a_report_it_is_counted_and_a_later_one_is_refused(loop: Work, look: str) -> None:
    said = {"model_name": "opus", "input_tokens": 10, "output_tokens": 10, "story_id": loop.stories["1.1"]}
    position = int((await loop.team.implementer.post("/token-usage", said)).headers["loopctl-position"])
    path = look.format(project=loop.project, agent=loop.team.agents["implementer"])
    shown = msgspec.json.encode(await told(loop.team.orchestrator, f"{path}?after={position}"))
    assert b'"report_count":1' in shown
    refused = await loop.team.orchestrator.get(f"{path}?after={position + 1}")
    assert (refused.status, refused.error["code"]) == (422, "validation_failed")
