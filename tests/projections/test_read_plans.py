"""Versions and pages are found by the index made for them, also when plans were made while tables were empty."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec import Struct

from domain.event import JsonText
from domain.project import Project
from eventstore.database.transaction import Database, TenantTx
from projections.queries.story_lists import LIST, VERSION
from projections.rows.epic_progress import OPEN
from projections.rows.projects import PROJECTS
from projections.rows.stories import REPLACE_ROWS
from projections.rows.work_queue import ENTER, READY
from tests.eventstore.log.test_commit_moves import NOON, opened_log, story
from tests.support.database import TestDatabase, connected, session

MANY, EPICS = 5000, 50
OF_PROJECT, OF_EPIC, PAGE = MANY // 2, MANY // EPICS, 20
SEEN = """
    SELECT indexrelid::regclass::text AS index, pg_stat_get_xact_numscans(indexrelid) AS scans,
           pg_stat_get_xact_tuples_returned(indexrelid) AS entries
      FROM pg_index
     WHERE indrelid::regclass::text
           ~ '^(app\\.)?(story|story_dependency|project|artifact|verification|epic_progress|work_queue)$'
"""


ANY: set[str] = set()
"""Where all of a tenant is counted, each index that begins with the tenant is as good as another."""


class Way(Struct, frozen=True):
    """A question, the indexes that it looks in, and how many entries it sees there at most."""

    query: str
    arguments: tuple[Any, ...]
    indexes: set[str]
    entries: int


WALK = Way(
    "SELECT story_id FROM app.story WHERE tenant_id = $1 AND title = $2 LIMIT 1 OFFSET 200", ("a story",),
    {"story_pkey"}, PAGE,
)  # fmt: skip
"""Through all stories of the tenant."""


class Laid(Struct, frozen=True):
    project: UUID
    epic: UUID
    story: UUID


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    """With one connection, which keeps its plans."""
    opened = await connected(database.app_url, role="loopctl_app", max_size=1)
    yield opened
    await opened.close()


def every_way(of: Laid) -> Sequence[Way]:
    """Each statement of each function. With something skipped the total is counted as well."""
    project, epic = of.project, of.epic
    every, one, two = (None, None), ("pending", None), ("pending", "unverified")
    return [
        Way(VERSION, (of.story,), {
            "story_pkey", "project_pkey", "story_dependency_edge", "artifact_of_story", "verification_of_story",
        }, 2),
        Way(LIST, (project, None, None, *every, 10, 5), {"story_in_project", "epic_progress_project"}, PAGE + EPICS),
        Way(LIST, (project, None, None, *one, 10, 5), {"story_in_project", "epic_progress_project"}, PAGE + EPICS),
        Way(LIST, (project, None, None, *two, 10, 5), {"story_in_project"}, PAGE + OF_PROJECT),
        Way(LIST, (None, epic, None, *every, 10, 5), {"story_in_epic", "epic_progress_pkey"}, PAGE),
        Way(LIST, (project, epic, None, *one, 10, 5), {"story_in_epic", "epic_progress_pkey"}, PAGE),
        Way(LIST, (None, epic, None, *two, 10, 5), {"story_in_epic"}, PAGE + OF_EPIC),
        Way(LIST, (project, None, "77", *two, 10, 5), {"story_number"}, 2),
        Way(LIST, (None, None, None, *every, 10, 5), ANY, PAGE + EPICS),
        Way(LIST, (None, None, None, *one, 10, 5), ANY, PAGE + EPICS),
        Way(LIST, (None, None, None, *two, 10, 5), ANY, PAGE + MANY),
        Way(LIST, (None, None, "77", *two, 10, 5), {"project_pkey", "story_number"}, PAGE),
        Way(READY, (project, None, 10, 5), {"work_queue_ready", "story_pkey"}, 2 * PAGE + OF_PROJECT),
        Way(READY, (project, None, PAGE, OF_PROJECT), {"work_queue_ready"}, 2 * OF_PROJECT),
        Way(READY, (None, epic, 10, 5), {"work_queue_epic", "project_pkey", "story_pkey"}, PAGE + 4 * OF_EPIC),
        Way(READY, (project, epic, 10, 5), {"work_queue_epic", "story_pkey"}, PAGE + 2 * OF_EPIC),
        Way(READY, (None, None, 10, 5), {
            "work_queue_ready_anywhere", "work_queue_ready", "project_pkey", "story_pkey",
        }, 3 * PAGE + MANY + 2),
    ]  # fmt: skip


async def lay_out(app: Database, tenant: UUID) -> Laid:
    projects, epics = [uuid4(), uuid4()], [uuid4() for _ in range(EPICS)]
    rows = [msgspec.to_builtins(story(uuid4())) for _ in range(MANY)]
    for number, row in enumerate(rows):
        epic = number % EPICS
        row |= {"number": str(number), "major": number, "epic_id": str(epics[epic])}
        row["project_id"] = str(projects[epic % 2])
    queued = [{**row, "pending": True, "waits_for": 0} for row in rows]
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute(PROJECTS.insert, tenant, _encoded([_project(each) for each in projects]))
        await tx.execute(REPLACE_ROWS, tenant, _encoded(rows))
        await tx.execute(ENTER, tenant, _encoded(queued))
        await tx.execute(OPEN, tenant, epics, [projects[number % 2] for number in range(EPICS)])
    return Laid(projects[1], epics[77 % EPICS], UUID(rows[77]["story_id"]))


def _project(id_: UUID) -> Project:
    return Project(
        project_id=id_, slug=id_.hex, name="p", status="active", repo_url=None, description=None, tech_stack=None,
        mission=None, metadata=JsonText("{}"), created_at=NOON, updated_at=NOON, position=0,
    )  # fmt: skip


def _encoded(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


async def seen(tx: TenantTx) -> dict[str, tuple[int, int]]:
    return {row["index"].removeprefix("app."): (row["scans"], row["entries"]) for row in await tx.fetch(SEEN)}


async def looked(tx: TenantTx, query: str, *arguments: Any) -> tuple[set[str], int]:
    """Which indexes, and how many of their entries."""
    before = await seen(tx)
    assert await tx.fetch(query, tx.tenant_id, *arguments)
    now = await seen(tx)
    return {name for name in now if now[name][0] > before[name][0]}, sum(now[name][1] - before[name][1] for name in now)


async def elsewhere(app: Database, tenant: UUID, ways: Sequence[Way]) -> list[tuple[Way, set[str], int]]:
    """Those that look into other indexes, or at more of their entries."""
    async with app.tenant_transaction(tenant) as tx:
        found = [(way, *await looked(tx, way.query, *way.arguments)) for way in ways]
    return [each for each in found if each[1] != (each[0].indexes or each[1]) or not 0 < each[2] <= each[0].entries]


async def test_plans_made_while_the_tables_are_empty_look_nowhere_else(app: Database) -> None:
    tenant, nothing = await opened_log(app), Laid(uuid4(), uuid4(), uuid4())
    for way in every_way(nothing):
        await app.ask_tenant(way.query, tenant, *way.arguments)
    of = await lay_out(app, tenant)
    assert await elsewhere(app, tenant, every_way(of)) == []
    assert len(await elsewhere(app, tenant, [WALK])) == 1, "the control"


async def test_nor_do_plans_made_when_the_tables_have_been_counted(database: TestDatabase, app: Database) -> None:
    tenant = await opened_log(app)
    of = await lay_out(app, tenant)
    async with session(database.admin_url) as connection:
        await connection.execute("ANALYZE")
    assert await elsewhere(app, tenant, every_way(of)) == []
