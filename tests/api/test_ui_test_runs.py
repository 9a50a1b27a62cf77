"""UI test runs: two forms over the same runs, findings, and how a run ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.logs import Service, service
from tests.api.work import Client, client, nobody
from tests.support.database import TestDatabase, copied_database

BUG = {
    "severity": "bug", "title": "Login shows no error", "steps": "1. Visit /login\n2. Submit", "expected": "An error",
    "actual": "Nothing",
}  # fmt: skip


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


@pytest.fixture
async def user(running: Service) -> Client:
    return await client(running)


async def good(asked: Any, status: int) -> Any:
    answer = await asked
    assert answer.status == status, answer.body
    return answer.json()


async def started(who: Client, project: str) -> str:
    body = await good(who.post(f"/projects/{project}/ui_test_runs", {"notes": "Post-epic-37 QA pass"}), 201)
    assert body["data"]["status"] == "running"
    return str(body["data"]["id"])


async def test_the_printed_walk_from_the_start_to_the_list(user: Client) -> None:
    project = await user.project()
    run = await started(user, project)
    found = (await good(user.post(f"/ui_test_runs/{run}/findings", BUG), 201))["data"]
    assert {name: found["findings"][0][name] for name in BUG} == BUG
    assert (found["findings_count"], found["high_count"], found["critical_count"]) == (1, 1, 0)
    ended = (await good(user.post(f"/ui_test_runs/{run}/complete", {"summary": "1 bug found"}), 200))["data"]
    assert (ended["status"], ended["summary"], ended["completed_at"] is not None) == ("failed", "1 bug found", True)
    assert (await good(user.get(f"/ui_test_runs/{run}"), 200))["data"] == ended
    listed = await good(user.get(f"/projects/{project}/ui_test_runs?status=failed"), 200)
    assert [each["id"] for each in listed["data"]] == [run]
    assert (listed["meta"]["total"], "findings" in listed["data"][0]) == (1, False)


async def test_a_run_of_the_one_form_is_a_run_of_the_other(user: Client) -> None:
    project = await user.project()
    path = f"/projects/{project}/ui-tests"
    made = await good(user.post(path, {"guide_reference": "docs/guides/checkout.md"}), 201)
    run = made["ui_test_run"]["id"]
    assert made["ui_test_run"]["status"] == "in_progress"
    for severity in (None, "critical", "blocker", "high"):
        seen = {
            "step": "3",
            "type": "crash",
            "screenshot_path": "a.png",
            **({"severity": severity} if severity else {}),
        }
        await good(user.post(f"{path}/{run}/findings", seen), 200)
    shown = (await good(user.get(f"/ui_test_runs/{run}"), 200))["data"]
    counts = {name: shown[f"{name}_count"] for name in ("findings", "screenshots", "critical", "high")}
    assert (shown["status"], counts) == (
        "running", {"findings": 4, "screenshots": 4, "critical": 2, "high": 1},
    )  # fmt: skip
    assert [each["severity"] for each in shown["findings"]] == ["low", "critical", "blocker", "high"]
    here = await good(user.get(f"{path}?status=in_progress"), 200)
    there = await good(user.get(f"/projects/{project}/ui_test_runs?status=running"), 200)
    assert [each["id"] for each in (*here["data"], *there["data"])] == [run, run]
    said = await good(user.post(f"{path}/{run}/complete", {"status": "passed", "summary": "fine"}), 200)
    assert said["ui_test_run"]["status"] == "passed"


@pytest.mark.parametrize(
    ("findings", "status"), [((), "passed"), (("enhancement", "low", "medium"), "passed"), (("blocker",), "failed")]
)
async def test_without_a_word_the_findings_say_how_it_ended(
    user: Client, findings: tuple[str, ...], status: str
) -> None:
    run = await started(user, await user.project())
    for severity in findings:
        await good(user.post(f"/ui_test_runs/{run}/findings", {"severity": severity, "title": "t"}), 201)
    assert (await good(user.post(f"/ui_test_runs/{run}/complete", {"summary": "s"}), 200))["data"]["status"] == status


async def test_what_is_ended_takes_nothing_more(user: Client) -> None:
    project = await user.project()
    for end, body, word in (("complete", {"summary": "s"}, "already completed"), ("cancel", None, "not in progress")):
        run = await started(user, project)
        await good(user.post(f"/ui_test_runs/{run}/{end}", body), 200)
        for step, again in (("findings", BUG), ("complete", {"summary": "s"}), ("cancel", None)):
            answer = await user.post(f"/ui_test_runs/{run}/{step}", again)
            assert (answer.status, answer.error["code"]) == (422, "ui_test_run_ended")
            assert word in answer.error["message"]
            assert "not in progress" in answer.error["message"]


async def test_what_is_wrong_is_said_by_field_and_nothing_is_counted(user: Client) -> None:
    project = await user.project()
    run = await started(user, project)
    guided, free = f"/projects/{project}/ui-tests", f"/ui_test_runs/{run}"
    for path, body, fields in (
        (guided, {}, {"guide_reference"}),
        (guided, {"guide_reference": "x" * 1001}, {"guide_reference"}),
        (f"{free}/findings", {}, {"severity", "title"}),
        (f"{free}/findings", {"severity": "grave", "title": "t"}, {"severity"}),
        (f"{free}/findings", {**BUG, "actual": "x" * 5001}, {"actual"}),
        (f"{guided}/{run}/findings", {"severity": "grave"}, {"severity"}),
        (f"{guided}/{run}/complete", {"summary": "s"}, {"status"}),
        (f"{guided}/{run}/complete", {"status": "cancelled", "summary": " "}, {"status", "summary"}),
        (f"{free}/complete", {}, {"summary"}),
    ):
        answer = await user.post(path, body)
        assert (answer.status, {*answer.error["details"]}) == (422, fields), (path, body)
    assert (await user.get(f"{guided}?status=running")).status == 422
    assert (await good(user.get(free), 200))["data"]["findings_count"] == 0


async def test_a_run_is_found_under_its_own_project_alone(user: Client) -> None:
    project, other = await user.project(), await user.project("other-one")
    run = await started(user, project)
    path = f"/projects/{other}/ui-tests/{run}"
    for asked in (user.get(path), user.post(f"{path}/findings", {}), user.post(f"{path}/cancel")):
        assert (await asked).status == 404
    assert (await user.get(f"/projects/{nobody()}/ui_test_runs")).status == 404
    assert (await user.post(f"/projects/{nobody()}/ui_test_runs", {})).status == 404


async def test_findings_that_come_at_once_are_all_kept_and_counted(user: Client) -> None:
    run = await started(user, await user.project())
    added = [user.post(f"/ui_test_runs/{run}/findings", {**BUG, "title": f"Bug {number}"}) for number in range(12)]
    await asyncio.gather(*(good(each, 201) for each in added))
    shown = (await good(user.get(f"/ui_test_runs/{run}"), 200))["data"]
    assert (shown["findings_count"], shown["high_count"], len({each["title"] for each in shown["findings"]})) == (
        12, 12, 12,
    )  # fmt: skip
