"""GET /api/v1/projects/{project}/export: everything, by number, and the same again after an import of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.http.shell import Shell
from domain.event import JsonText, Stream
from domain.story import CriterionUpdated
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Store, Writer
from tests.api.logs import NOON, Service, create, service, tenant_with_key
from tests.api.transferring import exported, merge, new_project, send, work
from tests.support.backlog import backlog
from tests.support.database import copied_database

WORK = ("epics", "story_dependencies", "epic_dependencies")


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


async def test_an_export_has_every_member_and_is_sorted_by_number(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    whole = {"name": "My App", "slug": "my-app", "mission": "go", "metadata": {"a": 0.5}}
    project = (await create(app, raw, whole)).json()["project"]["id"]
    edges = [("10.1", "2.1"), ("2.10", "2.1"), ("2.2", "2.1")]
    body = work("10.1", "2.10", "2.2", "2.1", edges=edges, epic_dependencies=[{"epic": 10, "depends_on": 2}])
    answer = await send(app, raw, project, body)
    assert answer.status == 201
    found = await exported(app, raw, project)
    assert found.pop("export_metadata") == {
        "exported_at": "2026-03-27T12:00:00.000000Z", "loopctl_version": "1.2.3", "project_id": project,
        "tenant_id": str(tenant), "position": int(answer.headers["loopctl-position"]),
    }  # fmt: skip
    assert found.pop("project") == {
        **whole, "description": None, "repo_url": None, "tech_stack": None, "status": "active"
    }  # fmt: skip
    assert [epic["number"] for epic in found["epics"]] == [2, 10]
    assert [story["number"] for story in found["epics"][0]["stories"]] == ["2.1", "2.2", "2.10"]
    assert [edge["story"] for edge in found["story_dependencies"]] == ["2.2", "2.10", "10.1"]
    assert found["epic_dependencies"] == [{"epic": 10, "depends_on": 2}]
    assert found["epics"][1] == {
        "number": 10, "title": "Epic 10", "description": None, "phase": None, "position": 0, "metadata": {},
        "stories": [
            {
                "number": "10.1", "title": "Story 10.1", "description": None, "acceptance_criteria": [],
                "estimated_hours": None, "agent_status": "pending", "verified_status": "unverified",
                "assigned_agent_id": None, "assigned_at": None, "reported_done_at": None, "verified_at": None,
                "rejected_at": None, "rejection_reason": None, "metadata": {}, "external_source": None,
                "external_id": None, "external_times": None, "labels": [], "priority": 2, "assignee": None,
                "claimed_criteria": [], "parent": None,
            }
        ],
    }  # fmt: skip


async def test_a_binding_that_was_given_later_is_exported_with_its_criterion(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    body = work("1.1")
    body["epics"][0]["stories"][0]["acceptance_criteria"] = [{"criterion": "a"}, {"id": "X", "criterion": "b"}]
    await send(app, raw, project, body)
    await bind(store, tenant, "AC-1", {"type": "manual", "description": "look"})
    await bind(store, tenant, "X", {"type": "route", "method": "GET", "path": "/"})
    assert (await exported(app, raw, project))["epics"][0]["stories"][0]["acceptance_criteria"] == [
        {"criterion": "a", "verification_criterion": {"type": "manual", "description": "look"}},
        {"id": "X", "criterion": "b", "verification_criterion": {"type": "route", "method": "GET", "path": "/"}},
    ]


async def bind(store: Store, tenant: UUID, ac_id: str, binding: Any) -> None:
    """To a criterion of the tenant's only story."""
    async with store.database.tenant_transaction(tenant) as tx:
        row = await tx.fetchrow("SELECT story_id, project_id FROM app.story WHERE tenant_id = $1", tenant)
    assert row is not None
    text = JsonText(msgspec.json.encode(binding).decode())
    event = CriterionUpdated(project_id=row["project_id"], ac_id=ac_id, verification_criterion=text)
    stream = Stream("story", row["story_id"])
    command = Command(
        origin=Origin(actor=("test",), at=NOON, refuse=lambda _: Reply(422, b"")), needs=[], streams=[stream],
        decide=lambda _: [Change(stream, event)], answer=lambda *_: None,
    )  # fmt: skip
    await Writer(store).submit(tenant, command)


