"""GET /api/v1/changes: by time as clients of the reference poll, by position without gaps, and what it filters."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

import projections.queries.change_feed as feed
from domain.event import JsonText, Stream
from domain.observation import Observed
from domain.project import ProjectArchived
from tests.api.asgi import Answer, ask
from tests.api.logs import NOON, Service, create, service, tenant_with_key
from tests.support.database import TestDatabase, copied_database
from tests.support.events import claimed, new_project, new_story, put

AGENT = UUID(int=9)
BEFORE = quote("2020-01-01T00:00:00Z")


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


async def changes(running: Service, raw: str, query: str) -> Answer:
    return await ask(running.app, f"/api/v1/changes?{query}", headers={"Authorization": f"Bearer {raw}"})


def positions(answer: Answer) -> list[int]:
    return [entry["position"] for entry in answer.json()["data"]]


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def since(moment: datetime) -> str:
    return "since=" + quote(moment.isoformat())


@pytest.mark.parametrize("role", ["agent", "orchestrator", "user"])
async def test_a_write_is_in_the_feed_at_once_with_every_member_but_those_of_the_trail(
    running: Service, role: str
) -> None:
    tenant, raw = await tenant_with_key(running.store, role)
    project = new_project()
    await put(running.store, tenant, project, at=NOON, actor=(f"api_key:{AGENT}", "agent:ann"))
    answer = await changes(running, raw, "after=1")
    entry = answer.json()["data"][0]
    UUID(entry.pop("id"))
    assert entry == {
        "position": 2, "entity_type": "project", "entity_id": str(project[0].id), "action": "created",
        "actor_type": "api_key", "actor_label": "agent:ann", "project_id": str(project[0].id), "metadata": {},
        "new_state": {"name": "p", "slug": project[1].slug, "status": "active"},
        "inserted_at": "2026-03-27T12:00:00.000000Z",
    }  # fmt: skip
    assert {name: value for name, value in answer.json().items() if name != "data"} == {
        "has_more": False, "next_since": "2026-03-27T12:00:00.000000000000000002Z", "cursor": 2,
    }  # fmt: skip


async def test_pages_by_position_have_no_gap_and_no_tie(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    await put(running.store, tenant, *(new_project() for _ in range(5)), at=NOON)
    seen: list[int] = []
    cursor, more = -1, True
    while more:
        answer = await changes(running, raw, f"after={cursor}&limit=2")
        seen += positions(answer)
        cursor, more = answer.json()["cursor"], answer.json()["has_more"]
    assert seen == [*range(7)]
    assert positions(await changes(running, raw, f"cursor={cursor}")) == []
    assert (await changes(running, raw, f"cursor={cursor}")).json()["cursor"] == 6


async def test_by_time_only_what_is_strictly_later_is_answered(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    for hours in (1, 2, 3):
        await put(running.store, tenant, new_project(), at=at(hours))
    answer = await changes(running, raw, f"{since(at(1))}&limit=1")
    assert (positions(answer), answer.json()["has_more"]) == ([3], True)
    assert answer.json()["next_since"][:26] == answer.json()["data"][-1]["inserted_at"][:26]
    rest = await changes(running, raw, "since=" + quote(answer.json()["next_since"]))
    assert (positions(rest), rest.json()["has_more"], rest.json()["cursor"]) == ([4], False, 4)
    assert positions(await changes(running, raw, since(at(3)))) == []


async def test_a_page_by_time_holds_what_a_clock_that_went_back_has_stamped(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    for hours in (1, 3, 2, 4):
        await put(running.store, tenant, new_project(), at=at(hours))
    assert positions(await changes(running, raw, since(at(1.5)))) == [3, 4, 5]
    assert positions(await changes(running, raw, since(at(2.5)))) == [3, 5]
    assert positions(await changes(running, raw, since(at(4)))) == []


async def test_a_page_by_time_goes_on_by_position_without_missing_anything(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    for hours in (1, 3, 2, 4):
        await put(running.store, tenant, new_project(), at=at(hours))
    first = await changes(running, raw, f"{since(at(1))}&limit=1")
    rest = await changes(running, raw, f"after={first.json()['cursor']}")
    assert positions(first) + positions(rest) == [3, 4, 5]


async def test_every_filter_leaves_its_own_and_all_hold_together(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project, other = new_project(), new_project()
    story = new_story(project[0])
    await put(running.store, tenant, project, other, story, at=NOON)
    await put(running.store, tenant, claimed(story[0], project[0], AGENT), at=at(1))
    expected = {
        f"project_id={project[0].id}": [2, 4, 5],
        f"project_id={project[1].slug}": [2, 4, 5],
        "entity_type=story": [4, 5],
        "action=created": [1, 2, 3, 4],
        "action=status_changed": [5],
        f"project_id={project[0].id}&action=created": [2, 4],
        f"project_id={project[0].id}&action=created&entity_type=story": [4],
    }
    found = {query: await changes(running, raw, f"after=-1&{query}") for query in expected}
    assert {query: positions(answer) for query, answer in found.items()} == expected
    assert {answer.json()["cursor"] for answer in found.values()} == {5}
    by_time = await changes(running, raw, f"{since(NOON)}&project_id={project[0].id}")
    assert positions(by_time) == [5]


async def test_a_page_looks_at_so_many_entries_and_says_where_it_stopped(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_EXAMINED", 3)
    tenant, raw = await tenant_with_key(running.store)
    project = new_project()
    await put(running.store, tenant, project, *(new_story(project[0], str(n)) for n in range(7)), at=NOON)
    await put(running.store, tenant, (project[0], ProjectArchived(status_was="active")), at=at(1))
    query = f"project_id={project[0].id}&action=archived"
    pages: list[Any] = [(await changes(running, raw, f"after=-1&{query}")).json()]
    while pages[-1]["has_more"]:
        pages.append((await changes(running, raw, f"after={pages[-1]['cursor']}&{query}")).json())
    assert [(page["cursor"], len(page["data"])) for page in pages] == [(4, 0), (7, 0), (10, 1), (10, 0)]
    assert (await changes(running, raw, f"since={BEFORE}&{query}")).json()["next_since"] is not None


@pytest.mark.parametrize(
    "query",
    [
        "", "since=", "since=2026-03-27", "since=2026-03-27T12:00:00", "since=2026-03-27T12:00:00+02:00", "since=now",
        "after=x", "after=-2", "after=1.5", "cursor=", f"since={BEFORE}&after=1", "after=1&cursor=1",
    ],
)  # fmt: skip
async def test_without_a_readable_place_to_begin_the_request_is_bad(running: Service, query: str) -> None:
    _, raw = await tenant_with_key(running.store)
    answer = await changes(running, raw, query)
    assert (answer.status, answer.error["code"]) == (400, "bad_request")


@pytest.mark.parametrize("limit", ["0", "-5", "x", "1001", ""])
async def test_a_limit_that_cannot_be_is_the_default(running: Service, limit: str) -> None:
    tenant, raw = await tenant_with_key(running.store)
    await put(running.store, tenant, *(new_project() for _ in range(1010)), at=NOON)
    answer = await changes(running, raw, f"after=-1&limit={limit}")
    assert (len(answer.json()["data"]), answer.json()["has_more"], answer.json()["cursor"]) == (1000, True, 999)


async def test_an_unknown_project_is_not_found(running: Service) -> None:
    _, raw = await tenant_with_key(running.store)
    assert (await changes(running, raw, "after=-1&project_id=no-such")).status == 404


async def test_no_tenant_hears_of_anothers_changes(running: Service) -> None:
    ann, ann_raw = await tenant_with_key(running.store)
    _, bob = await tenant_with_key(running.store)
    project = new_project()
    await put(running.store, ann, project, at=NOON)
    assert positions(await changes(running, ann_raw, "after=-1")) == [0, 1, 2]
    assert positions(await changes(running, bob, "after=-1")) == [0, 1]
    assert (await changes(running, bob, f"after=-1&project_id={project[0].id}")).status == 404
    seen = (await changes(running, bob, f"since={BEFORE}")).json()["data"]
    assert str(project[0].id) not in str(seen)


async def test_entries_too_long_to_be_kept_are_answered_all_the_same(running: Service) -> None:
    tenant, raw = await tenant_with_key(running.store)
    long = Observed(name="x", entity_type="session", entity_id=AGENT, data=JsonText('{"a":"%s"}' % ("x" * 5000)))
    await put(running.store, tenant, (Stream("audit", AGENT), long), at=NOON)
    answers = [await changes(running, raw, "after=1") for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert len(answers[0].json()["data"][0]["new_state"]["a"]) == 5000


async def test_what_was_just_written_over_http_is_in_trail_history_and_feed(running: Service) -> None:
    _, raw = await tenant_with_key(running.store)
    for number in range(3):
        written = await create(running.app, raw, {"name": "x", "slug": f"x-{number}"})
        place = int(written.headers["loopctl-position"])
        assert positions(await changes(running, raw, f"after={place - 1}")) == [place]
        assert positions(await changes(running, raw, f"after={place - 1}&entity_type=project")) == [place]
