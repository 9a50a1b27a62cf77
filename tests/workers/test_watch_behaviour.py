"""Stories whose figures are those of work that was not done: flagged once for each round, and nothing is refused
because of it (spec 02, sections 12 and 17.5)."""

from datetime import timedelta
from typing import Any

from tests.api.logs import NOON
from tests.support.database import TestDatabase
from tests.workers.test_watch_costs import Watched, database, here, log_of_module
from workers.jobs.watch_behaviour import JOB

__all__ = ["TestDatabase", "database", "here", "log_of_module"]

IDLE: dict[str, Any] = {"tool_call_count": 2, "cot_length_tokens": 50, "tests_run_count": 0}
FIVE_MINUTES = timedelta(minutes=5)


async def worked(here: Watched, number: str = "1.1", **figures: Any) -> None:
    """Eight hours' work by its estimate, with a review asked for."""
    story = here.loop.stories[number]
    assert (await here.user.patch(f"/stories/{story}", {"estimated_hours": 8})).status == 200
    body = {"model_name": "m", "input_tokens": 200_000, "output_tokens": 0, "story_id": story, **figures}
    assert (await here.loop.team.implementer.post("/token-usage", body)).status == 201
    await here.loop.works(here.loop.team.implementer, number)


async def looks(here: Watched, times: int = 1, after: int = 0) -> None:
    for number in range(times):
        await here.looks(JOB, NOON + (after + number) * FIVE_MINUTES)
        await here.takes()


async def told(here: Watched, number: str = "1.1") -> list[dict[str, Any]]:
    entries = (await here.user.get(f"/stories/{here.loop.stories[number]}/history")).json()["data"]
    return [entry["new_state"] for entry in entries if entry["action"] == "flagged_for_rereview"]


async def shown(here: Watched, number: str = "1.1") -> dict[str, Any]:
    answer = await here.loop.team.orchestrator.get(f"/stories/{here.loop.stories[number]}/behaviour")
    found: dict[str, Any] = answer.json()["data"]
    return found


async def test_a_story_with_the_figures_of_no_work_is_flagged_once_and_a_verifier_is_asked_for(here: Watched) -> None:
    hook = {"url": "https://example.com/hook", "events": ["story.flagged_for_rereview"]}
    webhook = (await here.user.post("/webhooks", hook)).json()["webhook"]["id"]
    await worked(here, **IDLE)
    await looks(here, times=3)
    (entry,) = await told(here)
    assert (entry["flags"], entry["lazy_score"]) == (["lazy"], 87)
    assert entry["lazy_factors"] == {"few_tool_calls": 90, "no_tests": 100, "short_reasoning": 70}
    story = (await here.user.get(f"/stories/{here.loop.stories['1.1']}")).json()["story"]
    assert (story["verifier_needed"], story["agent_status"]) == (True, "implementing")
    sent = (await here.user.get(f"/webhooks/{webhook}/deliveries")).json()["data"]
    assert [each["event_type"] for each in sent] == ["story.flagged_for_rereview"]


async def test_a_report_without_those_figures_is_no_sign_of_anything(here: Watched) -> None:
    """Went red when an absent figure was a sum of nothing."""
    await worked(here)
    await looks(here)
    assert await told(here) == []
    found = await shown(here)
    assert (found["lazy_score"], found["figures"]["tool_call_count"]) == (0, None)


async def test_a_flagged_story_goes_all_the_way_and_is_flagged_no_more(here: Watched) -> None:
    await worked(here, **IDLE)
    await looks(here)
    await here.loop.reviews(here.loop.team.reviewer, "1.1")
    await here.loop.verifies("1.1")
    assert await here.loop.status("1.1") == ("reported_done", "verified")
    await looks(here, after=1)
    assert len(await told(here)) == 1


async def test_what_is_found_later_is_said_and_what_was_said_is_not_said_again(here: Watched) -> None:
    """A report that nobody reviews for a day; the flags before it are among those after."""
    await worked(here, **IDLE)
    await looks(here)
    assert (await here.loop.do(here.loop.team.reviewer, "1.1", "report")).status == 200
    await here.looks(JOB, NOON + timedelta(hours=25))
    await here.takes()
    entries = await told(here)
    assert [each["flags"] for each in entries] == [["lazy"], ["lazy", "no_review", "too_fast"]]


async def test_a_finding_of_a_round_that_is_over_flags_nothing(here: Watched) -> None:
    await worked(here, **IDLE)
    await here.looks(JOB, NOON)
    await here.loop.reviews(here.loop.team.reviewer, "1.1")
    rejected = {"reason": "No tests"}
    assert (await here.loop.do(here.loop.team.orchestrator, "1.1", "reject", rejected)).status < 300
    await here.takes()
    assert await told(here) == []


async def test_deleted_reports_do_not_count(here: Watched) -> None:
    await worked(here)
    body = {"model_name": "m", "input_tokens": 1, "output_tokens": 0, "story_id": here.loop.stories["1.1"], **IDLE}
    made = await here.loop.team.implementer.post("/token-usage", body)
    assert (await shown(here))["lazy_flagged"] is True
    await here.user.delete(f"/token-usage/{made.json()['token_usage_report']['id']}")
    assert (await shown(here))["lazy_flagged"] is False


async def test_the_answer_says_what_it_is_made_of_and_what_was_flagged(here: Watched) -> None:
    await worked(here, **IDLE)
    await looks(here)
    found = await shown(here)
    assert (found["lazy_score"], found["sanity_flags"], found["flagged"]) == (0.87, ["lazy"], ["lazy"])
    assert found["lazy_breakdown"] == {"few_tool_calls": 0.9, "no_tests": 1, "short_reasoning": 0.7}
    assert "no tests were run" in found["lazy_reasons"]
