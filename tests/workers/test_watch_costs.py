"""Stories that cost far more or less than others: found once for each period, whatever runs twice (spec 02, sections 5,
10.6 and 17.2, appendix B.4). From the schedule's clock to the answer of the API, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from api.found_by_jobs import FoundByJobs
from eventstore.log.lane import Writer
from tests.api.exports import METRICS, export, of_story, point, sent
from tests.api.logs import NOON, Service, service
from tests.api.team import Work, work
from tests.api.work import Client
from tests.support.database import TestDatabase, copied_database
from tests.workers.schedules import Schedule
from workers.actors import Job, Timing, Tools
from workers.jobs.watch_costs import DAILY_JOB, ROLLING_JOB

DAY = timedelta(days=1)
NEXT_NIGHT = datetime.combine(NOON.date() + DAY, datetime.min.time(), NOON.tzinfo) + timedelta(hours=2, minutes=5)
"""When the day of NOON is looked at."""


@pytest.fixture(scope="module")
async def log_of_module(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
def database(log_of_module: TestDatabase) -> TestDatabase:
    return log_of_module


class Watched(Struct):
    """A tenant with work, the schedule of the worker, and the API that takes in what it finds."""

    served: Service
    schedule: Schedule
    loop: Work
    now: datetime = NOON
    locks: Any = msgspec.field(default_factory=lambda: count(1))

    @property
    def user(self) -> Client:
        return self.loop.team.user

    async def spend(self, number: str, cost: int, tokens: int = 10) -> str:
        body = {"model_name": "m", "input_tokens": tokens, "output_tokens": 0, "cost_millicents": cost}
        said = {**body, "story_id": self.loop.stories[number]}
        answer = await self.loop.team.implementer.post("/token-usage", said)
        assert answer.status == 201, answer.body
        return str(answer.json()["token_usage_report"]["id"])

    async def looks(self, job: Job, at: datetime) -> None:
        """The worker alone: another scheduler each time, at this time, and what it wakes."""
        self.schedule.clock.now = at
        self.schedule.wakes.clear()
        await self.schedule.scheduler(job, lock=next(self.locks)).round()
        tools = Tools(self.schedule.database, Timing())
        for _, run_id in self.schedule.wakes:
            assert await job.actor.run(tools, run_id) == "done"

    async def takes(self) -> int:
        """The API alone."""
        return await FoundByJobs(self.served.store.database, Writer(self.served.store).submit).sweep(self.now)

    async def nightly(self, at: datetime = NEXT_NIGHT) -> None:
        await self.looks(DAILY_JOB, at)
        await self.takes()

    async def rolling(self, at: datetime) -> None:
        await self.looks(ROLLING_JOB, at)
        await self.takes()

    async def anomalies(self, **query: str) -> list[dict[str, Any]]:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await self.loop.team.orchestrator.get(f"/cost-anomalies?{asked}")
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def told(self) -> list[str]:
        """What the log says of anomalies."""
        answer = await self.user.get("/changes?after=-1&entity_type=cost_anomaly&limit=100")
        return [entry["action"] for entry in answer.json()["data"]]

    async def settings(self, **said: Any) -> None:
        answer = await self.user.patch("/tenants/me", {"settings": said})
        assert answer.status == 200, answer.body


@pytest.fixture
async def here(database: TestDatabase, schedule: Schedule) -> AsyncIterator[Watched]:
    moment = {"now": NOON}
    async with service(database, utc_now=lambda: moment["now"]) as served:
        yield Watched(served, schedule, await work(served, "1.1", "1.2", "1.3", "1.4", "1.5"))


NUMBERS = ("1.1", "1.2", "1.3", "1.4")
VECTORS: tuple[tuple[Sequence[int], list[tuple[str, str, int]]], ...] = (
    ((10_000, 10_000, 10_000, 100_000), [("high_cost", "3.08", 32_500)]),
    ((50_000, 50_000, 50_000, 100), [("suspiciously_low", "0.00", 37_525)]),
    ((10_000, 12_000, 8_000), []),
    ((1, 1, 1000), [("suspiciously_low", "0.00", 334), ("suspiciously_low", "0.00", 334)]),
)
"""The last: three stories are too few for one of them to be three times their mean (2.994), so high_cost needs four.
That the other two have cost next to nothing is said."""


@pytest.mark.parametrize(("costs", "found"), VECTORS)
async def test_the_costs_of_a_day_are_compared_with_the_mean_of_their_epic(
    here: Watched, costs: Sequence[int], found: list[tuple[str, str, int]]
) -> None:
    for number, cost in zip(NUMBERS, costs, strict=False):
        await here.spend(number, cost)
    await here.nightly()
    names = ("anomaly_type", "deviation_factor", "reference_avg_millicents")
    shown = await here.anomalies()
    assert [tuple(each[name] for name in names) for each in shown] == found
    assert all(each["metadata"] == {"baseline": "epic_day_mean", "period": "2026-03-27"} for each in shown)


async def costly(here: Watched) -> None:
    for number, cost in zip(NUMBERS, VECTORS[0][0], strict=True):
        await here.spend(number, cost)


async def test_an_anomaly_shows_its_story_the_agent_that_has_it_and_reaches_webhooks(here: Watched) -> None:
    hook = {"url": "https://example.com/hook", "events": ["token.anomaly_detected"]}
    webhook = (await here.user.post("/webhooks", hook)).json()["webhook"]["id"]
    await here.loop.works(here.loop.team.implementer, "1.4")
    await costly(here)
    await here.nightly()
    (shown,) = await here.anomalies()
    assert (shown["story_title"], shown["agent_name"]) == ("Story 1.4", "implementer")
    assert (shown["story_id"], shown["story_cost_dollars"]) == (here.loop.stories["1.4"], "1.00")
    sent = (await here.user.get(f"/webhooks/{webhook}/deliveries")).json()["data"]
    assert [each["event_type"] for each in sent] == ["token.anomaly_detected"]


async def test_a_day_is_looked_at_once_however_many_schedulers_and_processes_there_are(here: Watched) -> None:
    await costly(here)
    for minutes in (0, 1, 2):
        await here.looks(DAILY_JOB, NEXT_NIGHT + timedelta(minutes=minutes))
    writers = [Writer(here.served.store) for _ in range(8)]
    sweeps = [FoundByJobs(here.served.store.database, writer.submit).sweep(NOON) for writer in writers]
    taken = await asyncio.gather(*sweeps)
    assert sum(taken) > 0
    assert await here.told() == ["detected"]


async def test_what_was_found_waits_for_the_api_and_a_job_that_is_repeated_finds_nothing_more(here: Watched) -> None:
    await costly(here)
    await here.looks(DAILY_JOB, NEXT_NIGHT)
    await here.schedule.administer("DELETE FROM app.scheduled_run")
    await here.looks(DAILY_JOB, NEXT_NIGHT)
    assert await here.anomalies() == []
    assert await here.takes() == 1
    assert await here.takes() == 0
    assert len(await here.anomalies()) == 1


async def test_a_job_that_forgets_how_far_it_came_would_find_it_anew_after_it_was_resolved(here: Watched) -> None:
    """The control of the two above: what keeps a day from being looked at twice is the mark of the tenant."""
    await costly(here)
    await here.nightly()
    (shown,) = await here.anomalies()
    await here.user.patch(f"/cost-anomalies/{shown['id']}", {})
    await here.schedule.administer("DELETE FROM app.scheduled_run; UPDATE app.cost_watch SET days_through = NULL")
    await here.nightly()
    assert await here.told() == ["detected", "resolved", "detected"]


async def test_days_that_were_missed_are_made_up_for(here: Watched) -> None:
    await here.nightly(NEXT_NIGHT - DAY)
    await costly(here)
    await here.nightly(NEXT_NIGHT + 3 * DAY)
    assert [each["metadata"]["period"] for each in await here.anomalies()] == ["2026-03-27"]


async def test_a_tenant_sets_what_is_far_more_and_far_less(here: Watched) -> None:
    await here.settings(cost_anomaly_high_multiplier=1.5, cost_anomaly_low_multiplier=0.7)
    for number, cost in zip(NUMBERS, (10_000, 10_000, 10_000, 30_000), strict=True):
        await here.spend(number, cost)
    await here.nightly()
    assert sorted(each["deviation_factor"] for each in await here.anomalies()) == ["0.67", "0.67", "0.67", "2.00"]


async def test_a_tenant_may_do_without_the_daily_look(here: Watched) -> None:
    await here.settings(cost_anomaly_daily=False)
    await costly(here)
    await here.nightly()
    assert await here.anomalies() == []


async def test_all_that_a_story_has_cost_is_compared_with_the_others_of_its_epic(here: Watched) -> None:
    """Four times the mean of the others, which is less than three times the mean of all."""
    for number, cost in zip(NUMBERS, (10_000, 10_000, 10_000, 40_000), strict=True):
        await here.spend(number, cost)
    await here.rolling(NOON)
    (shown,) = await here.anomalies()
    assert (shown["deviation_factor"], shown["reference_avg_millicents"]) == ("4.00", 10_000)
    assert shown["metadata"] == {"baseline": "epic_mean", "period": None}


async def test_an_epic_with_few_stories_is_compared_with_the_median_of_the_project(here: Watched) -> None:
    second = await here.user.epic(here.loop.project, 2)
    here.loop.stories["2.1"] = await here.user.story(second, "2.1")
    for number, cost in (*zip(NUMBERS, (10_000, 10_000, 12_000, 12_000), strict=True), ("2.1", 60_000)):
        await here.spend(number, cost)
    await here.rolling(NOON)
    (shown,) = await here.anomalies()
    assert (shown["metadata"]["baseline"], shown["deviation_factor"]) == ("project_median", "5.00")


async def test_a_story_that_is_being_worked_on_has_not_cost_too_little_yet(here: Watched) -> None:
    for number, cost in zip(NUMBERS, (50_000, 50_000, 50_000, 100), strict=True):
        await here.spend(number, cost)
    await here.rolling(NOON)
    assert await here.anomalies() == []
    await reported(here, "1.4")
    await here.rolling(NOON + timedelta(minutes=5))
    assert [each["anomaly_type"] for each in await here.anomalies()] == ["suspiciously_low"]


async def test_an_anomaly_moves_with_its_figures_and_ends_when_they_are_usual_again(here: Watched) -> None:
    for number, cost in zip(NUMBERS, (10_000, 10_000, 10_000, 40_000), strict=True):
        await here.spend(number, cost)
    await here.rolling(NOON)
    await here.rolling(NOON + timedelta(minutes=5))
    mistaken = await here.spend("1.4", 10_000)
    await here.rolling(NOON + timedelta(minutes=10))
    assert [each["deviation_factor"] for each in await here.anomalies()] == ["5.00"]
    difference = {"input_tokens": 0, "output_tokens": 0, "cost_millicents": -10_000}
    assert (await here.user.post(f"/token-usage/{mistaken}/correction", difference)).status == 201
    for number in NUMBERS[:3]:
        await here.spend(number, 10_000)
    await here.rolling(NOON + timedelta(minutes=15))
    assert await here.anomalies() == []
    assert await here.told() == ["detected", "remeasured", "resolved"]
    (ended,) = await here.anomalies(resolved="true")
    assert ended["resolved"] is True


async def test_a_story_that_costs_more_than_its_budget_is_an_anomaly_until_the_budget_is_raised(here: Watched) -> None:
    limit = {"scope_type": "project", "scope_id": here.loop.project, "per": "story", "budget_millicents": 10_000}
    made = (await here.user.post("/token-budgets", limit)).json()["token_budget"]["id"]
    await here.spend("1.1", 12_500)
    await here.rolling(NOON)
    (shown,) = await here.anomalies()
    figures = (shown["anomaly_type"], shown["deviation_factor"], shown["reference_avg_millicents"])
    assert figures == ("budget_exceeded", "1.25", 10_000)
    await here.user.patch(f"/token-budgets/{made}", {"budget_millicents": 20_000})
    await here.rolling(NOON + timedelta(minutes=5))
    assert await here.anomalies() == []


async def reported(here: Watched, number: str) -> None:
    await here.loop.works(here.loop.team.implementer, number)
    await here.loop.reviews(here.loop.team.reviewer, number)


async def measures(here: Watched, number: str, tokens: int) -> None:
    await sent(here.loop.team.implementer, METRICS, export(point(tokens, type="input"), **of_story(here.loop, number)))


async def test_a_reported_story_of_which_far_more_was_measured_than_reported_is_underreported(here: Watched) -> None:
    """While it is worked on nothing is said, because reports come at the end; at twice as much not yet."""
    for number, told, measured in (("1.1", 100, 201), ("1.2", 100, 200), ("1.3", 100, 900)):
        await here.spend(number, 10_000, told)
        await measures(here, number, measured)
    for number in ("1.1", "1.2"):
        await reported(here, number)
    await here.rolling(NOON)
    (shown,) = await here.anomalies(anomaly_type="underreported")
    assert (shown["story_id"], shown["metadata"]["baseline"]) == (here.loop.stories["1.1"], "metered")
    assert [shown[name] for name in ("reported_tokens", "metered_tokens", "deviation_factor")] == [100, 201, "2.01"]


async def test_an_underreported_story_is_none_any_more_when_the_rest_is_reported(here: Watched) -> None:
    await measures(here, "1.1", 900)
    await reported(here, "1.1")
    await here.rolling(NOON)
    (shown,) = await here.anomalies()
    assert (shown["reported_tokens"], shown["deviation_factor"]) == (0, "900.00")
    await here.spend("1.1", 10_000, 400)
    await here.rolling(NOON + timedelta(minutes=5))
    (shown,) = await here.anomalies()
    assert (shown["reported_tokens"], shown["deviation_factor"]) == (400, "2.25")
    await here.spend("1.1", 10_000, 500)
    await here.rolling(NOON + timedelta(minutes=10))
    assert await here.anomalies() == []
    assert await here.told() == ["detected", "remeasured", "resolved"]


async def test_how_much_more_may_be_measured_is_a_setting(here: Watched) -> None:
    await here.settings(cost_anomaly_metered_multiplier=10)
    await here.spend("1.1", 10_000, 100)
    await measures(here, "1.1", 900)
    await reported(here, "1.1")
    await here.rolling(NOON)
    assert await here.anomalies() == []


async def test_what_is_resolved_can_be_opened_again_and_archived(here: Watched) -> None:
    await costly(here)
    await here.nightly()
    (shown,) = await here.anomalies()
    path = f"/cost-anomalies/{shown['id']}"
    resolved = (await here.user.patch(path, {"note": "A large migration"})).json()["cost_anomaly"]
    assert (resolved["resolved"], resolved["note"]) == (True, "A large migration")
    assert (await here.user.patch(path, {})).status == 200
    assert await here.anomalies() == []
    assert (await here.user.patch(path, {"resolved": False})).json()["cost_anomaly"]["resolved"] is False
    assert (await here.user.patch(path, {"archived": True})).json()["cost_anomaly"]["archived"] is True
    assert await here.anomalies() == []
    assert len(await here.anomalies(include_archived="true", anomaly_type="high_cost")) == 1
    assert await here.anomalies(include_archived="true", anomaly_type="suspiciously_low") == []
    assert await here.told() == ["detected", "resolved", "reopened", "archived"]


async def test_anomalies_of_a_suspended_tenant_are_not_looked_for(here: Watched) -> None:
    await costly(here)
    suspend = f"UPDATE app.tenant SET status = 'suspended' WHERE tenant_id = '{here.user.tenant}'"  # noqa: S608  # an id
    await here.schedule.administer(suspend)
    await here.looks(DAILY_JOB, NEXT_NIGHT)
    assert await here.takes() == 0


async def version(here: Watched, skill: str, text: str) -> str:
    made = await here.user.post(f"/skills/{skill}/versions", {"prompt_text": text})
    assert made.status == 201, made.body
    return str(made.json()["version"]["id"])


async def uses(here: Watched, version_id: str, cost: int, tokens: int, times: int = 3) -> None:
    for _ in range(times):
        body = {"model_name": "m", "input_tokens": tokens, "output_tokens": 0, "cost_millicents": cost}
        said = {**body, "story_id": here.loop.stories["1.1"], "skill_version_id": version_id}
        assert (await here.loop.team.implementer.post("/token-usage", said)).status == 201


async def regressions(here: Watched) -> list[dict[str, Any]]:
    entries = (await here.user.get("/changes?after=-1&entity_type=skill_version&limit=100")).json()["data"]
    return [each["new_state"] for each in entries if each["action"] == "cost_regression_detected"]


async def a_skill(here: Watched) -> tuple[str, str]:
    made = (await here.user.post("/skills", {"name": "loopctl:review", "prompt_text": "Read it."})).json()
    return made["skill"]["id"], made["version"]["id"]


async def test_a_version_of_a_skill_that_costs_far_more_than_the_one_before_is_said_once(here: Watched) -> None:
    """Spec 02, appendix B.6: three uses of 1,000, then three of 3,000."""
    hook = {"url": "https://example.com/hook", "events": ["skill.cost_regression_detected"]}
    webhook = (await here.user.post("/webhooks", hook)).json()["webhook"]["id"]
    skill, first = await a_skill(here)
    await uses(here, first, 1_000, 100)
    second = await version(here, skill, "Read it twice.")
    await uses(here, second, 3_000, 100, times=2)
    await here.rolling(NOON)
    assert await regressions(here) == []
    await uses(here, second, 3_000, 100, times=1)
    for minutes in (5, 10):
        await here.rolling(NOON + timedelta(minutes=minutes))
    (told,) = await regressions(here)
    assert (told["version"], told["previous_version"], told["kind"], told["cost_change_pct"]) == (2, 1, "cost", 200)
    sent = (await here.user.get(f"/webhooks/{webhook}/deliveries")).json()["data"]
    assert [each["event_type"] for each in sent] == ["skill.cost_regression_detected"]


async def test_a_version_that_needs_far_more_tokens_is_said_and_when_its_cost_follows_once_more(here: Watched) -> None:
    skill, first = await a_skill(here)
    await uses(here, first, 1_000, 100)
    second = await version(here, skill, "Read it twice.")
    await uses(here, second, 1_000, 900)
    await here.rolling(NOON)
    await uses(here, second, 9_000, 900)
    await here.rolling(NOON + timedelta(minutes=5))
    await here.rolling(NOON + timedelta(minutes=10))
    assert [each["kind"] for each in await regressions(here)] == ["tokens", "both"]


async def test_a_tenant_sets_what_a_regression_is(here: Watched) -> None:
    await here.settings(skill_regression_factor=1.2, skill_regression_min_invocations=2)
    skill, first = await a_skill(here)
    await uses(here, first, 1_000, 100)
    second = await version(here, skill, "Read it twice.")
    await uses(here, second, 1_300, 100, times=2)
    await here.rolling(NOON)
    assert [each["kind"] for each in await regressions(here)] == ["cost"]
    listed = (await here.user.get(f"/skills/{skill}/cost-regression")).json()["data"]
    assert [each["version_number"] for each in listed] == [2]
