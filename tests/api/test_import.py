"""POST /api/v1/projects/{project}/import into an empty project, over HTTP: all or nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from api.http.shell import Shell
from eventstore.log.lane import Store
from tests.api.asgi import JSON, ask
from tests.api.logs import Service, service, tenant_with_key
from tests.api.transferring import exported, new_project, send, work
from tests.support.backlog import backlog
from tests.support.database import TestDatabase, copied_database


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


@pytest.fixture
def app(running: Service) -> Shell:
    return running.app


@pytest.fixture
def store(running: Service) -> Store:
    return running.store


async def log_size(store: Store, tenant: UUID) -> int:
    async with store.database.tenant_transaction(tenant) as tx:
        found: int = await tx.fetchval("SELECT size FROM app.log_head WHERE tenant_id = $1", tenant)
        return found


async def queue(store: Store, tenant: UUID, project: str) -> dict[str, int]:
    """How many things each open story waits for."""
    async with store.database.tenant_transaction(tenant) as tx:
        rows = await tx.fetch(
            "SELECT s.number, q.waits_for FROM app.work_queue q JOIN app.story s USING (tenant_id, story_id)"
            " WHERE q.tenant_id = $1 AND q.project_id = $2 ORDER BY q.major, q.minor",
            tenant, UUID(project),
        )  # fmt: skip
    return {row["number"]: row["waits_for"] for row in rows}


async def test_an_import_says_what_it_created_and_ends_with_its_own_event(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    body = work("1.1", "US-1.2", "2.1", edges=[("us-1.2", "1.1")], epic_dependencies=[{"epic": 2, "depends_on": 1}])
    answer = await send(app, raw, project, body)
    assert (answer.status, answer.json()) == (
        201, {"import": {"epics_created": 2, "stories_created": 3, "dependencies_created": 2}}
    )  # fmt: skip
    assert int(answer.headers["loopctl-position"]) == await log_size(store, tenant) - 1
    assert await queue(store, tenant, project) == {"1.1": 0, "1.2": 1, "2.1": 1}


async def test_the_log_has_an_event_for_each_thing_in_the_order_in_which_they_need_each_other(
    app: Shell, store: Store
) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, work("1.1", "2.1", edges=[("2.1", "1.1")]))
    async with store.database.tenant_transaction(tenant) as tx:
        rows = await tx.fetch("SELECT entry FROM app.log_entry WHERE tenant_id = $1 ORDER BY position OFFSET 3", tenant)
    assert [msgspec.json.decode(row["entry"])["type"] for row in rows] == [
        "epic.created", "story.imported", "epic.created", "story.imported", "story_dependency.created",
        "project.imported",
    ]  # fmt: skip


async def test_a_project_may_be_named_by_its_slug(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    await new_project(app, raw, "by-slug")
    assert (await send(app, raw, "by-slug", work("1.1"))).status == 201


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"epics": [{"number": 1}]}, "validation_failed", "epics[0].title"),
        (
            work("1.1", "1.1"),
            "import_invalid",
            "Duplicate story number: 1.1 at epics[0].stories[0].number and epics[0].stories[1].number",
        ),
        (work("1.1", edges=[("1.1", "9.9")]), "import_invalid", "Unresolved dependency reference"),
        (work("1.1", "1.2", edges=[("1.1", "1.2"), ("1.2", "1.1")]), "cycle_detected", "1.1 -> 1.2 -> 1.1"),
        (
            work("1.1", "2.1", edges=[("1.1", "2.1")], epic_dependencies=[{"epic": 2, "depends_on": 1}]),
            "cross_level_deadlock",
            "Cross-level deadlock: 1.1 -> 2.1 -> epic 1 -> 1.1",
        ),
    ],
)
async def test_an_import_with_something_wrong_in_it_leaves_nothing(
    app: Shell, store: Store, body: Any, code: str, text: str
) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    before = await log_size(store, tenant)
    answer = await send(app, raw, project, body)
    assert (answer.status, answer.error["code"]) == (422, code)
    assert text in answer.body.decode()
    assert await log_size(store, tenant) == before
    assert (await exported(app, raw, project))["epics"] == []


async def test_numbers_that_are_taken_are_named_and_merge_is_offered(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, work("1.1", "1.2", "2.1"))
    answer = await send(app, raw, project, work("2.1", "1.1", "3.1"))
    assert (answer.status, answer.error["code"]) == (409, "import_conflict")
    assert answer.error["details"] == {"duplicate_epic_numbers": [1, 2], "duplicate_story_numbers": ["1.1", "2.1"]}
    assert "merge=true" in answer.error["message"]
    assert (await send(app, raw, project, work("3.1"))).status == 201


async def test_a_fresh_import_refers_to_nothing_but_itself(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, work("1.1"))
    answer = await send(app, raw, project, work("2.1", edges=[("2.1", "1.1")]))
    assert answer.error["details"] == {
        "story_dependencies[0].depends_on": ["there is no story 1.1 in this import"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "agent", "status", "verified"),
    [
        ("user", None, 201, "verified"),
        ("orchestrator", "0193a2b4-ffff-7000-8000-00000000000f", 201, "verified"),
        ("orchestrator", None, 422, None),
        ("agent", "0193a2b4-ffff-7000-8000-00000000000f", 403, None),
    ],
)
async def test_who_confirms_work_may_import_it_as_confirmed(
    app: Shell, store: Store, role: str, agent: str | None, status: int, verified: str | None
) -> None:
    tenant, raw = await tenant_with_key(store, role, agent_id=agent)
    made_by = raw if role != "agent" else None
    project = await new_project(app, raw) if made_by else str(uuid4())
    body = work("1.1", "1.2", edges=[("1.2", "1.1")])
    body["epics"][0]["stories"][0]["initial_verified_status"] = "pass"
    answer = await send(app, raw, project, body)
    assert answer.status == status
    if verified:
        story = (await exported(app, raw, project))["epics"][0]["stories"][0]
        assert (story["verified_status"], story["agent_status"]) == (verified, "reported_done")
        assert story["verified_at"] == story["reported_done_at"] == "2026-03-27T12:00:00.000000Z"
        assert story["metadata"]["backfill"]["source"] == "pre_loopctl"
        assert await queue(store, tenant, project) == {"1.2": 0}


async def test_of_two_imports_at_once_one_wins_and_the_other_hears_of_the_conflict(
    app: Shell, store: Store, shared: TestDatabase
) -> None:
    """Through two processes' worth of writers, which only the log's head puts in order."""
    _, raw = await tenant_with_key(store)
    async with service(shared) as other:
        for attempt in range(5):
            project = await new_project(app, raw, f"race-{attempt}")
            made = [f"1.{number}" for number in range(1, 40)]
            asked = [send(each, raw, project, work(*made)) for each in (app, other.app, app)]
            assert sorted(answer.status for answer in await asyncio.gather(*asked)) == [201, 409, 409]
            assert len((await exported(app, raw, project))["epics"][0]["stories"]) == 39


async def test_the_same_import_under_the_same_key_is_not_done_twice(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    first, again = [await send(app, raw, project, work("1.1"), Idempotency_Key="k") for _ in range(2)]
    size = await log_size(store, tenant)
    others = [
        await send(app, raw, project, work("1.2"), Idempotency_Key="k"),
        await send(app, raw, project, work("1.1"), query="?merge=true", Idempotency_Key="k"),
    ]
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    assert [(other.status, other.error["code"]) for other in others] == [(422, "idempotency_key_reused")] * 2
    assert await log_size(store, tenant) == size


async def test_a_project_of_another_tenant_is_not_there_whatever_the_import_says(app: Shell, store: Store) -> None:
    _, ann = await tenant_with_key(store)
    tenant, bob = await tenant_with_key(store)
    project, size = await new_project(app, ann), await log_size(store, tenant)
    for body, query in ((work("1.1"), ""), (work("1.1"), "?merge=true"), ({"epics": 7}, "")):
        answer = await send(app, bob, project, body, query=query)
        assert (answer.status, answer.error["code"]) == (404, "not_found")
    found = await ask(app, f"/api/v1/projects/{project}/export", headers={"Authorization": f"Bearer {bob}"})
    assert found.status == 404
    assert await log_size(store, tenant) == size
    assert (await exported(app, ann, project))["epics"] == []


async def test_two_tenants_may_use_the_same_numbers(app: Shell, store: Store) -> None:
    for _ in range(2):
        _, raw = await tenant_with_key(store)
        assert (await send(app, raw, await new_project(app, raw), work("1.1"))).status == 201


async def test_a_body_of_ten_mebibytes_is_taken_and_a_longer_one_is_not(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    text = msgspec.json.encode(work("1.1"))
    headers = {**JSON, "Authorization": f"Bearer {raw}"}
    statuses = [
        (await ask(app, f"/api/v1/projects/{project}/import", method="POST", headers=headers, body=body)).status
        for body in (text.ljust(10 * 2**20 + 1), text.ljust(10 * 2**20))
    ]
    assert statuses == [413, 201]


@pytest.mark.slow
async def test_ten_thousand_stories_come_in_at_once_and_the_queue_knows_which_are_ready(
    app: Shell, store: Store
) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    body = backlog(200, 10_000)
    answer = await send(app, raw, project, body)
    edges = body["story_dependencies"]
    assert answer.json()["import"] == {
        "epics_created": 200,
        "stories_created": 10_000,
        "dependencies_created": len(edges) + len(body["epic_dependencies"]),
    }
    waits = {story["number"]: 0 for epic in body["epics"] for story in epic["stories"]}
    for edge in edges:
        waits[edge["story"]] += 1
    held_back = {edge["epic"] for edge in body["epic_dependencies"]}
    for number in waits:
        waits[number] += int(number.partition(".")[0]) in held_back
    assert await queue(store, tenant, project) == waits
