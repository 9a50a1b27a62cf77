"""The table of what a merge does (spec 01, section 5.4), row by row."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from api.http.shell import Shell
from domain.event import Stream
from domain.lifecycle.events import StoryContracted
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Store, Writer
from projections.rows.stories import STORIES
from tests.api.logs import Service, service, tenant_with_key
from tests.api.transferring import exported, merge, new_project, send, work
from tests.support.database import copied_database


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
    """With two epics and three stories, the second waiting for the first."""
    found = await new_project(app, raw)
    body = work("1.1", "1.2", "2.1", edges=[("1.2", "1.1")], epic_dependencies=[{"epic": 2, "depends_on": 1}])
    body["epics"][0] |= {"description": "d", "phase": "core", "metadata": {"a": 1, "b": 2}}
    body["epics"][0]["stories"][0] |= {
        "description": "long", "estimated_hours": 4.5, "metadata": {"a": 1, "b": 2},
        "acceptance_criteria": [{"criterion": "works"}], "initial_agent_status": "reported_done",
    }  # fmt: skip
    assert (await send(app, raw, found, body)).status == 201
    return found


async def refused(app: Shell, raw: str, project: str, body: Any) -> Any:
    answer = await send(app, raw, project, body, query="?merge=true")
    assert answer.status == 422
    return answer.error


async def test_the_summary_counts_what_was_named_and_lists_what_was_not(app: Shell, raw: str, project: str) -> None:
    assert await merge(app, raw, project, work("1.1", "1.3", "3.1", edges=[("1.3", "1.1"), ("1.2", "1.1")])) == {
        "epics_created": 1, "epics_updated": 0, "epics_unchanged": 1, "stories_created": 2, "stories_updated": 0,
        "stories_unchanged": 1, "updates": [],
        "stories_orphaned": [{"number": "1.2", "title": "Story 1.2"}, {"number": "2.1", "title": "Story 2.1"}],
        "dependencies_created": 1, "dependencies_existing": 1,
    }  # fmt: skip


async def test_what_is_merged_twice_changes_nothing_the_second_time(
    app: Shell, store: Store, raw: str, project: str
) -> None:
    before = await exported(app, raw, project)
    body = {name: before[name] for name in ("epics", "story_dependencies", "epic_dependencies")}
    summary = await merge(app, raw, project, body)
    assert (summary["epics_updated"], summary["stories_updated"], summary["dependencies_created"]) == (0, 0, 0)
    assert (summary["epics_unchanged"], summary["stories_unchanged"]) == (2, 3)
    after = await exported(app, raw, project)
    assert {name: after[name] for name in body} == body


async def test_fields_that_are_given_replace_and_the_others_stay(app: Shell, raw: str, project: str) -> None:
    body = work("1.1")
    body["epics"][0] |= {"title": "New epic", "phase": None, "metadata": {"c": 3}}
    body["epics"][0]["stories"][0] |= {"title": "New story", "description": None, "metadata": {"c": 3.5}}
    await merge(app, raw, project, body)
    epic = (await exported(app, raw, project))["epics"][0]
    story = epic["stories"][0]
    assert (epic["title"], epic["description"], epic["phase"], epic["metadata"]) == ("New epic", "d", "core", {"c": 3})
    assert (story["title"], story["description"], story["metadata"]) == ("New story", "long", {"c": 3.5})
    assert (story["estimated_hours"], story["acceptance_criteria"]) == (4.5, [{"criterion": "works"}])


async def test_statuses_are_never_touched_and_new_stories_begin_at_the_beginning(
    app: Shell, raw: str, project: str
) -> None:
    body = work("1.1", "1.9")
    for story in body["epics"][0]["stories"]:
        story |= {"initial_verified_status": "pass", "initial_agent_status": "pending"}
    await merge(app, raw, project, body)
    stories = {each["number"]: each for each in (await exported(app, raw, project))["epics"][0]["stories"]}
    assert [(stories[n]["agent_status"], stories[n]["verified_status"]) for n in ("1.1", "1.9")] == [
        ("reported_done", "unverified"), ("pending", "unverified")
    ]  # fmt: skip


async def test_a_story_is_found_in_the_whole_project_and_stays_in_its_epic(app: Shell, raw: str, project: str) -> None:
    body = work("2.1")
    body["epics"][0]["stories"].append({"number": "US-1.1", "title": "Moved?"})
    assert (await merge(app, raw, project, body))["stories_created"] == 0
    epics = (await exported(app, raw, project))["epics"]
    assert [story["title"] for story in epics[0]["stories"]] == ["Moved?", "Story 1.2"]


async def test_references_reach_what_is_there_already(app: Shell, raw: str, project: str) -> None:
    summary = await merge(app, raw, project, work("3.1", edges=[("3.1", "2.1"), ("2.1", "1.2")]))
    assert (summary["dependencies_created"], summary["dependencies_existing"]) == (2, 1)
    assert (await refused(app, raw, project, work("3.2", edges=[("3.2", "9.9")])))["code"] == "import_invalid"


async def test_edges_that_are_there_are_skipped_and_those_that_are_not_named_stay(
    app: Shell, raw: str, project: str
) -> None:
    body = {**work("1.1", edges=[("1.2", "1.1")] * 2), "epic_dependencies": [{"epic": 2, "depends_on": 1}]}
    assert (await merge(app, raw, project, body))["dependencies_created"] == 0
    found = await exported(app, raw, project)
    assert found["story_dependencies"] == [{"story": "1.2", "depends_on": "1.1"}]
    assert found["epic_dependencies"] == [{"epic": 2, "depends_on": 1}]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"story_dependencies": [{"story": "1.1", "depends_on": "1.2"}]}, "cycle_detected", "1.2 -> 1.1 -> 1.2"),
        (
            {"epic_dependencies": [{"epic": 1, "depends_on": 2}]},
            "cycle_detected",
            "epic 2 -> epic 1 -> epic 2",
        ),
        (
            {"story_dependencies": [{"story": "1.1", "depends_on": "2.1"}]},
            "cross_level_deadlock",
            "1.2 -> 1.1 -> 2.1 -> epic 1 -> 1.2",
        ),
    ],
)
async def test_cycles_and_deadlocks_are_found_together_with_what_is_there(
    app: Shell, raw: str, project: str, body: Any, code: str, message: str
) -> None:
    error = await refused(app, raw, project, body)
    assert error["code"] == code
    if code == "cycle_detected":
        assert message in error["message"]


@pytest.mark.parametrize("said", [True, "true"])
async def test_merge_may_be_asked_for_in_the_body(app: Shell, raw: str, project: str, said: Any) -> None:
    assert (await send(app, raw, project, {**work("1.1"), "merge": said})).status == 200
    assert (await send(app, raw, project, {**work("1.1"), "merge": False})).status == 409


async def test_other_criteria_after_a_contract_are_a_new_revision(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, work("1.1"))
    story = await contracted(store, tenant)
    body = work("1.1")
    body["epics"][0]["stories"][0]["acceptance_criteria"] = [{"criterion": "other"}]
    await merge(app, raw, project, body)
    async with store.database.tenant_transaction(tenant) as tx:
        rows = await tx.fetch(
            "SELECT entry FROM app.log_entry WHERE tenant_id = $1 AND stream_id = $2 ORDER BY position", tenant, story
        )
        found = await tx.fetchrow("SELECT revision, agent_status FROM app.story WHERE tenant_id = $1", tenant)
    entries = [msgspec.json.decode(row["entry"]) for row in rows]
    assert [(entry["type"], entry["eseq"]) for entry in entries] == [
        ("story.imported", 0), ("story.contracted", 1), ("story.updated", 2), ("story.revised", 3)
    ]  # fmt: skip
    assert found is not None
    assert tuple(found) == (1, "pending")


async def contracted(store: Store, tenant: UUID) -> UUID:
    """The tenant's only story, after another writer has recorded its contract."""

    async with store.database.tenant_transaction(tenant) as tx:
        row = await tx.fetchrow(
            "SELECT story_id, project_id, epic_id, criteria_hash FROM app.story WHERE tenant_id = $1", tenant
        )
    assert row is not None
    story: UUID = row["story_id"]
    event = StoryContracted(
        project_id=row["project_id"], epic_id=row["epic_id"], agent_status_was="pending", agent_id=UUID(int=1),
        contract_hash=row["criteria_hash"],
    )  # fmt: skip
    stream = Stream("story", story)
    command = Command(
        origin=Origin(actor=("test",), at=datetime(2026, 3, 27, tzinfo=UTC), refuse=lambda _: Reply(422, b"")),
        needs=[STORIES.need(story)], streams=[stream], decide=lambda _: [Change(stream, event)],
        answer=lambda *_: None,
    )  # fmt: skip
    await Writer(store).submit(tenant, command)
    return story
