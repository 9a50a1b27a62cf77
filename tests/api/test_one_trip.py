"""A read whose bodies are all kept is one round trip to the database, and shows no more than any other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import Struct, structs

from api.stories.rendering import KeptBodies, StoryRenderer
from eventstore.database.transaction import Database
from projections.queries.story_lists import StoryFilter, list_stories, shown_version
from projections.rows.work_queue import QueueFilter, list_ready
from tests.api.logs import Service, service
from tests.api.test_kept_bodies import NOTHING_KEPT
from tests.api.work import Client, client
from tests.support.database import TestDatabase, connected
from tests.support.trips import Trips, counted

STORIES = ("1.1", "1.2", "2")


class At(Struct, frozen=True):
    """A service at an address."""

    app_url: str


@asynccontextmanager
async def counting(database: TestDatabase, keeping: Any = KeptBodies) -> AsyncIterator[tuple[Service, Trips]]:
    """With one connection: what it has prepared, all have. Callers are remembered."""

    async def connect(url: str, **more: Any) -> Database:
        return await connected(url, max_size=1, **more)

    async with (
        counted(database.app_url) as (trips, through),
        service(At(through), stories=StoryRenderer(keeping), connect=connect, remember_seconds=1000.0) as running,
    ):
        yield running, trips


async def laid_out(caller: Client) -> list[str]:
    """Paths that read stories."""
    project = await caller.project()
    epic = await caller.epic(project)
    story, *_ = [await caller.story(epic, number) for number in STORIES]
    of_project = f"/stories?project_id={project}"
    return [
        f"/stories/{story}", of_project, f"{of_project}&limit=2&offset=1", f"{of_project}&number=1.2",
        f"{of_project}&agent_status=pending&verified_status=unverified&limit=1", f"{of_project}&epic_id={epic}",
        f"{of_project}&agent_status=assigned", f"/epics/{epic}/stories", "/stories/ready", "/stories/ready?limit=2",
        f"/stories/ready?project_id={project}", f"/stories/ready?epic_id={epic}&limit=1",
    ]  # fmt: skip


async def trips_of(caller: Client, paths: list[str], trips: Trips) -> dict[str, int]:
    """Round trips of each when it has been asked before."""
    found = {}
    for path in paths:
        before = await caller.get(path)
        trips.count = 0
        again = await caller.get(path)
        assert (again.status, again.body) == (200, before.body)
        found[path] = trips.count
    return found


async def test_what_is_kept_takes_one_round_trip(log_of_module: TestDatabase) -> None:
    async with counting(log_of_module) as (running, trips):
        ann = await client(running)
        found = await trips_of(ann, await laid_out(ann), trips)
    empty = {path for path in found if "assigned" in path}
    assert {trips for path, trips in found.items() if path not in empty} == {1}, found
    assert all(found[path] <= 4 for path in empty), "of a list of nothing it is looked whether its project is there"


async def test_what_is_not_kept_takes_more(log_of_module: TestDatabase) -> None:
    """The control."""
    async with counting(log_of_module, NOTHING_KEPT) as (running, trips):
        ann = await client(running)
        found = await trips_of(ann, await laid_out(ann), trips)
    assert min(trips for path, trips in found.items() if "assigned" not in path) >= 4, found


async def test_a_page_past_the_end_says_how_many_there_are(ann: Client) -> None:
    for path in await laid_out(ann):
        if "limit" in path or "number" in path or "?" not in path:
            continue
        whole, past = (await ann.get(path)).json(), (await ann.get(f"{path}&offset=40&limit=5")).json()
        assert past["data"] == []
        assert past["meta"]["total_count"] == whole["meta"]["total_count"] == len(whole["data"])


@pytest.fixture(params=["", "&statement_cache_size=0"])
async def asked(log_of_module: TestDatabase, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """With one connection, which all tenants use in turn."""
    opened = await connected(log_of_module.app_url + request.param, role="loopctl_app", max_size=1)
    yield opened
    await opened.close()


async def test_ids_of_another_tenant_find_nothing(asked: Database, ann: Client, bob: Client) -> None:
    places = [(each, await _place(each)) for each in (ann, bob)]
    for _ in range(7):  # so that plans are kept
        for owner, place in places:
            for tenant in (ann.tenant, bob.tenant, uuid4()):
                totals, stories, version = await _found(asked, tenant, *place)
                there = tenant == owner.tenant
                assert (totals, stories) == (({1}, {place[2]}) if there else ({0}, set()))
                assert (version is not None) == there
            anywhere = await list_ready(asked.ask_tenant, owner.tenant, QueueFilter(), 10, 0)
            assert [row["story_id"] for row in anywhere.rows] == [place[2]]


async def _found(asked: Database, tenant: UUID, project: UUID, epic: UUID, story: UUID) -> tuple[Any, Any, Any]:
    """Totals and stories of all pages, and the version of the story."""
    ask, of_project = asked.ask_tenant, StoryFilter(project_id=project)
    pages = [
        await list_stories(ask, tenant, only, 10, offset)
        for only in (
            of_project, StoryFilter(epic_id=epic), structs.replace(of_project, epic_id=epic),
            structs.replace(of_project, number="1.1"),
            structs.replace(of_project, agent_status="pending", verified_status="unverified"),
        )
        for offset in (0, 1)
    ]  # fmt: skip
    pages += [
        await list_ready(ask, tenant, only, 10, offset)
        for only in (QueueFilter(project_id=project), QueueFilter(epic_id=epic))
        for offset in (0, 1)
    ]
    stories = {row["story_id"] for page in pages for row in page.rows}
    return {page.total for page in pages}, stories, await shown_version(ask, tenant, story)


async def _place(caller: Client) -> tuple[UUID, UUID, UUID]:
    project = await caller.project()
    epic = await caller.epic(project)
    return UUID(project), UUID(epic), UUID(await caller.story(epic))
