"""What the versions of a skill cost: reports that name them, corrections and deletions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.logs import Service, service
from tests.api.team import Work, work
from tests.api.work import nobody
from tests.support.database import TestDatabase, copied_database

SKILL = {"name": "s", "prompt_text": "Do it."}


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


class Used:
    """A skill of two versions and what was used of them."""

    def __init__(self, done: Work) -> None:
        self.done = done
        self.skill = ""
        self.versions: list[str] = []

    async def begin(self) -> "Used":
        user = self.done.team.user
        made = (await user.post("/skills", SKILL)).json()
        self.skill = made["skill"]["id"]
        second = (await user.post(f"/skills/{self.skill}/versions", {"prompt_text": "Do it well."})).json()
        self.versions = [made["version"]["id"], second["version"]["id"]]
        return self

    async def use(self, number: int, cost: int, tokens: int = 60) -> str:
        answer = await self.done.team.implementer.post(
            "/token-usage", self.report(self.versions[number - 1], cost, tokens)
        )
        assert answer.status == 201, answer.body
        return str(answer.json()["token_usage_report"]["id"])

    def report(self, version: str, cost: int, tokens: int = 60) -> dict[str, Any]:
        return {
            "story_id": self.done.stories["1.1"], "model_name": "m", "input_tokens": tokens, "output_tokens": 0,
            "cost_millicents": cost, "skill_version_id": version,
        }  # fmt: skip

    async def rows(self, of: str = "cost-performance") -> list[Any]:
        answer = await self.done.team.user.get(f"/skills/{self.skill}/{of}")
        assert answer.status == 200, answer.body
        found: list[Any] = answer.json()["data"]
        return found


async def test_a_version_that_costs_three_times_as_much_is_shown_as_such(running: Service) -> None:
    used = await Used(await work(running)).begin()
    assert await used.rows() == []
    for number, cost in ((1, 1000), (1, 1000), (1, 1000), (2, 3000), (2, 3000)):
        await used.use(number, cost)
    assert await used.rows("cost-regression") == []
    await used.use(2, 3000)
    first, second = await used.rows()
    assert (first["total_invocations"], first["cost_change_pct"], first["cost_regression"]) == (3, None, False)
    assert (second["avg_cost_per_invocation_millicents"], second["cost_change_pct"]) == (3000, 200)
    assert (second["cost_regression"], second["token_regression"], second["avg_tokens_per_invocation"]) == (
        True,
        False,
        60,
    )
    assert await used.rows("cost-regression") == [second]
    shown = (await used.done.team.user.get(f"/skills/{used.skill}/versions/2")).json()["cost_summary"]
    assert shown == {
        "version_number": 2, "total_invocations": 3, "total_cost_millicents": 9000,
        "avg_cost_per_invocation_millicents": 3000,
    }  # fmt: skip


async def test_a_correction_counts_with_the_version_and_a_deleted_report_with_none(running: Service) -> None:
    used = await Used(await work(running)).begin()
    user = used.done.team.user
    report, other = await used.use(1, 1000), await used.use(2, 500)
    less = {"input_tokens": -10, "output_tokens": 0, "cost_millicents": -400}
    assert (await user.post(f"/token-usage/{report}/correction", less)).status == 201
    assert (await user.delete(f"/token-usage/{other}")).status == 200
    (row,) = await used.rows()
    assert (row["version_number"], row["total_invocations"], row["total_cost_millicents"]) == (1, 1, 600)
    assert row["total_tokens"] == 50


async def test_a_version_that_there_is_not_is_refused_and_nothing_counted(running: Service) -> None:
    used = await Used(await work(running)).begin()
    team = used.done.team
    answer = await team.implementer.post("/token-usage", used.report(nobody(), 1))
    assert (answer.status, [*answer.error["details"]]) == (422, ["skill_version_id"])
    await used.done.works(team.implementer, "1.1")
    usage = {name: each for name, each in used.report(nobody(), 1).items() if name != "story_id"}
    answer = await used.done.do(team.other, "1.1", "report", {"token_usage": usage})
    assert (answer.status, [*answer.error["details"]]) == (422, ["token_usage.skill_version_id"])
    assert (await used.done.status("1.1"))[0] == "implementing"
