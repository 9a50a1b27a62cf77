"""Checkpoints of orchestrators: optimistic locking, defaults, history, who may."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service, service, tenant_with_key
from tests.support.database import TestDatabase, copied_database
from tests.support.events import new_project, put


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


async def with_project(running: Service, role: str = "orchestrator") -> tuple[str, UUID]:
    tenant, raw = await tenant_with_key(running.store, role)
    project = new_project()
    await put(running.store, tenant, project, at=NOON)
    return raw, project[0].id


async def save(running: Service, raw: str, project: Any, body: Any) -> Answer:
    headers = {**JSON, "Authorization": f"Bearer {raw}"}
    path = f"/api/v1/orchestrator/state/{project}"
    return await ask(running.app, path, method="PUT", headers=headers, body=msgspec.json.encode(body))


async def load(running: Service, raw: str, project: Any, rest: str = "") -> Answer:
    return await ask(
        running.app, f"/api/v1/orchestrator/state/{project}{rest}", headers={"Authorization": f"Bearer {raw}"}
    )


async def test_a_checkpoint_is_saved_over_the_version_seen_and_read_back(running: Service) -> None:
    raw, project = await with_project(running)
    first = await save(running, raw, project, {"state_data": {"phase": 0.5}})
    second = await save(running, raw, project, {"state_data": {}, "version": 1})
    assert [(answer.status, answer.json()["state"]["version"]) for answer in (first, second)] == [(200, 1), (200, 2)]
    assert first.json()["state"]["state_data"] == {"phase": 0.5}
    assert (await load(running, raw, project)).json() == second.json()
    assert second.json()["state"]["state_key"] == "main"
    assert second.json()["state"]["id"] == first.json()["state"]["id"]


@pytest.mark.parametrize("version", [0, None, 1, 3, "2", 2.5, True, {}])
async def test_another_version_than_the_stored_one_is_a_conflict(running: Service, version: Any) -> None:
    raw, project = await with_project(running)
    await save(running, raw, project, {"state_data": {}})
    await save(running, raw, project, {"state_data": {"kept": 1}, "version": 1})
    answer = await save(running, raw, project, {"state_data": {}, "version": version})
    assert (answer.status, answer.error["code"], answer.error["current_version"]) == (409, "version_conflict", 2)
    assert (await load(running, raw, project)).json()["state"]["state_data"] == {"kept": 1}


async def test_a_version_of_what_was_never_saved_is_a_conflict(running: Service) -> None:
    raw, project = await with_project(running)
    answer = await save(running, raw, project, {"state_data": {}, "version": 1})
    assert (answer.status, answer.error["current_version"]) == (409, 0)


async def test_of_equal_writers_one_gets_through(running: Service) -> None:
    raw, project = await with_project(running)
    answers = await asyncio.gather(
        *(save(running, raw, project, {"state_data": {"writer": number}}) for number in range(8))
    )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"state_data": ["must be a map"]}),
        ({"state_data": {}, "state_key": " "}, {"state_key": ["can't be blank"]}),
        ({"state_data": {}, "state_key": "x" * 256}, {"state_key": ["should be at most 255 character(s)"]}),
        (
            {"state_data": {"a": "x" * 60_000}},
            {"state_data": ["should be at most 60000 byte(s) as JSON in a string"]},
        ),
    ],
)
async def test_what_is_wrong_with_a_checkpoint_is_said(running: Service, body: Any, details: Any) -> None:
    raw, project = await with_project(running)
    answer = await save(running, raw, project, body)
    assert (answer.status, answer.error["details"]) == (422, details)


async def test_state_data_that_is_no_object_is_refused(running: Service) -> None:
    raw, project = await with_project(running)
    assert (await save(running, raw, project, {"state_data": [1]})).status == 422


async def test_every_version_is_in_the_history_newest_first(running: Service) -> None:
    raw, project = await with_project(running)
    for version in range(3):
        await save(running, raw, project, {"state_data": {"n": version}, "version": version, "state_key": "k"})
    answer = await load(running, raw, project, "/history?state_key=k&page_size=2")
    assert answer.json()["data"] == [
        {
            "version": version, "state_data": {"n": version - 1}, "saved_by": "orchestrator:k",
            "saved_at": "2026-03-27T12:00:00.000000Z",
        }
        for version in (3, 2)
    ]  # fmt: skip
    assert answer.json()["meta"]["total_count"] == 3
    nothing = await load(running, raw, project, "/history")
    assert (nothing.status, nothing.json()["data"], nothing.json()["meta"]["page_size"]) == (200, [], 20)


async def test_what_is_not_there_is_not_found(running: Service) -> None:
    raw, project = await with_project(running)
    assert (await load(running, raw, project)).status == 404
    for path in ("", "/history"):
        assert (await load(running, raw, uuid4(), path)).status == 404
    assert (await save(running, raw, uuid4(), {"state_data": {}})).status == 404


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_only_orchestrators_may(running: Service, role: str) -> None:
    raw, project = await with_project(running, role)
    answers = [await save(running, raw, project, {"state_data": {}}), await load(running, raw, project)]
    answers.append(await load(running, raw, project, "/history"))
    assert [answer.status for answer in answers] == [403] * 3


async def test_no_tenant_reads_or_writes_anothers_checkpoints(running: Service) -> None:
    ann, project = await with_project(running)
    bob, _ = await with_project(running)
    await save(running, ann, project, {"state_data": {"secret": 1}})
    answers = [await save(running, bob, project, {"state_data": {}}), await load(running, bob, project)]
    answers.append(await load(running, bob, project, "/history"))
    assert [answer.status for answer in answers] == [404] * 3
    assert (await load(running, ann, project)).json()["state"]["state_data"] == {"secret": 1}
