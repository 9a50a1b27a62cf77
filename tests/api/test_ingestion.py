"""Addresses and texts become drafts: what is queued, fetched and read, what is refused, and what is done only once. The
pages are those of a server of the test's own."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from msgspec import Struct

from api.found_by_jobs import FoundByJobs
from domain.knowledge.ingestion import source_id
from egress.client import Egress
from egress.destination import Rules
from eventstore.database.transaction import Database
from eventstore.log.lane import Writer
from tests.api.logs import NOON, Service, service
from tests.api.test_knowledge_search import shared
from tests.api.work import Client, client
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase, connected, session
from tests.support.embedding_server import LOOPBACK
from tests.support.page_server import PageServer, page_server
from workers.knowledge.ingesting import LARGEST_PAGE, Ingesting, Pace
from workers.knowledge.pages import PageUnreadable, page_of

__all__ = ["shared"]

AT_ONCE = Pace(sweep=0.0, pause=lambda _: 0.0)


class Here(Struct, frozen=True):
    pages: PageServer
    service: Service
    database: Database
    made: TestDatabase
    user: Client

    async def ask(self, **wish: Any) -> Any:
        answer = await self.user.post("/knowledge/ingest", {"source_type": "web_article", **wish})
        assert answer.status in (200, 202), answer.body
        return {**answer.json()["data"], "answered": answer.status}

    async def work(self, rules: Rules = LOOPBACK, times: int = 1) -> None:
        """The worker looks, then a process of the API takes what it has found."""
        for _ in range(times):
            await Ingesting(self.database, Egress(rules).exchange, AT_ONCE).sweep()
        await FoundByJobs(self.service.store.database, Writer(self.service.store).submit).sweep(NOON)

    async def jobs(self) -> list[Any]:
        return list((await self.user.get("/knowledge/ingestion-jobs")).json()["data"])

    async def drafts(self) -> list[Any]:
        return list((await self.user.get("/knowledge/drafts?limit=100")).json()["data"])

    async def read(self, **wish: Any) -> Any:
        """What became of it, and the drafts that there are."""
        await self.ask(**wish)
        await self.work()
        return (await self.jobs())[0], await self.drafts()


@pytest.fixture
async def here(shared: TestDatabase) -> AsyncIterator[Here]:
    async with page_server() as pages, service(shared) as running:
        database = await connected(shared.worker_url, role="loopctl_worker")
        yield Here(pages, running, database, shared, await client(running))
        await database.close()


async def test_a_page_becomes_drafts_of_its_text(here: Here) -> None:
    html = "<title>Retries &amp; more</title><script>x()</script><h1>Once</h1><p>Keep <b>them</b> at one place.</p>"
    url = here.pages.page("/retries", html)
    queued = await here.ask(url=url)
    assert (queued["status"], queued["answered"]) == ("queued", 202)
    assert queued["content_hash"] == sha256(url.encode()).hexdigest()
    (job,) = await here.jobs()
    assert (job["state"], job["completed_at"], job["url"]) == ("available", None, url)
    await here.work()
    (job,) = await here.jobs()
    assert (job["id"], job["state"], job["article_count"], job["errors"]) == (queued["id"], "completed", 1, [])
    (draft,) = await here.drafts()
    assert (draft["title"], draft["body"]) == ("Retries & more: Once", "# Once\n\nKeep **them** at one place.")
    assert (draft["status"], draft["source_type"]) == ("draft", "web_article")
    assert draft["source_id"] == str(source_id(queued["content_hash"]))


async def test_a_text_is_read_in_for_a_project(here: Here) -> None:
    project = await here.user.project()
    job, (draft,) = await here.read(content="# Notes\n\nOf the day.", source_type="session_log", project_id=project)
    assert (job["url"], job["source_type"]) == (None, "session_log")
    assert (draft["title"], draft["project_id"], draft["source_type"]) == ("Notes", project, "session_log")


async def test_the_same_again_is_the_same_job_and_forced_it_leaves_no_second_draft(here: Here) -> None:
    """Appendix B, 10."""
    first = await here.ask(content="a text")
    again = await here.ask(content="a text")
    assert (again["answered"], again["status"], again["id"]) == (200, "already_queued", first["id"])
    assert again["content_hash"] == first["content_hash"]
    await here.work()
    assert (await here.ask(content="a text"))["status"] == "already_queued"
    assert (await here.ask(content="a text", source_type="manual"))["status"] == "queued"
    forced = await here.ask(content="a text", force=True)
    assert forced["status"] == "queued"
    await here.work(times=2)
    found = {each["id"]: each for each in await here.jobs()}
    assert (found[forced["id"]]["state"], found[forced["id"]]["article_count"]) == ("completed", 0)
    assert len(await here.drafts()) == 2


async def test_of_many_each_is_said_what_became_of_it(here: Here) -> None:
    items = [
        {"content": "one", "source_type": "manual"}, {"content": "one", "source_type": "manual"},
        {"source_type": "manual"}, {"content": "two", "source_type": "poem"},
    ]  # fmt: skip
    answer = await here.user.post("/knowledge/ingest/batch", {"items": items})
    told = answer.json()["data"]
    assert (answer.status, [each["status"] for each in told]) == (200, ["queued", "already_queued", "error", "error"])
    assert told[1]["id"] == told[0]["id"]
    assert told[2]["error"] == "Exactly one of 'url' or 'content' is required"
    for wrong, said in (([], "non-empty"), (items[:1] * 51, "max of 50 items (got 51)")):
        refused = await here.user.post("/knowledge/ingest/batch", {"items": wrong})
        assert refused.status == 422
        assert said in refused.body.decode()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/moved", "redirected"), ("/gone", "status_404"), ("/picture", "not_text"), ("/binary", "not_text"),
        ("/huge", "too_large"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_said_and_not_tried_again(here: Here, path: str, error: str) -> None:
    here.pages.pages["/moved"] = (302, {"Location": here.pages.page("/there", "<p>x</p>")}, b"")
    here.pages.page("/gone", "", status=404)
    here.pages.page("/picture", b"\x89PNG", "image/png")
    here.pages.page("/binary", b"a\0b", "text/plain")
    here.pages.page("/huge", b"x" * (LARGEST_PAGE + 1), "text/plain")
    job, drafts = await here.read(url=here.pages.url(path))
    assert (job["state"], [each["error"] for each in job["errors"]], drafts) == ("discarded", [error], [])
    await here.work()
    assert here.pages.asked == [path]


async def test_a_server_that_fails_is_tried_three_times(here: Here) -> None:
    url = here.pages.page("/broken", "", status=500)
    job, _ = await here.read(url=url)
    assert (job["state"], job["errors"][0]["error"], job["errors"][0]["attempt"]) == ("retryable", "status_500", 1)
    await here.work(times=3)
    (job,) = await here.jobs()
    assert (job["state"], len(here.pages.asked)) == ("discarded", 3)
    here.pages.page("/broken", "<p>well</p>")
    assert (await here.ask(url=url))["status"] == "queued"
    await here.work()
    assert len(await here.drafts()) == 1


async def test_one_that_comes_back_is_read(here: Here) -> None:
    url = here.pages.page("/broken", "", status=503)
    await here.read(url=url)
    here.pages.page("/broken", "# well", "text/markdown")
    await here.work()
    assert ((await here.jobs())[0]["state"], len(await here.drafts())) == ("completed", 1)


async def test_no_address_within_is_fetched_unless_the_operator_lets_it(here: Here) -> None:
    await here.ask(url=here.pages.page("/x", "<p>x</p>"))
    await here.work(Rules(http=True))
    (job,) = await here.jobs()
    assert (job["state"], job["errors"][0]["error"], here.pages.asked) == ("discarded", "address_refused", [])


async def test_a_title_that_is_taken_gets_an_end_of_its_own(here: Here) -> None:
    await here.user.post("/articles", {"title": "Notes", "body": "x", "category": "pattern"})
    _, drafts = await here.read(content="# Notes\n\nOther.")
    assert len({each["title"] for each in drafts}) == 2


@pytest.mark.parametrize("html", ["<div>" * 100_000, "<a " + "x=1 " * 300_000, "<!--" * 300_000, "\ud800", "<title>"])
async def test_hostile_pages_cost_a_process_and_nothing_else(html: str) -> None:
    page = await page_of(html, 120)
    assert len(page.text) <= len(html) * 4


async def test_a_page_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(PageUnreadable):
        await page_of("<p>x</p>", 0.0)


async def test_what_is_read_in_is_in_the_log_with_its_text_beside_it_and_can_be_rebuilt(here: Here) -> None:
    await here.read(content="# Notes\n\nA very particular text.")
    entries = (await here.user.get("/changes?after=-1&entity_type=ingestion")).json()["data"]
    assert [each["action"] for each in entries] == ["ingestion.requested", "knowledge.content_ingested"]
    assert "particular" not in str(entries)
    async with session(here.made.admin_url) as connection:
        statement = "SELECT count(*) FROM app.log_entry WHERE tenant_id = $1 AND convert_from(entry, 'UTF8') LIKE $2"
        assert await connection.fetchval(statement, here.user.tenant, "%particular%") == 0
    assert [each.table for each in await rebuilt(here.made, here.user.tenant) if not each.was_equal] == []


async def test_another_tenant_sees_no_job_and_gets_no_draft(here: Here) -> None:
    await here.ask(content="mine")
    there = await client(here.service)
    assert (await there.get("/knowledge/ingestion-jobs")).json()["data"] == []
    project = await there.project()
    refused = await here.user.post(
        "/knowledge/ingest", {"content": "x", "source_type": "manual", "project_id": project}
    )  # fmt: skip
    assert (refused.status, [*refused.error["details"]]) == (422, ["project_id"])
