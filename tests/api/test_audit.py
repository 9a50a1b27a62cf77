"""The audit trail, the history of a story, and observations: filters, order, who may, what others never see."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.event import Stream
from domain.story import StoryDeleted
from domain.usage.events import TokenUsageReported
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service, create, service, tenant_with_key
from tests.support.database import TestDatabase, copied_database
from tests.support.events import claimed, new_project, new_story, put

AGENT = UUID(int=9)


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


async def get(running: Service, raw: str, path: str) -> Answer:
    return await ask(running.app, path, headers={"Authorization": f"Bearer {raw}"})


async def post(running: Service, raw: str, body: Any) -> Answer:
    headers = {**JSON, "Authorization": f"Bearer {raw}"}
    return await ask(
        running.app, "/api/v1/audit/events", method="POST", headers=headers, body=msgspec.json.encode(body)
    )


def positions(answer: Answer) -> list[int]:
    return [entry["position"] for entry in answer.json()["data"]]


async def test_the_trail_is_newest_first_with_everything_that_an_entry_says(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project = (await create(running.app, raw)).json()["project"]
    answer = await get(running, raw, "/api/v1/audit")
    assert positions(answer) == [2, 1, 0]
    entry = answer.json()["data"][0]
    for member in ("id", "actor_id"):
        UUID(entry.pop(member))
    assert entry == {
        "position": 2, "entity_type": "project", "entity_id": project["id"], "action": "created",
        "actor_type": "api_key", "actor_label": "user:k", "old_state": None,
        "new_state": {"name": "My App", "slug": "my-app", "status": "active"}, "project_id": project["id"],
        "metadata": {}, "inserted_at": "2026-03-27T12:00:00.000000Z",
    }  # fmt: skip
    assert answer.json()["pagination"] == {"total": 3, "page": 1, "page_size": 20}
    assert answer.json()["meta"]["total_count"] == 3
    assert tenant


async def test_every_filter_leaves_its_own_and_all_hold_together(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project, other = new_project(), new_project()
    story = new_story(project[0])
    who = (f"api_key:{AGENT}", "agent:ann")
    await put(running.store, tenant, project, other, at=NOON)
    await put(running.store, tenant, story, at=NOON + timedelta(hours=1))
    await put(running.store, tenant, claimed(story[0], project[0], AGENT), at=NOON + timedelta(hours=2), actor=who)
    later, late = (quote((NOON + timedelta(hours=hours)).isoformat()) for hours in (1, 2))
    expected = {
        "entity_type=story": [5, 4],
        f"entity_id={story[0].id}": [5, 4],
        "action=created": [4, 3, 2, 1],
        "action=status_changed": [5],
        "actor_type=api_key": [5],
        "actor_type=human": [],
        f"actor_id={AGENT}": [5],
        f"project_id={project[0].id}": [5, 4, 2],
        f"project_id={project[1].slug}": [5, 4, 2],
        f"from={later}": [5, 4],
        f"from={late}": [5],
        f"to={later}": [4, 3, 2, 1, 0],
        f"from={later}&to={later}": [4],
        f"project_id={project[0].id}&action=created&entity_type=story": [4],
        f"entity_id={story[0].id}&from={late}": [5],
        "entity_type=&action=": [5, 4, 3, 2, 1, 0],
    }
    found = {query: await get(running, raw, f"/api/v1/audit?{query}") for query in expected}
    assert {query: positions(answer) for query, answer in found.items()} == expected
    totals = {query: answer.json()["pagination"]["total"] for query, answer in found.items()}
    assert totals == {query: len(places) for query, places in expected.items()}


async def test_pages_of_the_trail_follow_each_other(running: Service) -> None:
    _, raw = await tenant_with_key(running.store)
    for number in range(3):
        await create(running.app, raw, {"name": "x", "slug": f"x-{number}"})
    pages = [positions(await get(running, raw, f"/api/v1/audit?page_size=2&page={page}")) for page in (1, 2, 3, 4)]
    assert pages == [[4, 3], [2, 1], [0], []]
    assert (await get(running, raw, "/api/v1/audit?page=9&page_size=2")).json()["pagination"]["total"] == 5


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("entity_id=7", 404),
        ("actor_id=me", 404),
        ("project_id=no-such", 404),
        ("actor_type=robot", 422),
        ("from=yesterday", 422),
        ("to=2026-03-27", 422),
        ("entity_type=storry", 422),
        ("action=claimed", 422),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(running: Service, query: str, status: int) -> None:
    _, raw = await tenant_with_key(running.store)
    assert (await get(running, raw, f"/api/v1/audit?{query}")).status == status


async def test_the_trail_is_not_for_agents(running: Service) -> None:
    _, raw = await tenant_with_key(running.store, "agent")
    answer = await get(running, raw, "/api/v1/audit")
    assert (answer.status, answer.error["code"]) == (403, "insufficient_role")


async def test_no_tenant_sees_anothers_entries(running: Service) -> None:
    ann, _ = await tenant_with_key(running.store)
    _, bob = await tenant_with_key(running.store)
    project = new_project()
    story = new_story(project[0])
    await put(running.store, ann, project, story, at=NOON)
    assert positions(await get(running, bob, f"/api/v1/audit?entity_id={story[0].id}")) == []
    assert (await get(running, bob, f"/api/v1/audit?project_id={project[0].id}")).status == 404
    assert positions(await get(running, bob, "/api/v1/audit")) == [1, 0]
    assert (await get(running, bob, f"/api/v1/stories/{story[0].id}/history")).status == 404


@pytest.mark.parametrize("role", ["agent", "orchestrator"])
async def test_the_log_is_whole_for_everybody_and_says_nothing_secret_of_a_key(running: Service, role: str) -> None:
    """What an orchestrator's trail leaves out is not hidden: a log with holes can be verified by nobody."""
    _, raw = await tenant_with_key(running.store, role)
    feed = (await get(running, raw, "/api/v1/changes?after=-1")).json()["data"]
    chain = (await get(running, raw, "/api/v1/audit/chain")).json()["data"]
    assert [each["entity_type"] for each in feed] == ["tenant", "api_key"] == [each["entity_type"] for each in chain]
    of_dispatch = {"dispatch_id", "lineage", "minters", "human_root"}
    assert set(chain[1]["payload"]) <= {"name", "role", "key_prefix", "agent_id", "expires_at", *of_dispatch}
    assert raw not in chain[1]["entry"]


