"""What would have broken custody is kept for a superadmin to look at; what came of it stands in the log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Struct

from domain.authenticator import AuthenticatorSuspected
from domain.tenant import CustodyHalted
from tests.api.logs import service
from tests.api.superadmins import superadmin
from tests.api.team import Work, work
from tests.api.work import Client
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase


class World(Struct, frozen=True):
    database: TestDatabase
    work: Work
    root: Client

    async def listed(self, query: str = "") -> Any:
        answer = await self.root.get(f"/admin/violators{query}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def tries_to_report_its_own(self) -> Any:
        """The violator that comes of it."""
        team = self.work.team
        answer = await self.work.do(team.implementer, "1.1", "report", {})
        assert (answer.status, answer.error["code"]) == (409, "self_report_blocked")
        return (await self.listed())["data"][0]

    async def says(self, violator: str, what: str, **body: Any) -> Any:
        return await self.root.post(f"/admin/violators/{violator}/{what}", body)


@pytest.fixture
async def here(database: TestDatabase) -> AsyncIterator[World]:
    _, raw = await superadmin(database)
    async with service(database) as running:
        made = await work(running)
        await made.works(made.team.implementer, "1.1")
        yield World(database, made, Client(running, made.team.user.tenant, raw))


async def test_an_attempt_to_confirm_ones_own_work_is_listed_with_who_tried(here: World) -> None:
    assert (await here.listed())["merge_ready"] is True
    found = await here.tries_to_report_its_own()
    team = here.work.team
    assert (found["violation_type"], found["entity_type"], found["status"]) == (
        "self_report_blocked",
        "story",
        "pending",
    )
    assert (found["tenant_id"], found["detail"]["agent_id"]) == (str(team.user.tenant), team.agents["implementer"])
    assert found["detail"]["attempted_action"] == "report"
    listed = await here.listed()
    assert (listed["merge_ready"], listed["meta"]["total_count"], listed["meta"]["limit"]) == (False, 1, 20)


async def test_a_halt_and_a_security_key_that_was_copied_are_listed_too(here: World) -> None:
    user = here.work.team.user
    await user.happens("tenant", str(user.tenant), CustodyHalted(reason="witness_divergence", evidence="ab"))
    await user.happens("authenticator", str(uuid4()), AuthenticatorSuspected(sign_count_was=7))
    found = {each["violation_type"]: each for each in (await here.listed())["data"]}
    assert found["custody_halted"]["detail"]["evidence"] == "ab"
    assert found["authenticator_suspected"]["detail"]["sign_count_was"] == 7
    assert len(found) == 2


async def test_what_becomes_of_one_stands_in_the_log_of_its_tenant(here: World) -> None:
    found = await here.tries_to_report_its_own()
    answer = await here.says(found["id"], "resolve", note="spoken to")
    assert answer.status == 200, answer.body
    said = answer.json()["data"]
    assert (said["status"], said["resolution_note"], said["id"]) == ("resolved", "spoken to", found["id"])
    tag, event = (await here.work.team.user.recorded())[-1]
    assert (tag, event.note, event.status_was) == ("violator.resolved", "spoken to", "pending")
    listed = await here.listed()
    assert (listed["data"], listed["merge_ready"]) == ([], True)
    assert (await here.listed("?status=resolved"))["data"] == [said]


async def test_a_person_may_think_again_and_to_say_the_same_twice_is_one_event(here: World) -> None:
    found = await here.tries_to_report_its_own()
    for what, note in (("resolve", "a"), ("resolve", "a"), ("ignore", "a"), ("ignore", "b")):
        assert (await here.says(found["id"], what, note=note)).status == 200
    tags = [tag for tag, _ in await here.work.team.user.recorded() if tag.startswith("violator.")]
    assert tags == ["violator.resolved", "violator.ignored", "violator.ignored"]
    (shown,) = (await here.listed("?status=all"))["data"]
    assert (shown["status"], shown["resolution_note"]) == ("ignored", "b")


async def test_they_are_told_from_each_other_and_come_in_pages(here: World) -> None:
    for _ in range(3):
        await here.tries_to_report_its_own()
    tenant = here.work.team.user.tenant
    for query, count in (
        (f"?tenant_id={tenant}", 3), (f"?tenant_id={uuid4()}", 0), ("?violation_type=self_report_blocked", 3),
        ("?violation_type=custody_halted", 0), ("?status=ignored", 0), ("?status=all&limit=2", 2),
        ("?limit=2&offset=2", 1), ("?page=2&page_size=2", 1), ("?offset=9", 0),
    ):  # fmt: skip
        listed = await here.listed(query)
        assert len(listed["data"]) == count, query
        assert listed["merge_ready"] is False
    assert (await here.listed("?offset=9"))["meta"]["total_count"] == 3
    pages = [(await here.listed(f"?limit=1&offset={each}"))["data"][0]["id"] for each in range(3)]
    assert pages == [each["id"] for each in (await here.listed())["data"]]
    assert len(set(pages)) == 3


@pytest.mark.parametrize(
    ("query", "named"),
    [("status=open", "status"), ("violation_type=theft", "violation_type")],
)
async def test_what_it_cannot_be_told_by_is_said(here: World, query: str, named: str) -> None:
    answer = await here.root.get(f"/admin/violators?{query}")
    assert (answer.status, answer.error["code"]) == (422, "validation_failed")
    assert named in answer.error["details"]
    assert (await here.root.get("/admin/violators?tenant_id=acme")).status == 404, "as everywhere: no such id"


async def test_nobody_below_a_superadmin_sees_or_settles_one(here: World) -> None:
    found, team = await here.tries_to_report_its_own(), here.work.team
    for caller in (team.implementer, team.orchestrator, team.user):
        assert (await caller.get("/admin/violators")).status == 403
        assert (await caller.post(f"/admin/violators/{found['id']}/ignore", {})).status == 403
    assert (await here.listed())["data"][0]["status"] == "pending"


async def test_they_equal_their_rebuild(here: World) -> None:
    """Went red when what was said was applied before what was found."""
    first, _ = [await here.tries_to_report_its_own() for _ in range(2)]
    await here.says(first["id"], "resolve", note="a")
    await here.says(first["id"], "ignore", note="b")
    assert [each for each in await rebuilt(here.database, here.work.team.user.tenant) if not each.was_equal] == []


async def test_an_attempt_in_a_batch_of_others_is_listed_as_well(here: World) -> None:
    """Went red while an attempt went the short way, which writes no violators."""
    team = here.work.team
    asked = [here.work.do(team.implementer, "1.1", "report", {}) for _ in range(4)]
    asked += [team.implementer.get(f"/stories/{here.work.stories['1.1']}") for _ in range(2)]
    await asyncio.gather(*asked)
    assert (await here.listed())["meta"]["total_count"] == 4
