"""Claims with a time limit, and the best ready story of a project."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from api.lease_sweeper import LeaseSweeper
from eventstore.log.lane import Writer
from tests.api.logs import NOON, Service
from tests.api.team import Work, work


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2", "1.3")


async def leased(loop: Work, seconds: int = 60) -> Any:
    body = {"project_id": loop.project, "lease_seconds": seconds}
    return (await loop.team.implementer.post("/stories/next/claim", body)).json()


def sweeper(service: Service) -> LeaseSweeper:
    return LeaseSweeper(service.store.database, Writer(service.store).submit)


async def test_a_claim_that_nobody_renews_ends_and_the_story_is_ready_again(served: Service, loop: Work) -> None:
    claimed = await leased(loop)
    assert claimed["lease"]["expires_at"] == "2026-03-27T12:01:00.000000Z"
    await sweeper(served).sweep(NOON + timedelta(seconds=59))
    assert await loop.status("1.1") == ("assigned", "unverified")
    await sweeper(served).sweep(NOON + timedelta(seconds=61))
    assert await loop.status("1.1") == ("pending", "unverified")
    assert (await loop.team.user.recorded())[-1][0] == "story.lease_expired"
    before = len(await loop.team.user.recorded())
    await sweeper(served).sweep(NOON + timedelta(seconds=62))
    assert len(await loop.team.user.recorded()) == before


async def test_a_heartbeat_keeps_the_claim(served: Service, loop: Work) -> None:
    await leased(loop)
    answer = await loop.do(loop.team.implementer, "1.1", "heartbeat", {"lease_seconds": 600})
    assert answer.json()["lease"]["expires_at"] == "2026-03-27T12:10:00.000000Z"
    await sweeper(served).sweep(NOON + timedelta(seconds=61))
    assert await loop.status("1.1") == ("assigned", "unverified")


async def test_a_late_holder_is_told_who_holds_the_story_now(served: Service, loop: Work) -> None:
    token = (await leased(loop))["lease"]["fencing_token"]
    await sweeper(served).sweep(NOON + timedelta(seconds=61))
    body = {"project_id": loop.project, "lease_seconds": 60}
    assert (await loop.team.other.post("/stories/next/claim", body)).status == 200
    answer = await loop.do(loop.team.implementer, "1.1", "start", {"fencing_token": token})
    assert (answer.status, answer.error["code"]) == (409, "lease_lost")
    assert loop.team.agents["other"] in answer.error["hints"][0]


@pytest.mark.parametrize("seconds", [0, 9, 86_401, -1])
async def test_a_lease_has_bounds(loop: Work, seconds: int) -> None:
    body = {"project_id": loop.project, "lease_seconds": seconds}
    answer = await loop.team.implementer.post("/stories/next/claim", body)
    assert (answer.status, list(answer.error["details"])) == (422, ["lease_seconds"])


async def test_the_story_that_most_others_wait_for_comes_first(loop: Work) -> None:
    for number in ("1.1", "1.2"):
        edge = {"story_id": loop.stories[number], "depends_on_story_id": loop.stories["1.3"]}
        assert (await loop.team.user.post("/story_dependencies", edge)).status == 201
    answer = await loop.team.implementer.post("/stories/next/claim", {"project_id": "my-app"})
    assert answer.json()["story"]["number"] == "1.3"
    assert "lease" not in answer.json()
    nothing = await loop.team.other.post("/stories/next/claim", {"project_id": "my-app"})
    assert (nothing.status, nothing.error["code"]) == (409, "nothing_ready")


async def test_many_that_ask_at_once_get_each_a_story_of_its_own(served: Service) -> None:
    loop = await work(served, *(f"1.{number}" for number in range(1, 25)))
    asked = (loop.team.implementer.post("/stories/next/claim", {"project_id": loop.project}) for _ in range(24))
    answers = await asyncio.gather(*asked)
    assert [answer.status for answer in answers] == [200] * 24
    assert len({answer.json()["story"]["id"] for answer in answers}) == 24


@pytest.mark.parametrize(("project", "status"), [(None, 422), ("no-such-project", 404)])
async def test_the_project_must_be_said_and_be_there(loop: Work, project: Any, status: int) -> None:
    answer = await loop.team.implementer.post("/stories/next/claim", {"project_id": project})
    assert answer.status == status


async def test_a_heartbeat_that_says_nothing_renews_for_as_long_as_the_claim_was(loop: Work) -> None:
    await leased(loop, 3600)
    answer = await loop.do(loop.team.implementer, "1.1", "heartbeat")
    assert answer.json()["lease"]["expires_at"] == "2026-03-27T13:00:00.000000Z"


async def test_a_stale_process_of_the_same_agent_cannot_give_back_the_newer_claim(loop: Work) -> None:
    token = (await leased(loop))["lease"]["fencing_token"]
    await loop.do(loop.team.implementer, "1.1", "unclaim")
    await leased(loop)
    answer = await loop.do(loop.team.implementer, "1.1", "unclaim", {"fencing_token": token})
    assert (answer.status, answer.error["code"], await loop.status("1.1")) == (
        409,
        "lease_lost",
        ("assigned", "unverified"),
    )
