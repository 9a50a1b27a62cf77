"""What was measured stands beside what was reported, in every answer that says what something has cost."""

from typing import Any

import pytest

from tests.api.exports import METRICS, TRACES, export, of_story, point, sent, span, spans
from tests.api.logs import Service
from tests.api.team import Work, work

SHOWN = {"metrics": 100, "spans": 70, "logs": None}
NOTHING = {"metrics": None, "spans": None, "logs": None}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2")


@pytest.fixture
async def measured(loop: Work) -> Work:
    """Of story 1.1: 10 tokens reported, 100 told by metrics and 70 by spans."""
    said = {"model_name": "m", "input_tokens": 10, "output_tokens": 0, "cost_millicents": 7}
    answer = await loop.team.implementer.post("/token-usage", {**said, "story_id": loop.stories["1.1"]})
    assert answer.status == 201
    await sent(loop.team.implementer, METRICS, export(point(100, type="input", model="m"), **of_story(loop)))
    call = span(request__model="m", usage__input_tokens=60, usage__output_tokens=10)
    await sent(loop.team.implementer, TRACES, spans(call, **of_story(loop)))
    return loop


async def told(loop: Work, path: str) -> Any:
    answer = await loop.team.user.get(path.format(project=loop.project, agent=loop.team.agents["implementer"]))
    assert answer.status == 200, answer.body
    return answer.json()


def tokens(metered: dict[str, Any]) -> dict[str, int | None]:
    return {signal: said and said["total_tokens"] for signal, said in metered.items()}


LISTS = (
    "/analytics/agents", "/analytics/agents?project_id={project}", "/analytics/agents?since=2000-01-01",
    "/analytics/epics", "/analytics/models", "/analytics/models?project_id={project}&since=2000-01-01",
    "/analytics/trends", "/analytics/trends?granularity=weekly",
)  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
async def test_each_row_of_analytics_says_what_was_measured(measured: Work, path: str) -> None:
    (row,) = (await told(measured, path))["data"]
    assert (row["source"], row["total_tokens"], row["metered_tokens"]) == ("self_reported", 10, SHOWN)


@pytest.mark.parametrize("path", ["/analytics/agents?until=2000-01-01", "/analytics/models?until=2000-01-01"])
async def test_days_choose_what_was_measured_as_well(measured: Work, path: str) -> None:
    assert (await told(measured, path))["data"] == []


async def test_a_project_its_progress_and_a_profile_say_it(measured: Work) -> None:
    project = (await told(measured, "/analytics/projects/{project}"))["data"]
    assert (project["total_tokens"], tokens(project["metered"])) == (10, SHOWN)
    usage = (await told(measured, "/projects/{project}/token-usage"))["data"]
    assert [row["metered_tokens"] for row in (*usage["agents"], *usage["models"])] == [SHOWN, SHOWN]
    progress = (await told(measured, "/projects/{project}/progress?include_cost=true"))["progress"]
    assert (progress["cost"]["total_tokens"], tokens(progress["cost"]["metered"])) == (10, SHOWN)
    profile = (await told(measured, "/analytics/agents/{agent}/model-profile"))["data"]
    assert profile["metered_tokens"] == SHOWN


async def test_stories_with_token_totals_say_it(measured: Work) -> None:
    listed = (await told(measured, "/stories?include_token_totals=true"))["data"]
    assert [(each["total_tokens"], tokens(each["metered"])) for each in listed] == [(10, SHOWN), (None, NOTHING)]


async def test_a_budget_counts_what_was_reported_and_shows_what_was_measured(measured: Work) -> None:
    """Of 20 tokens, although 100 were measured; what each story may use is said of stories, not of the project."""
    for more in ({}, {"per": "story"}):
        limit = {"scope_type": "project", "scope_id": measured.project, "budget_tokens": 20, **more}
        assert (await measured.team.user.post("/token-budgets", limit)).status == 201
    each, whole = (await told(measured, "/token-budgets"))["data"]
    assert (whole["counts"], whole["utilization_pct"], whole["metered_tokens"]) == ("self_reported", 50, SHOWN)
    assert (each["utilization_pct"], each["metered_tokens"]) == (None, NOTHING)
    shown = (await told(measured, f"/token-budgets/{whole['id']}"))["token_budget"]
    assert shown["metered_tokens"] == SHOWN


async def test_what_another_tenant_measures_is_in_no_sum(measured: Work) -> None:
    elsewhere = await work(measured.team.user.service, "1.1")
    await sent(elsewhere.team.implementer, METRICS, export(point(5, type="input", model="m"), **of_story(elsewhere)))
    (row,) = (await told(measured, "/analytics/agents"))["data"]
    assert row["metered_tokens"] == SHOWN
