"""Who reads what, and for which work: noted beside the answers, and told in sums."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from msgspec import Struct

from api.knowledge.reads import MOST_WAITING, Reading, Reads
from tests.api.logs import NOON, service
from tests.api.team import Team, team
from tests.api.test_articles import filed
from tests.support.database import TestDatabase, connected, copied_database


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


class Library(Struct, frozen=True):
    people: Team
    reads: Reads
    project: str
    story: str

    async def published(self, title: str) -> str:
        return str((await filed(self.people.user, title, body="fox", status="published"))["id"])

    async def told(self, path: str, **query: Any) -> Any:
        await self.reads.flush()
        answer = await self.people.orchestrator.get(f"/knowledge/{path}?{urlencode(query)}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def read(self, path: str, **query: Any) -> None:
        answer = await self.people.implementer.get(f"{path}?{urlencode(query)}")
        assert answer.status == 200, answer.body


@pytest.fixture
async def library(shared: TestDatabase) -> AsyncIterator[Library]:
    opened = await connected(shared.app_url, role="loopctl_app")
    reads = Reads(opened.tenant_transaction)
    async with service(shared, note_reads=reads.note) as running:
        people = await team(running)
        project = await people.user.project()
        story = await people.user.story(await people.user.epic(project))
        yield Library(people, reads, project, story)
    await opened.close()


async def test_each_way_of_reading_is_counted_with_what_was_asked(library: Library) -> None:
    article = await library.published("one")
    await library.read(f"/articles/{article}")
    await library.read("/knowledge/search", q="fox")
    await library.read("/knowledge/context", query="fox")
    await library.read("/knowledge/index")
    await library.read("/articles")
    stats = (await library.told(f"articles/{article}/stats"))["data"]
    assert stats["accesses_by_type"] == {"context": 1, "get": 1, "search": 1}
    assert (stats["total_accesses"], stats["unique_agents"]) == (3, 1)
    found = {each["access_type"]: each["metadata"] for each in stats["recent_accesses"]}
    assert found == {
        "get": {}, "search": {"query": "fox", "mode": "combined_fallback", "rank": 1},
        "context": {"query": "fox", "rank": 1},
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/articles/{}", "/knowledge/search?q=fox", "/knowledge/context?query=fox"])
async def test_a_story_says_its_project_and_what_is_none_is_passed_over(library: Library, path: str) -> None:
    article = await library.published("one")
    at = path.format(article)
    join = "&" if "?" in at else "?"
    for said in (f"story_id={library.story}", f"story_id={uuid4()}", "story_id=nonsense"):
        assert (await library.people.implementer.get(f"{at}{join}{said}")).status == 200
    usage = (await library.told(f"analytics/projects/{library.project}/usage"))["data"]
    assert (usage["total_reads"], usage["unique_agents"]) == (1, 1)
    assert (await library.told("analytics/top-articles"))["data"][0]["access_count"] == 3


async def test_a_project_that_is_none_is_not_made_good_by_the_story(library: Library) -> None:
    article = await library.published("one")
    await library.read(f"/articles/{article}", project_id=uuid4(), story_id=library.story)
    assert (await library.told(f"analytics/projects/{library.project}/usage"))["data"]["total_reads"] == 0
    assert (await library.told(f"articles/{article}/stats"))["data"]["total_accesses"] == 1


async def test_what_is_read_is_told_by_article_project_and_agent(library: Library) -> None:
    one, other = await library.published("one"), await library.published("other")
    for _ in range(2):
        await library.read(f"/articles/{one}", project_id=library.project)
    await library.read(f"/articles/{other}")
    assert (await library.people.user.get(f"/articles/{other}")).status == 200
    top = await library.told("analytics/top-articles")
    assert [(each["title"], each["access_count"], each["unique_agents"]) for each in top["data"]] == [
        ("one", 2, 1), ("other", 2, 2)
    ]  # fmt: skip
    (of_project,) = (await library.told("analytics/top-articles", group_by="project"))["data"]
    assert (of_project["project_id"], of_project["access_count"]) == (library.project, 2)
    by_agent = (await library.told("analytics/top-articles", group_by="agent"))["data"]
    assert {each["agent_name"]: each["access_count"] for each in by_agent} == {"implementer": 3, "unassigned": 1}
    agent = library.people.agents["implementer"]
    usage = (await library.told(f"analytics/agents/{agent}"))["data"]
    assert (usage["resolved_as"], usage["total_reads"], usage["api_key_count"]) == ("agent", 3, 1)
    assert [each["access_count"] for each in usage["top_articles"]] == [2, 1]


async def test_what_nobody_reads_is_told_until_somebody_does(library: Library) -> None:
    article = await library.published("one")
    await filed(library.people.user, "draft")
    assert [each["article_id"] for each in (await library.told("analytics/unused-articles"))["data"]] == [article]
    await library.read(f"/articles/{article}")
    assert (await library.told("analytics/unused-articles"))["data"] == []


async def test_a_day_has_a_line_with_or_without_reads(library: Library) -> None:
    article = await library.published("one")
    await library.read(f"/articles/{article}", project_id=library.project)
    series = (await library.told(f"analytics/projects/{library.project}/usage", since_days=3))["data"]["daily_series"]
    assert [each["read_count"] for each in series] == [0, 0, 1]
    assert series[-1]["date"] == NOON.date().isoformat()


async def test_reads_that_cannot_be_written_or_are_too_many_are_in_nobody_s_way(library: Library) -> None:
    many = Reading(
        tenant_id=library.people.user.tenant, key_id=uuid4(), article_ids=[uuid4()] * 20, access_type="search", at=NOON
    )
    for _ in range(MOST_WAITING // 20 + 5):
        library.reads.note(many)
    await library.reads.flush()
    (line,) = (await library.told("analytics/top-articles", group_by="agent"))["data"]
    assert (line["agent_name"], line["access_count"]) == ("revoked", MOST_WAITING)
