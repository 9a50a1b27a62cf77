"""What stands still, over HTTP: why, what is needed from whom, since when."""

from typing import Any

import pytest

from domain.lifecycle.events import StoryClaimed
from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.work import Client, nobody

HOLDING = ("contract", "claim", "start")


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2", "1.3")


async def walked(loop: Work, number: str, *steps: str, **claim: Any) -> None:
    for step in steps:
        story = await loop.team.user.shown(loop.stories[number])
        echo = {"story_title": story["title"], "ac_count": story["ac_count"]}
        bodies = {"contract": echo, "claim": claim}
        answer = await loop.do(loop.team.implementer, number, step, bodies.get(step, {}))
        assert answer.status == 200, answer.body


async def waiting(caller: Client, query: str = "") -> list[Any]:
    answer = await caller.get(f"/waiting{query}")
    assert answer.status == 200, answer.body
    found: list[Any] = answer.json()["data"]
    return found


async def needed(caller: Client, query: str = "") -> list[tuple[str, str, str]]:
    """Number, why and role of each."""
    return [(each["story"]["number"], each["why"], each["needs"]["role"]) for each in await waiting(caller, query)]


async def test_a_story_is_waited_for_from_its_contract_to_its_verification(loop: Work) -> None:
    team, steps = loop.team, []
    assert await waiting(team.user) == []
    for step in (*HOLDING, "request-review"):
        await walked(loop, "1.1", step)
        steps += await needed(team.user)
    assert (await loop.do(team.other, "1.1", "report")).status == 200
    steps += await needed(team.user)
    assert (await loop.do(team.reviewer, "1.1", "review-complete", {"review_type": "team"})).status == 201
    steps += await needed(team.user)
    await loop.verifies("1.1")
    assert steps == [
        ("1.1", "contracted", "agent"), ("1.1", "not_started", "agent"), ("1.1", "review_not_requested", "agent"),
        ("1.1", "not_reported", "agent"), ("1.1", "not_reviewed", "agent"), ("1.1", "not_verified", "orchestrator"),
    ]  # fmt: skip
    assert await waiting(team.user) == []


async def test_it_says_who_can_get_it_on_by_which_command_and_since_when(loop: Work) -> None:
    team = loop.team
    await walked(loop, "1.2", *HOLDING)
    (found,) = await waiting(team.implementer)
    assert found["needs"] == {
        "role": "agent", "action": "request_review", "command": "loopctl request-review 1.2 --project my-app",
        "agent_id": team.agents["implementer"],
    }  # fmt: skip
    assert found["since"] == found["story"]["assigned_at"]
    assert "without a lease" in found["explanation"]


async def test_a_lease_ends_by_itself_and_a_blocked_contract_is_in_its_queue(loop: Work) -> None:
    team = loop.team
    await walked(loop, "1.1", *HOLDING, lease_seconds=600)
    body = {"story_id": loop.stories["1.2"], "depends_on_story_id": loop.stories["1.1"]}
    assert (await team.user.post("/story_dependencies", body)).status == 201
    await walked(loop, "1.2", "contract")
    assert await waiting(team.user) == []
    assert await team.user.numbers("/stories/blocked") == ["1.2"]
    await walked(loop, "1.1", "request-review")
    assert await needed(team.user) == [("1.1", "not_reported", "agent")], "others can go on, lease or not"


async def test_the_claim_of_an_agent_that_has_no_key_any_more_needs_an_orchestrator(loop: Work) -> None:
    team = loop.team
    await walked(loop, "1.1", *HOLDING)
    key = (await team.implementer.get("/tenants/me")).json()["api_key"]["id"]
    assert (await team.user.delete(f"/api_keys/{key}")).status == 200
    assert await needed(team.user) == [("1.1", "holder_gone", "orchestrator")]
    assert (await loop.do(team.orchestrator, "1.1", "force-unclaim")).status == 200
    assert await team.user.numbers("/stories/ready") == ["1.1", "1.2", "1.3"]


async def test_the_claim_of_a_deactivated_agent_that_an_old_log_holds_needs_an_orchestrator(loop: Work) -> None:
    """Deactivation ends what an agent holds today; an older log has claims that went on."""
    team, agent = loop.team, loop.team.agents["implementer"]
    assert (await team.user.patch(f"/agents/{agent}", {"status": "deactivated"})).status == 200
    place: Any = {"project_id": loop.project, "epic_id": loop.epic, "agent_status_was": "contracted"}
    claimed = StoryClaimed(**place, agent_id=agent, contracted_by_agent_id=None)  # type: ignore[arg-type]  # as text
    await team.user.happens("story", loop.stories["1.3"], claimed)
    assert await needed(team.user) == [("1.3", "holder_gone", "orchestrator")]


async def test_rejected_work_that_is_not_reset_waits_to_be_taken_back(loop: Work) -> None:
    team = loop.team
    assert (await team.user.patch("/tenants/me", {"settings": {"auto_reset_on_rejection": False}})).status == 200
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.other, "1.1")
    assert (await loop.do(team.orchestrator, "1.1", "reject", {"reason": "no"})).status == 200
    (found,) = await waiting(team.user)
    assert (found["why"], found["needs"]["action"]) == ("rejected_not_reset", "force_unclaim")
    assert found["since"] == found["story"]["rejected_at"]


@pytest.mark.parametrize(
    ("setting", "why", "action"),
    [
        ("verification_gate", "run_missing", "report_run"),
        ("verifier_binding", "verifier_not_drawn", "draw_verifier"),
    ],
)
async def test_what_a_tenant_wants_before_a_verification_is_waited_for(
    loop: Work, setting: str, why: str, action: str
) -> None:
    team = loop.team
    await loop.works(team.implementer, "1.1")
    await loop.reviews(team.other, "1.1")
    assert (await team.user.patch("/tenants/me", {"settings": {setting: True}})).status == 200
    (found,) = await waiting(team.user)
    assert (found["why"], found["needs"]["action"]) == (why, action)


async def test_the_inbox_of_a_role_a_project_and_a_reason(loop: Work) -> None:
    team = loop.team
    await walked(loop, "1.1", *HOLDING)
    await loop.works(team.implementer, "1.2")
    await loop.reviews(team.other, "1.2")
    assert await needed(team.user, "?role=orchestrator") == [("1.2", "not_verified", "orchestrator")]
    assert await needed(team.user, "?role=agent") == [("1.1", "review_not_requested", "agent")]
    assert await needed(team.user, "?why=not_reported") == []
    first = (await team.user.get(f"/waiting?project_id={loop.project}&epic_id={loop.epic}&limit=1")).json()
    assert (first["data"][0]["story"]["number"], first["meta"]["total_count"]) == ("1.1", 2)
    assert (await team.user.get(f"/waiting?project_id={nobody()}")).status == 404
    refused = await team.user.get("/waiting?role=user")
    assert (refused.status, "agent" in refused.body.decode()) == (422, True)


async def test_what_stands_in_an_archived_project_is_shown_only_when_it_is_named(loop: Work) -> None:
    team = loop.team
    await walked(loop, "1.1", "contract")
    assert (await team.user.patch(f"/projects/{loop.project}", {"status": "archived"})).status == 200
    assert await waiting(team.user) == []
    assert await needed(team.user, f"?project_id={loop.project}") == [("1.1", "contracted", "agent")]