@pytest.mark.parametrize("role", ["agent", "orchestrator", "user"])
async def test_a_storys_history_is_oldest_first_and_for_everybody(running: Service, role: str) -> None:
    tenant, raw = await tenant_with_key(running.store, role)
    project = new_project()
    story = new_story(project[0])
    await put(running.store, tenant, project, story, at=NOON)
    await put(running.store, tenant, claimed(story[0], project[0], AGENT), at=NOON - timedelta(hours=1))
    answer = await get(running, raw, f"/api/v1/stories/{story[0].id}/history")
    assert [entry["action"] for entry in answer.json()["data"]] == ["created", "status_changed"]
    assert answer.json()["pagination"] == {"total": 2, "page": 1, "page_size": 20}
    assert answer.json()["data"][1]["old_state"] == {"agent_status": "contracted"}
    assert answer.json()["data"][1]["entity_type"] == "story"


async def test_a_deleted_story_keeps_its_history_and_an_unknown_one_has_none(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project = new_project()
    story = new_story(project[0])
    gone = StoryDeleted(project_id=project[0].id, epic_id=UUID(int=3), number="1", title="T")
    await put(running.store, tenant, project, story, at=NOON)
    await put(running.store, tenant, (story[0], gone), at=NOON)
    answer = await get(running, raw, f"/api/v1/stories/{story[0].id}/history")
    assert [entry["action"] for entry in answer.json()["data"]] == ["created", "deleted"]
    for unknown in (uuid4(), project[0].id, "1"):
        assert (await get(running, raw, f"/api/v1/stories/{unknown}/history")).status == 404


async def test_what_a_storys_work_has_cost_is_in_its_history(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project = new_project()
    story = new_story(project[0])
    report = TokenUsageReported(
        project_id=project[0].id, story_id=story[0].id, agent_id=AGENT, model_name="m", input_tokens=1,
        output_tokens=2, cost_millicents=3,
    )  # fmt: skip
    await put(running.store, tenant, project, story, (Stream("token_usage_report", uuid4()), report), at=NOON)
    entries = (await get(running, raw, f"/api/v1/stories/{story[0].id}/history")).json()["data"]
    assert [entry["entity_type"] for entry in entries] == ["story", "token_usage_report"]
    assert entries[1]["metadata"]["story_id"] == str(story[0].id)


async def test_an_observation_is_in_the_trail_and_in_the_history_of_its_story(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project = new_project()
    story = new_story(project[0])
    await put(running.store, tenant, project, story, at=NOON)
    body = {
        "event": "rule_broken", "entity_type": "story", "entity_id": str(story[0].id), "data": {"rule": 0.5},
        "project_id": str(project[0].id), "role": "superadmin", "actor_id": str(AGENT),
    }  # fmt: skip
    answer = await post(running, raw, body)
    entry = answer.json()["data"]
    assert (answer.status, entry["action"], entry["new_state"]) == (201, "observe.rule_broken", {"rule": 0.5})
    assert (entry["actor_label"], entry["entity_id"], entry["project_id"]) == (
        "user:k", str(story[0].id), str(project[0].id),
    )  # fmt: skip
    for path in ("/api/v1/audit?action=observe.rule_broken", f"/api/v1/stories/{story[0].id}/history?page=2&limit=1"):
        assert (await get(running, raw, path)).json()["data"] == [entry]


async def test_an_observation_of_nothing_in_particular_is_of_a_session(running: Service) -> None:
    _, raw = await tenant_with_key(running.store, "orchestrator")
    session = uuid4()
    answers = [
        await post(running, raw, body)
        for body in (
            {"event": "session_started"},
            {"event": "session_ended", "entity_type": "session", "entity_id": str(session)},
        )
    ]
    entries = [answer.json()["data"] for answer in answers]
    assert [(entry["entity_type"], entry["new_state"]) for entry in entries] == [("session", None)] * 2
    assert entries[1]["entity_id"] == str(session)


@pytest.mark.parametrize(
    ("body", "status", "details"),
    [
        ({}, 422, {"event": ["can't be blank"]}),
        ({"event": "x" * 101}, 422, {"event": ["should be at most 100 character(s)"]}),
        ({"event": "x", "entity_type": "tenant"}, 422, {"entity_type": ["must be one of session, story, project"]}),
        (
            {"event": "x", "data": {"a": "x" * 60_000}}, 422,
            {"data": ["should be at most 60000 byte(s) as JSON in a string"]},
        ),
        ({"event": "x", "entity_type": "story", "entity_id": str(AGENT)}, 404, None),
        ({"event": "x", "entity_type": "project", "entity_id": "7"}, 404, None),
        ({"event": "x", "project_id": str(AGENT)}, 404, None),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_an_observation_is_said(
    running: Service, body: Any, status: int, details: Any
) -> None:
    _, raw = await tenant_with_key(running.store)
    answer = await post(running, raw, body)
    assert (answer.status, answer.error.get("details")) == (status, details)


async def test_the_largest_observation_fits_into_an_entry(running: Service) -> None:
    _, raw = await tenant_with_key(running.store)
    assert (await post(running, raw, {"event": "x" * 100, "data": {"a": '"' * 14_980}})).status == 201


async def test_an_agent_may_not_observe(running: Service) -> None:
    _, raw = await tenant_with_key(running.store, "agent")
    assert (await post(running, raw, {"event": "x"})).status == 403


async def test_a_story_of_another_tenant_cannot_be_observed(running: Service) -> None:
    ann, _ = await tenant_with_key(running.store)
    _, bob = await tenant_with_key(running.store)
    project = new_project()
    await put(running.store, ann, project, at=NOON)
    about: Stream = project[0]
    body = {"event": "x", "entity_type": "project", "entity_id": str(about.id)}
    assert (await post(running, bob, body)).status == 404
