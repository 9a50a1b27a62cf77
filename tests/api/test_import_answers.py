"""What an import says of itself: what it would do, what it changed, what it could not take, and when it may not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.http.shell import Shell
from eventstore.log.lane import Store
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import Service, create, service, tenant_with_key
from tests.api.test_import import log_size
from tests.api.transferring import exported, merge, new_project, send, work
from tests.support.database import copied_database

README = {
    "epics": [
        {
            "number": 1,
            "title": "User Authentication",
            "description": "Auth infrastructure",
            "stories": [
                {
                    "number": "1.1",
                    "title": "Implement login endpoint",
                    "acceptance_criteria": [
                        {"criterion": "POST /login returns JWT on valid credentials"},
                        {"criterion": "Invalid credentials return 401"},
                    ],
                },
                {
                    "number": "1.2",
                    "title": "Implement logout endpoint",
                    "acceptance_criteria": [{"criterion": "POST /logout invalidates the session"}],
                },
            ],
        }
    ],
    "story_dependencies": [{"story": "1.1", "depends_on": "1.2"}],
    "epic_dependencies": [{"epic": 1, "depends_on": 2}],
}


@pytest.fixture(scope="module")
async def running(postgres_admin_url: str, database_template: str) -> AsyncIterator[Service]:
    async with copied_database(postgres_admin_url, database_template) as copied, service(copied) as started:
        yield started


@pytest.fixture
def app(running: Service) -> Shell:
    return running.app


@pytest.fixture
def store(running: Service) -> Store:
    return running.store


@pytest.fixture
async def raw(store: Store) -> str:
    return (await tenant_with_key(store))[1]


@pytest.fixture
async def project(app: Shell, raw: str) -> str:
    return await new_project(app, raw)


async def edit(app: Shell, raw: str, story: str, **said: Any) -> Answer:
    headers = {**JSON, "Authorization": f"Bearer {raw}"}
    body = msgspec.json.encode(said)
    return await ask(app, f"/api/v1/stories/{story}", method="PATCH", headers=headers, body=body)


async def story_id(app: Shell, raw: str, project: str, number: str) -> str:
    path = f"/api/v1/stories?project_id={project}&number={number}"
    found: str = (await ask(app, path, headers={"Authorization": f"Bearer {raw}"})).json()["data"][0]["id"]
    return found


async def test_the_example_of_the_readme_works_but_for_the_epic_that_it_does_not_have(
    app: Shell, raw: str, project: str
) -> None:
    answer = await send(app, raw, project, README)
    assert (answer.status, answer.error["code"]) == (422, "import_invalid")
    assert answer.error["details"] == {"epic_dependencies[0].depends_on": ["there is no epic 2 in this import"]}
    assert "there is no epic 2 in this import" in answer.error["message"]
    without = {name: value for name, value in README.items() if name != "epic_dependencies"}
    assert (await send(app, raw, project, without)).status == 201


@pytest.mark.parametrize("body", ["", "{}", '{"stories": [{"number": "1.1", "title": "t"}]}', '{"epics": []}'])
@pytest.mark.parametrize("query", ["", "?merge=true", "?dry_run=true"])
async def test_an_import_of_nothing_is_refused(app: Shell, raw: str, project: str, body: str, query: str) -> None:
    """Answered 201 with zeros."""
    path = f"/api/v1/projects/{project}/import{query}"
    headers = {**(JSON if body else {}), "Authorization": f"Bearer {raw}"}
    answer = await ask(app, path, method="POST", headers=headers, body=body.encode())
    assert (answer.status, answer.error["code"]) == (422, "import_invalid")
    assert '{"epics": [{' in answer.error["message"]


async def test_members_that_nobody_reads_are_named_with_their_places(app: Shell, raw: str, project: str) -> None:
    """Went red when they were dropped unsaid."""
    body = work("1.1", "1.2", stuff=1)
    body["epics"][0] |= {"color": "red", "metadata": {"mine": 1}}
    body["epics"][0]["stories"][1] |= {"tags": ["a"], "acceptanceCriteria": ["x"], "acceptance_criteria": [{"q": 1}]}
    answer = await send(app, raw, project, body)
    assert answer.status == 201
    assert sorted(answer.json()["ignored"]) == [
        "epics[0].color", "epics[0].stories[1].acceptanceCriteria", "epics[0].stories[1].tags", "stuff"
    ]  # fmt: skip


async def test_of_many_members_that_nobody_reads_a_hundred_are_named_and_the_others_counted(
    app: Shell, raw: str, project: str
) -> None:
    body = work(*(f"1.{number}" for number in range(150)))
    for story in body["epics"][0]["stories"]:
        story["tags"] = []
    said = (await send(app, raw, project, body)).json()
    assert (len(said["ignored"]), said["ignored_more"]) == (100, 50)


async def test_the_same_holds_for_every_other_body(app: Shell, raw: str, project: str) -> None:
    answer = await create(app, raw, {"name": "P", "slug": "other", "colour": "red"})
    assert (answer.status, answer.json()["ignored"]) == (201, ["colour"])
    await send(app, raw, project, work("1.1"))
    story = await story_id(app, raw, project, "1.1")
    changed = await edit(app, raw, story, title="New", tags=["a"], urgency=1)
    assert (changed.status, changed.json()["ignored"]) == (200, ["tags", "urgency"])
    assert "ignored" not in (await edit(app, raw, story, title="Newer")).json()
    assert "ignored" not in (await edit(app, raw, story, title="", tags=[])).json()


async def test_values_that_no_import_may_set_are_named_with_their_places(app: Shell, raw: str, project: str) -> None:
    body = work("1.1", "1.2", "1.3", project={"name": "Elsewhere", "slug": "my-app", "mission": "go"})
    first, second, third = body["epics"][0]["stories"]
    first |= {"agent_status": "implementing", "assigned_at": "2026-01-01T00:00:00Z", "assigned_agent_id": "x"}
    second |= {"agent_status": "reported_done", "reported_done_at": "2026-03-27T12:00:00.000000Z"}
    third |= {"verified_status": "rejected", "rejected_at": "2026-01-01T00:00:00Z", "rejection_reason": "no"}
    answer = await send(app, raw, project, body)
    assert answer.status == 201
    assert answer.json()["not_imported"] == [
        "project.name", "project.mission", "epics[0].stories[0].agent_status", "epics[0].stories[0].assigned_at",
        "epics[0].stories[0].assigned_agent_id", "epics[0].stories[2].verified_status",
        "epics[0].stories[2].rejected_at", "epics[0].stories[2].rejection_reason",
    ]  # fmt: skip


async def test_of_its_own_export_a_merge_leaves_nothing_out(app: Shell, raw: str, project: str) -> None:
    body = work("1.1", "1.2")
    body["epics"][0]["stories"][0] |= {"initial_verified_status": "pass"}
    await send(app, raw, project, body)
    answer = await send(app, raw, project, await exported(app, raw, project), query="?merge=true")
    assert (answer.status, answer.json().keys()) == (200, {"import"})


async def test_a_merge_says_what_it_changes_and_where(app: Shell, raw: str, project: str) -> None:
    """Counted whatever was named as updated; a newer title went back to the older one unsaid."""
    await send(app, raw, project, work("1.1", "1.2"))
    older = await exported(app, raw, project)
    await edit(app, raw, await story_id(app, raw, project, "1.2"), title="Newer", estimated_hours=3)
    summary = await merge(app, raw, project, older)
    assert (summary["stories_updated"], summary["stories_unchanged"], summary["epics_unchanged"]) == (1, 1, 1)
    assert summary["updates"] == [{"story": "1.2", "fields": ["title"]}]


@pytest.mark.parametrize("query", ["?dry_run=true", "?dry_run=true&merge=true"])
@pytest.mark.parametrize("what", ["good", "taken", "wrong", "cycle"])
async def test_a_dry_run_answers_as_the_import_does_and_writes_nothing(
    app: Shell, store: Store, query: str, what: str
) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, work("1.1", "1.2", edges=[("1.2", "1.1")]))
    body = {
        "good": work("2.1", "2.2", edges=[("2.2", "2.1")], stuff=1, project={"name": "x"}),
        "taken": work("1.1", "2.1"),
        "wrong": work("2.1", edges=[("2.1", "9.9")]),
        "cycle": work("1.3", "1.4", edges=[("1.3", "1.4"), ("1.4", "1.3")]),
    }[what]
    before = await log_size(store, tenant)
    rehearsed = await send(app, raw, project, body, query=query, Idempotency_Key="k")
    assert await log_size(store, tenant) == before
    done = await send(app, raw, project, body, query=query.replace("dry_run=true", "dry_run=false"))
    assert (rehearsed.status, rehearsed.body) == (done.status, done.body)
    assert (await log_size(store, tenant) > before) == (done.status < 300)
    assert ("loopctl-position" in done.headers, "loopctl-position" in rehearsed.headers) == (done.status < 300, False)


async def test_a_dry_run_may_be_asked_for_in_the_body(app: Shell, raw: str, project: str) -> None:
    assert (await send(app, raw, project, work("1.1", dry_run=True))).status == 201
    assert (await exported(app, raw, project))["epics"] == []
    assert (await send(app, raw, project, work("1.1", dry_run="yes"))).status == 422


async def test_an_import_may_insist_that_nothing_has_changed_since_the_export(
    app: Shell, raw: str, project: str
) -> None:
    await send(app, raw, project, work("1.1", "1.2"))
    older = await exported(app, raw, project)
    position = older["export_metadata"]["position"]
    query = f"?merge=true&if_position={position}"
    await create(app, raw, {"name": "Elsewhere", "slug": "elsewhere"})
    assert (await send(app, raw, project, older, query=query)).status == 200
    await edit(app, raw, await story_id(app, raw, project, "1.2"), title="Newer")
    for asked, more in ((query, {}), ("?merge=true", {"if_position": position}), (f"{query}&dry_run=true", {})):
        answer = await send(app, raw, project, {**older, **more}, query=asked)
        assert (answer.status, answer.error["code"]) == (409, "export_outdated")
        assert "export it again" in answer.error["message"]
    assert (await exported(app, raw, project))["epics"][0]["stories"][1]["title"] == "Newer"
    for query in ("?merge=true&if_position=soon", "?merge=true&if_position=", "?merge=true&dry_run=perhaps"):
        assert (await send(app, raw, project, older, query=query)).status == 422
    beyond = await send(app, raw, project, older, query="?merge=true&if_position=99999")
    assert (beyond.status, list(beyond.error["details"])) == (422, ["if_position"])
    newest = (await exported(app, raw, project))["export_metadata"]["position"]
    assert (await send(app, raw, project, older, query=f"?merge=true&if_position={newest}")).status == 200


async def test_the_schema_is_published_to_everybody(app: Shell) -> None:
    answer = await ask(app, "/api/v1/schemas/import")
    assert answer.status == 200
    assert answer.json() == msgspec.json.decode(Path("docs/import.schema.json").read_bytes())
