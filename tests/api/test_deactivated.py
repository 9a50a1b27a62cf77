"""What an agent holds goes back to the queue when it is deactivated; what others can go on with stays."""

import pytest

from tests.api.logs import Service
from tests.api.team import Work, work

STEPS = {"1.1": ("contract",), "1.2": ("contract", "claim"), "1.3": ("contract", "claim", "start")}
ASKED = ("contract", "claim", "start", "request-review")


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2", "1.3", "1.4", "1.5")


async def walked(loop: Work, number: str, steps: tuple[str, ...]) -> None:
    for step in steps:
        story = (await loop.team.user.get(f"/stories/{loop.stories[number]}")).json()["story"]
        echo = {"story_title": story["title"], "ac_count": len(story["acceptance_criteria"])}
        answer = await loop.do(loop.team.implementer, number, step, echo if step == "contract" else {})
        assert answer.status == 200, answer.body


async def test_the_work_of_a_deactivated_agent_is_ready_again(loop: Work) -> None:
    """Went red while such stories stood in neither queue and nobody could claim two of them."""
    team = loop.team
    for number, steps in {**STEPS, "1.4": ASKED, "1.5": ASKED}.items():
        await walked(loop, number, steps)
    assert (await loop.do(team.other, "1.5", "report")).status == 200
    agent = team.agents["implementer"]
    assert (await team.user.patch(f"/agents/{agent}", {"status": "deactivated"})).status == 200
    ready = (await team.user.get("/stories/ready")).json()["data"]
    assert [story["number"] for story in ready] == ["1.1", "1.2", "1.3"]
    assert await loop.status("1.4") == ("implementing", "unverified")
    assert (await loop.do(team.other, "1.4", "report")).status == 200
    assert await loop.status("1.5") == ("reported_done", "unverified")
    history = (await team.user.get(f"/stories/{loop.stories['1.3']}/history")).json()["data"]
    assert history[-1]["action"] == "lease_expired"


async def test_who_did_the_work_stays_its_implementer(loop: Work) -> None:
    """Custody does not end with the claim."""
    team, agent = loop.team, loop.team.agents["implementer"]
    await walked(loop, "1.3", STEPS["1.3"])
    await team.user.patch(f"/agents/{agent}", {"status": "deactivated"})
    await team.user.patch(f"/agents/{agent}", {"status": "active"})
    assert (await loop.do(team.orchestrator, "1.3", "contract", {"skip_contract_check": True})).status == 200
    assert (await loop.do(team.other, "1.3", "claim")).status == 200
    assert (await loop.do(team.other, "1.3", "start")).status == 200
    refused = await loop.do(team.implementer, "1.3", "report")
    assert (refused.status, refused.error["code"]) == (409, "self_report_blocked")


async def test_a_deactivated_agent_brings_in_nothing(loop: Work) -> None:
    """Its orchestrator's key imported stories as verified, which `backfill` refused it."""
    story = {"number": "7.1", "title": "t", "initial_verified_status": "pass"}
    body = {"epics": [{"number": 7, "title": "e", "stories": [story]}]}
    path = f"/projects/{loop.project}/import"
    assert (await loop.team.orchestrator.post(f"{path}?dry_run=true", body)).status == 201, "the control"
    await loop.team.user.patch(f"/agents/{loop.team.agents['lead']}", {"status": "deactivated"})
    for dry in ("", "?dry_run=true", "?merge=true"):
        assert (await loop.team.orchestrator.post(path + dry, body)).error["code"] == "agent_deactivated"
