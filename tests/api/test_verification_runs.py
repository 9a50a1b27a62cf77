"""Verification runs over HTTP: reported, listed, and waited for by a tenant that says so."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.work import Client

RUN = {"status": "pass", "commit_sha": "9fceb02d0ae5", "runner_type": "ci_github", "ac_results": {"AC-1": "pass"}}
VERIFY = {"review_type": "team", "summary": "ok"}


@pytest.fixture
async def loop(served: Service) -> Work:
    """Three stories, reported and reviewed."""
    made = await work(served, "1.1", "1.2", "1.3")
    for number in made.stories:
        await made.works(made.team.implementer, number)
        await made.reviews(made.team.reviewer, number)
    return made


async def gate(loop: Work, on: bool = True) -> Any:
    return await loop.team.user.patch("/tenants/me", {"settings": {"verification_gate": on}})


async def ran(loop: Work, number: str, **more: Any) -> Any:
    return await loop.do(loop.team.orchestrator, number, "verification-runs", {**RUN, **more})


async def test_a_run_is_answered_listed_and_shown_as_it_was_reported(loop: Work) -> None:
    made = await ran(loop, "1.1", logs_url="https://ci.example.com/1")
    assert made.status == 201, made.body
    run = made.json()["verification_run"]
    assert (run["status"], run["ac_results"]) == ("pass", {"AC-1": "pass"})
    assert run["story_id"] == loop.stories["1.1"]
    again = (await ran(loop, "1.1", status="fail")).json()["verification_run"]
    reader = loop.team.implementer
    listed = (await reader.get(f"/stories/{loop.stories['1.1']}/verification-runs")).json()
    assert listed["data"] == [again, run]
    assert listed["meta"]["total_count"] == 2
    assert (await reader.get(f"/verification-runs/{run['id']}")).json()["data"] == run
    assert (await reader.get(f"/verification-runs/{uuid4()}")).status == 404
    assert await loop.status("1.1") == ("reported_done", "unverified"), "it is no confirmation"


async def test_another_tenant_sees_none_of_it(loop: Work, bob: Client) -> None:
    run = (await ran(loop, "1.1")).json()["verification_run"]
    assert (await bob.get(f"/verification-runs/{run['id']}")).status == 404
    assert (await bob.get(f"/stories/{loop.stories['1.1']}/verification-runs")).status == 404


async def test_behind_the_gate_nobody_verifies_without_a_passing_run_singly_in_bulk_or_by_epic(loop: Work) -> None:
    lead = loop.team.orchestrator
    assert (await gate(loop)).status == 200
    refused = await loop.do(lead, "1.1", "verify", VERIFY)
    assert (refused.status, refused.error["code"]) == (422, "verification_run_required")
    assert "there is none of this report" in refused.error["message"]
    await ran(loop, "1.1", status="fail")
    assert "says fail" in (await loop.do(lead, "1.1", "verify", VERIFY)).error["message"]
    bulk = await lead.post(
        "/stories/bulk/verify", {"stories": [{"story_id": story, **VERIFY} for story in loop.stories.values()]}
    )
    assert [each["status"] for each in bulk.json()["results"]] == ["error"] * 3
    await ran(loop, "1.2")
    whole = (await lead.post(f"/epics/{loop.epic}/verify-all", VERIFY)).json()
    assert (whole["verified_count"], whole["skipped_count"]) == (1, 2)
    assert [await loop.status(number) for number in ("1.1", "1.2")] == [
        ("reported_done", "unverified"),
        ("reported_done", "verified"),
    ]
    await ran(loop, "1.1")
    assert (await loop.do(lead, "1.1", "verify", VERIFY)).status == 202


async def test_a_run_of_an_earlier_report_does_not_open_the_gate(loop: Work) -> None:
    lead = loop.team.orchestrator
    await gate(loop)
    await ran(loop, "1.1")
    assert (await loop.do(lead, "1.1", "reject", {"reason": "no"})).status == 200
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    assert (await loop.do(lead, "1.1", "verify", VERIFY)).error["code"] == "verification_run_required"


async def test_a_run_goes_with_its_story(loop: Work, served: Service) -> None:
    run = (await ran(loop, "1.3")).json()["verification_run"]
    assert (await loop.team.user.delete(f"/stories/{loop.stories['1.3']}")).status == 204
    assert (await loop.team.user.get(f"/verification-runs/{run['id']}")).status == 404


async def test_a_retried_report_of_a_run_is_one_run(loop: Work) -> None:
    lead = loop.team.orchestrator
    first = await loop.do(lead, "1.1", "verification-runs", RUN, Idempotency_Key="once")
    second = await loop.do(lead, "1.1", "verification-runs", RUN, Idempotency_Key="once")
    assert first.json() == second.json()
    listed = await lead.get(f"/stories/{loop.stories['1.1']}/verification-runs")
    assert listed.json()["meta"]["total_count"] == 1