async def test_a_realistic_backlog_comes_back_as_it_went_in(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    body = backlog(12, 200)
    first, second = await there_and_back(app, raw, body)
    assert first == second
    assert len(first["story_dependencies"]) == len(body["story_dependencies"])


async def test_an_export_can_be_merged_into_the_project_that_it_came_from(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, backlog(3, 30))
    before = await exported(app, raw, project)
    summary = await merge(app, raw, project, before)
    assert {name: count for name, count in summary.items() if count} == {
        "epics_unchanged": 3, "stories_unchanged": 30, "dependencies_existing": len(before["story_dependencies"])
    }  # fmt: skip
    after = await exported(app, raw, project)
    assert {name: after[name] for name in WORK} == {name: before[name] for name in WORK}


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
titles = texts.filter(lambda text: bool(text.strip()))
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
maps = st.dictionaries(texts, values, max_size=3)
bindings = st.one_of(
    st.fixed_dictionaries({"type": st.just("manual"), "description": texts}),
    st.fixed_dictionaries({"type": st.just("test"), "path": texts, "test_name": texts}),
)
criteria = st.lists(
    st.fixed_dictionaries(
        {}, optional={"id": texts, "description": texts, "criterion": texts, "verification_criterion": bindings}
    ),
    max_size=3,
)
stories = st.fixed_dictionaries(
    {"title": titles},
    optional={
        "description": texts | st.none(),
        "acceptance_criteria": criteria | st.none(),
        "estimated_hours": st.integers(0, 10**6) | st.decimals(0, 100, places=2).map(float) | st.just("2.50"),
        "metadata": maps | st.none(),
        "initial_agent_status": st.sampled_from(["pending", "reported_done"]),
        "initial_verified_status": st.sampled_from(["pass", "verified", "fail", "unverified"]),
    },
)
epics = st.fixed_dictionaries(
    {"title": titles},
    optional={
        "description": texts | st.none(), "phase": texts | st.none(), "position": st.integers(0, 99),
        "metadata": maps | st.none(),
    },
)  # fmt: skip


@st.composite
def imports(draw: st.DrawFn) -> dict[str, Any]:
    """Of any text and JSON; an edge leads from a later story or epic to an earlier one."""
    made: list[dict[str, Any]] = []
    names: list[str] = []
    for major in range(1, draw(st.integers(1, 3)) + 1):
        inside = draw(st.lists(stories, max_size=3))
        names += [f"{major}.{minor}" for minor in range(len(inside))]
        numbered = [{"number": f"{major}.{minor}", **story} for minor, story in enumerate(inside)]
        made.append({**draw(epics), "number": major, "stories": numbered})
    pairs = [(one, other) for place, one in enumerate(names) for other in names[:place]]
    levels = [(one, other) for one in range(1, len(made) + 1) for other in range(1, one)]
    return {
        "epics": made,
        "story_dependencies": [{"story": one, "depends_on": other} for one, other in draw(some_of(pairs))],
        "epic_dependencies": [{"epic": one, "depends_on": other} for one, other in draw(some_of(levels))],
    }


def some_of(pairs: list[Any]) -> "st.SearchStrategy[list[Any]]":
    return st.lists(st.sampled_from(pairs), unique=True, max_size=4) if pairs else st.just([])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=imports())
async def test_an_export_that_is_imported_is_exported_as_the_same(app: Shell, store: Store, body: Any) -> None:
    _, raw = await tenant_with_key(store)
    first, second = await there_and_back(app, raw, body)
    assert first == second
    assert [epic["title"] for epic in first["epics"]] == [epic["title"].strip() for epic in body["epics"]]


async def there_and_back(app: Shell, raw: str, body: Any) -> tuple[Any, Any]:
    """What two projects export: one that the body was imported into, one that the first one's export was."""
    found = []
    for slug in ("first", "second"):
        project = await new_project(app, raw, slug)
        answer = await send(app, raw, project, body)
        assert answer.status == 201, answer.body
        body = await exported(app, raw, project)
        found.append({name: body[name] for name in WORK})
    return found[0], found[1]


async def test_an_export_that_is_made_while_others_write_is_of_one_moment(app: Shell, store: Store) -> None:
    """Each import adds a story to the first epic, and one to the last that waits for it: both are shown, or neither.
    Went red while each page was of a moment of its own."""
    _, raw = await tenant_with_key(store)
    project = await new_project(app, raw)
    await send(app, raw, project, work(*(f"{epic}.1" for epic in range(1, 10))))
    added, exports = 1, 0

    async def read() -> None:
        nonlocal exports
        while exports < 12 or added < 8:
            found = await exported(app, raw, project)
            numbers = [[story["number"] for story in epic["stories"]] for epic in found["epics"]]
            assert len(numbers[0]) == len(numbers[-1]) == len(found["story_dependencies"]) + 1
            exports += 1

    reading = asyncio.create_task(read())
    while not reading.done():
        added += 1
        await merge(app, raw, project, work(f"1.{added}", f"9.{added}", edges=[(f"9.{added}", f"1.{added}")]))
    await reading
