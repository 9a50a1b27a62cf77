"""The two checks of the graph agree: for a whole import, and for one edge that is added to what is stored."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.dependency import DependencyFacts
from domain.errors import Invalid
from domain.graph import DependencyGraph, check_waiting
from eventstore.database.transaction import TenantTx
from projections.facts.dependency_check import EdgeSurroundings
from projections.inline import PROJECTIONS
from projections.rebuild import rebuild
from tests.api.logs import Service, service, tenant_with_key
from tests.api.transferring import merge, new_project, send, work
from tests.eventstore.writing import CODEC
from tests.support.backlog import backlog
from tests.support.database import TestDatabase, session

EPICS: list[Any] = [1, 2, 3, 4, 5]
NUMBERS: list[Any] = [f"{major}.{minor}" for major in range(1, 5) for minor in range(2)]


@pytest.fixture
async def running(database: TestDatabase) -> AsyncIterator[Service]:
    async with service(database) as started:
        yield started


async def around(running: Service, tenant: UUID, kind: str, ends: tuple[Any, Any]) -> DependencyFacts:
    table = {"story": "SELECT story_id FROM app.story", "epic": "SELECT epic_id FROM app.epic"}[kind]
    async with running.store.database.tenant_transaction(tenant) as tx:
        ids = [await tx.fetchval(f"{table} WHERE tenant_id = $1 AND number = $2", tenant, end) for end in ends]
        key = (kind, *ids)
        found: DependencyFacts = (await EdgeSurroundings().load(tx, [key]))[key]
        return found


def verdict(story_edges: list[Any], epic_edges: list[Any]) -> str | None:
    stories = {number: int(number[0]) for number in NUMBERS}
    try:
        check_waiting(DependencyGraph(stories=stories, story_edges=story_edges, epic_edges=epic_edges))
    except Invalid as error:
        return error.code
    return None


@pytest.mark.parametrize("seed", range(6))
async def test_an_edge_more_is_judged_alike_by_both(running: Service, seed: int) -> None:
    """Epic 5 has no stories. What is allowed is added, so the graph fills up until nothing more is."""
    random = Random(seed)
    tenant, raw = await tenant_with_key(running.store)
    project = await new_project(running.app, raw)
    body = work(*NUMBERS)
    body["epics"].append({"number": 5, "title": "empty"})
    await send(running.app, raw, project, body)
    edges: dict[str, list[Any]] = {"story": [], "epic": []}
    seen = set()
    for _ in range(25):
        kind = random.choice(("story", "epic"))
        one, other = random.sample(NUMBERS if kind == "story" else EPICS, 2)
        ends = (one, other)
        more = {**edges, kind: [*edges[kind], ends]}
        found = await around(running, tenant, kind, ends)
        one_by_one = "cycle_detected" if found.closes_cycle else "cross_level_deadlock" if found.deadlocks else None
        assert verdict(more["story"], more["epic"]) == one_by_one, (edges, kind, ends)
        seen.add(one_by_one)
        if one_by_one is None and ends not in edges[kind]:
            edges = more
            edge = {kind: ends[0], "depends_on": ends[1]}
            await merge(running.app, raw, project, {f"{kind}_dependencies": [edge]})
    assert len(seen) == 3, "the sample has each verdict"


async def test_read_models_after_an_import_and_a_merge_equal_their_rebuild(
    running: Service, database: TestDatabase
) -> None:
    tenant, raw = await tenant_with_key(running.store)
    project = await new_project(running.app, raw)
    body = backlog(6, 300)
    body["epics"][0]["stories"][0]["initial_verified_status"] = "pass"
    assert (await send(running.app, raw, project, body)).status == 201
    for epic in body["epics"]:
        epic["stories"] = [{**story, "title": "Other"} for story in epic["stories"][::2]]
    body["epics"].append({"number": 99, "title": "More", "stories": [{"number": "99.1", "title": "t"}]})
    await merge(running.app, raw, project, {**body, "story_dependencies": [{"story": "99.1", "depends_on": "1.1"}]})
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        tx = TenantTx(connection, tenant)  # type: ignore[arg-type]  # a plain connection does as well as a pooled one
        found = [each for projection in PROJECTIONS for each in await rebuild(tx, CODEC, projection)]
    assert [each.table for each in found if not each.was_equal] == []
    assert {each.table: each.rows for each in found}["app.story"] == 301
