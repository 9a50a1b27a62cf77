"""Articles by meaning, with a provider that is a server of the test's own: what is found, how both ways are put
together, what is linked, and what happens while the provider fails."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import Struct

from api.found_by_jobs import FoundByJobs
from api.knowledge.semantic import Semantic
from eventstore.database.transaction import Database
from eventstore.log.lane import Writer
from tests.api.logs import NOON, Service, service
from tests.api.test_articles import filed
from tests.api.test_knowledge_search import shared
from tests.api.work import Client, client
from tests.support.database import TestDatabase, connected, session
from tests.support.embedding_server import EmbeddingServer, embedding_server
from workers.knowledge.embedding import Embedding, Pace

__all__ = ["shared"]

AT_ONCE = Pace(sweep=0.0, retry=0.0)


class Here(Struct, frozen=True):
    server: EmbeddingServer
    service: Service
    database: Database
    """As the worker connects."""
    made: TestDatabase
    user: Client
    embedding: Embedding

    async def published(self, title: str, body: str, **more: Any) -> str:
        return str((await filed(self.user, title, body=body, status="published", **more))["id"])

    async def embeds(self) -> int:
        return await self.embedding.sweep()

    async def search(self, q: str, **query: Any) -> Any:
        answer = await self.user.get(f"/knowledge/search?{urlencode({'q': q, **query})}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def titles(self, q: str, **query: Any) -> list[str]:
        return [each["title"] for each in (await self.search(q, **query))["data"]]

    async def pipeline(self) -> Any:
        return (await self.user.get("/knowledge/pipeline")).json()["data"]["embeddings"]

    async def links(self, article: str) -> list[Any]:
        """After what was found is decided about."""
        await FoundByJobs(self.service.store.database, Writer(self.service.store).submit).sweep(NOON)
        found: list[Any] = (await self.user.get(f"/articles/{article}/links")).json()["data"]
        return found


@pytest.fixture
async def here(shared: TestDatabase) -> AsyncIterator[Here]:
    async with embedding_server() as server, service(shared, semantic=Semantic(server.provider())) as running:
        database = await connected(shared.worker_url, role="loopctl_worker")
        embedding = Embedding(database, server.provider(), AT_ONCE)
        yield Here(server, running, database, shared, await client(running), embedding)
        await database.close()


async def test_what_is_published_is_found_by_what_it_means(here: Here) -> None:
    await here.published("one", "An automobile has four wheels.")
    await here.published("two", "A vixen has four legs.")
    await filed(here.user, "draft", body="A motor vehicle.")
    await here.embeds()
    found = await here.search("car", mode="semantic")
    assert [each["title"] for each in found["data"]] == ["one", "two"]
    assert found["data"][0]["score"] > 0.9 > found["data"][1]["score"]
    assert "snippet" not in found["data"][0]
    assert {name: found["meta"][name] for name in ("total_count", "search_mode", "semantic_available", "fallback")} == {
        "total_count": 2, "search_mode": "semantic", "semantic_available": True, "fallback": False
    }  # fmt: skip
    assert await here.titles("car", mode="keyword") == []


async def test_both_ways_together_find_what_either_finds(here: Here) -> None:
    await here.published("meaning", "An automobile, a motor.")
    await here.published("words", "The zebra went by car.")
    await here.published("neither", "A hen.")
    await here.embeds()
    found = await here.search("zebra car")
    assert [each["title"] for each in found["data"]][:2] == ["words", "meaning"]
    assert found["data"][0]["snippet"] == "The **zebra** went by **car**."
    assert "snippet" not in found["data"][1]
    assert (found["meta"]["search_mode"], found["meta"]["total_count"]) == ("combined", 3)
    assert [each["title"] for each in (await here.search("zebra car", limit=1, offset=1))["data"]] == ["meaning"]


async def test_filters_hold_for_meaning_too(here: Here) -> None:
    project = await here.user.project()
    await here.published("mine", "A car.", project_id=project, tags=["a"])
    await here.published("everybody's", "A car of another kind, a vehicle.", category="decision")
    await here.embeds()
    assert await here.titles("car", mode="semantic", project_id=project) == ["mine"]
    assert len(await here.titles("car", mode="semantic", project_id=project, include_tenant_wide="true")) == 2
    assert await here.titles("car", mode="semantic", tags="a,z") == ["mine"]
    found = await here.search("car", mode="semantic", category="decision")
    assert ([each["title"] for each in found["data"]], found["meta"]["total_count"]) == (["everybody's"], 1)


async def test_another_tenant_s_articles_are_not_even_compared(here: Here) -> None:
    there = await client(here.service)
    await filed(there, "theirs", body="A car.", status="published")
    await here.published("mine", "A hen.")
    await here.embeds()
    found = await here.search("car", mode="semantic")
    assert ([each["title"] for each in found["data"]], found["meta"]["total_count"]) == (["mine"], 1)


async def test_a_context_has_what_is_meant(here: Here) -> None:
    await here.published("one", "An automobile.")
    await here.embeds()
    answer = (await here.user.get("/knowledge/context?query=car")).json()
    assert [each["body"] for each in answer["data"]] == ["An automobile."]
    assert answer["meta"]["search_mode"] == "combined"


async def test_what_changes_gets_another_vector_and_what_is_taken_back_loses_it(here: Here) -> None:
    article = await here.published("one", "A car.")
    await here.embeds()
    asked = len(here.server.asked)
    await here.user.patch(f"/articles/{article}", {"tags": ["x"]})
    await here.embeds()
    assert len(here.server.asked) == asked
    await here.user.patch(f"/articles/{article}", {"body": "A hen."})
    await here.embeds()
    assert here.server.asked[asked].body["input"] == ["one\n\nA hen."]
    assert (await here.search("hen", mode="semantic"))["data"][0]["score"] > 0.9
    await here.user.post(f"/articles/{article}/unpublish")
    assert await here.titles("hen", mode="semantic") == []
    assert (await here.pipeline())["embedded"] == 0


async def test_while_the_provider_fails_nothing_is_lost_or_slower_and_words_serve(here: Here) -> None:
    here.server.failing(500)
    await here.published("one", "An automobile by a zebra.")
    await here.embeds()
    told = await here.pipeline()
    assert (told["pending"], told["embedded"], told["failing"], told["error"]) == (1, 0, 1, "status_500")
    found = await here.search("zebra")
    assert [each["title"] for each in found["data"]] == ["one"]
    assert {name: found["meta"][name] for name in ("search_mode", "fallback")} == {
        "search_mode": "keyword", "fallback": True
    }  # fmt: skip
    refused = await here.user.get("/knowledge/search?q=zebra&mode=semantic")
    assert (refused.status, refused.error["code"]) == (503, "embedding_unavailable")
    assert refused.error["message"] == "Embedding service unavailable"
    assert "secret" not in refused.body.decode()
    here.server.says = here.server.well
    await here.embeds()
    told = await here.pipeline()
    assert (told["pending"], told["embedded"], told["failing"], told["error"]) == (0, 1, 0, None)


async def test_one_text_that_is_refused_holds_up_no_other(here: Here) -> None:
    def picky(asked: Any) -> tuple[int, bytes]:
        too_long = any(len(text) > 8000 or "poison" in text for text in asked.body["input"])
        return (400, b"{}") if too_long else here.server.well(asked)

    here.server.says = picky
    for title, body in (("good", "A car."), ("bad", "poison"), ("long", "car " * 5000)):
        await here.published(title, body)
    await here.embeds()
    assert {*await here.titles("car", mode="semantic")} == {"good", "long"}
    assert (await here.pipeline())["error"] == "status_400"


async def test_what_was_published_before_there_was_a_provider_or_with_another_model_is_filled_in(here: Here) -> None:
    await here.published("one", "A car.")
    await here.embeds()
    other = Embedding(here.database, here.server.provider(model="better"), AT_ONCE)
    assert await here.titles("car", mode="semantic") == ["one"]
    assert await here.embedding.fill() == 0
    assert await other.fill() >= 1
    await other.sweep()
    assert await here.titles("car", mode="semantic") == []


async def test_articles_that_are_alike_are_linked_once(here: Here) -> None:
    one, other = await here.published("one", "A car."), await here.published("two", "A vehicle.")
    await here.published("far", "A hen.")
    await here.embeds()
    (link,) = await here.links(one)
    assert (link["relationship_type"], {link["source_article_id"], link["target_article_id"]}) == (
        "relates_to", {one, other}
    )  # fmt: skip
    assert link["metadata"]["auto_generated"] is True
    assert 0.9 <= link["metadata"]["similarity_score"] <= 1
    await here.user.patch(f"/articles/{one}", {"body": "A car, a motor."})
    await here.embeds()
    assert len(await here.links(one)) == 1


async def test_without_the_extension_the_same_is_found(here: Here) -> None:
    """The control of the numbers: both ways of comparing agree."""
    await here.published("one", "A car, again.")
    await here.published("two", "A retry of a vehicle by a fox.")
    await here.embeds()
    native = await here.search("car retry", mode="semantic")
    async with session(here.made.admin_url) as connection:
        await connection.execute("ALTER TABLE app.article_vector ALTER embedding TYPE real[] USING embedding::real[]")
    try:
        async with service(here.made, semantic=Semantic(here.server.provider())) as bare:
            user = Client(bare, here.user.tenant, here.user.raw)
            answer = await user.get("/knowledge/search?q=car%20retry&mode=semantic")
    finally:
        async with session(here.made.admin_url) as connection:
            await connection.execute(
                "ALTER TABLE app.article_vector ALTER embedding TYPE vector USING embedding::vector"
            )  # fmt: skip
    assert [each["title"] for each in answer.json()["data"]] == [each["title"] for each in native["data"]]
    for one, other in zip(answer.json()["data"], native["data"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)


async def test_the_worker_s_loop_goes_on_whatever_happens_and_waits_without_a_provider(here: Here) -> None:
    stop = asyncio.Event()
    here.server.failing(200, b"no answer")
    await here.published("one", "A car.")
    running = [
        asyncio.ensure_future(each.run(stop))
        for each in (Embedding(here.database, None, AT_ONCE), Embedding(here.database, here.server.provider(), AT_ONCE))
    ]
    async with asyncio.timeout(60):
        while not here.server.asked:
            await asyncio.sleep(0.05)
    here.server.says = here.server.well
    async with asyncio.timeout(60):
        while (await here.pipeline())["embedded"] == 0:
            await asyncio.sleep(0.05)
    assert not any(each.done() for each in running)
    stop.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*running)
