"""The page of costs: what each role sees of it, each table for other tools, and what is drawn."""

from typing import Any
from uuid import UUID

import pytest

from api.web.bars import bars
from api.web.costs import measured_of
from api.web.words import use
from domain.usage.anomaly import CostAnomalyDetected
from tests.api.asgi import Answer, ask
from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.web.world import sign_in
from tests.api.work import Client, nobody

HEADINGS = {
    "anomalies": b"What stands out",
    "days": b"By day", "models": b"By model", "agents": b"By agent", "skills": b"By version of a skill",
    "projects": b"For each verified story</h2>", "budgets": b"Budgets",
}  # fmt: skip


async def look(started: Service, path: str, raw: str, accept: str = "text/html") -> Answer:
    cookie = await sign_in(started, raw)
    return await ask(started.app, f"/app/costs{path}", headers={"Accept": accept, "Cookie": cookie})


@pytest.fixture
async def spent(served: Service) -> Work:
    """A verified story that cost $1.23 by a version of a skill, and a budget for its epic."""
    laid_out = await work(served)
    user, ann = laid_out.team.user, laid_out.team.implementer
    skill = (await user.post("/skills", {"name": "<b>skill", "prompt_text": "x"})).json()["skill"]
    version = (await user.get(f"/skills/{skill['id']}/versions")).json()["data"][0]["id"]
    usage = {
        "story_id": laid_out.stories["1.1"], "model_name": "<i>model", "phase": "implementing", "input_tokens": 1_000,
        "output_tokens": 234, "cost_millicents": 123_456, "skill_version_id": version,
    }  # fmt: skip
    assert (await ann.post("/token-usage", usage)).status == 201
    await laid_out.works(ann, "1.1")
    await laid_out.reviews(laid_out.team.reviewer, "1.1")
    await laid_out.verifies("1.1")
    limit = {"scope_type": "epic", "scope_id": laid_out.epic, "budget_millicents": 130_000}
    assert (await user.post("/token-budgets", limit)).status == 201
    found = CostAnomalyDetected(
        project_id=UUID(laid_out.project), story_id=UUID(laid_out.stories["1.1"]), anomaly_type="high_cost",
        epic_id=UUID(laid_out.epic), story_title="as it was", agent_id=None, agent_name=None,
        story_cost_millicents=123_456, reference_avg_millicents=30_000, deviation_factor="4.11",
        baseline="epic_day_mean", period="2026-03-26",
    )  # fmt: skip
    await user.happens("cost_anomaly", nobody(), found)
    return laid_out


@pytest.mark.parametrize(
    ("who", "hidden"),
    [("user", set[str]()), ("orchestrator", {"skills"}), ("implementer", {"skills", "agents", "days", "anomalies"})],
)
async def test_what_a_role_may_not_read_is_not_shown(served: Service, spent: Work, who: str, hidden: set[str]) -> None:
    raw = getattr(spent.team, who).raw
    body = (await look(served, "", raw)).body
    assert {name for name, heading in HEADINGS.items() if heading not in body} == hidden
    for name in HEADINGS:
        answer = await look(served, f"?format=json&table={name}", raw)
        assert answer.status == (403 if name in hidden else 200), name
        assert name in hidden or answer.json(), name


async def test_a_glance_says_what_was_spent_and_what_a_verified_story_cost(served: Service, spent: Work) -> None:
    body = (await look(served, "", spent.team.user.raw)).body.decode()
    assert body.count("$1.23") >= 6
    assert "agents said so in 1 report; nothing was measured beside it" in body
    assert body.count(">1 of 1<") == 2, "by model and by version: of the stories that somebody has judged"
    assert "&lt;b&gt;skill" in body
    assert "&lt;i&gt;model" in body
    assert f'/app/stories/{spent.stories["1.1"]}">Story 1.1' in body
    assert '<span class="use-high">94%</span>' in body
    assert "1 Epic 1" in body, "the budget's epic by its name"


async def test_a_choice_of_project_and_days_holds_for_every_table_that_has_them(served: Service, spent: Work) -> None:
    raw = spent.team.user.raw
    await spent.team.user.project("other")
    of_other = (await look(served, "?project=other", raw)).body
    assert b"No usage was reported" in of_other
    assert b"By epic" in (await look(served, "?project=my-app", raw)).body
    later = await look(served, "?since=2026-03-28&table=models&format=json", raw)
    same_day = await look(served, "?until=2026-03-27&table=models&format=json", raw)
    assert (later.json(), [each["total_cost_millicents"] for each in same_day.json()]) == ([], [123_456])
    csv = (await look(served, "?format=csv&table=models", raw)).body.decode().splitlines()
    assert csv[0].startswith("model_name,")
    assert csv[1].startswith("<i>model,")


@pytest.mark.parametrize(
    "wanted", ["?since=today", "?since=2026-13-01", "?until=20260327", "?table=users", "?format=xml"]
)
async def test_what_is_no_choice_is_refused(served: Service, ann: Client, wanted: str) -> None:
    assert (await look(served, wanted, ann.raw)).status == 422


async def test_nobody_sees_what_another_tenant_spends(served: Service, spent: Work, bob: Client) -> None:
    body = (await look(served, "", bob.raw)).body
    assert b"$1.23" not in body
    assert b"No usage was reported" in body
    foreign = await look(served, f"?project={spent.project}", bob.raw)
    assert (foreign.status, b"Page not found" in foreign.body) == (404, True)
    assert (await look(served, "?project=my-app", bob.raw)).status == 404
    assert (await look(served, f"?project={spent.project}", spent.team.user.raw)).status == 200, "the control"


def day(period: str, millicents: int) -> dict[str, Any]:
    return {"period": period, "total_cost_millicents": millicents}


def test_every_day_has_its_place_and_the_dearest_is_as_high_as_the_drawing() -> None:
    drawn = bars([day("2026-03-01", 100), day("2026-03-20", 400)], 62)
    assert drawn is not None
    assert (len(drawn.bars), drawn.days, drawn.highest) == (20, 1, 400)
    assert [bar.height for bar in drawn.bars if bar.height] == [35.0, 140.0]
    assert all(bar.y + bar.height == 140 for bar in drawn.bars)


def test_what_was_measured_is_added_up_by_the_signal_that_told_it() -> None:
    rows = [{"metered": {"spans": {"total_cost_millicents": each}, "logs": None}} for each in (3, 4)]
    assert measured_of(rows) == {"spans": 7}


def test_many_days_share_bars_and_nothing_is_lost() -> None:
    days = [day(f"2026-{month:02}-{number:02}", 7) for month in (1, 2, 3) for number in range(1, 29)]
    drawn = bars(days, 30)
    assert drawn is not None
    assert (drawn.days, len(drawn.bars) <= 30) == (3, True)
    assert sum(bar.millicents for bar in drawn.bars) == 7 * len(days)


def test_one_day_is_a_bar_among_days_and_no_day_is_no_drawing() -> None:
    drawn = bars([day("2026-03-27", -5)], 62)
    assert drawn is not None
    assert (len(drawn.bars), drawn.bars[-1].height, str(drawn.bars[-1].last)) == (14, 0, "2026-03-27")
    assert bars([], 62) is None


def test_how_much_of_a_budget_is_used_is_a_colour() -> None:
    """Neutral up to the warning, as using it is no confirmation of anything."""
    assert [use(each, 70) for each in (0, 69, 70, 99, 100, 400)] == [
        "middle", "middle", "high", "high", "over", "over",
    ]  # fmt: skip
