"""Searching articles: what is found, in which order, what is said of it, and what is never found."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.logs import Service, service
from tests.api.team import team
from tests.api.test_articles import filed
from tests.api.test_erasure import entry_of, erase
from tests.api.work import Client, client
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase, copied_database


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


@pytest.fixture
async def user(running: Service) -> Client:
    return await client(running)


async def published(who: Client, title: str, body: str, **more: Any) -> str:
    return str((await filed(who, title, body=body, status="published", **more))["id"])


async def asked(who: Client, path: str, **query: Any) -> Any:
    answer = await who.get(f"/knowledge/{path}?{urlencode(query)}")
    assert answer.status == 200, answer.body
    return answer.json()


async def titles(who: Client, q: str, **query: Any) -> list[str]:
    return [each["title"] for each in (await asked(who, "search", q=q, **query))["data"]]


async def test_what_is_published_is_found_by_its_words_a_title_before_a_text(user: Client) -> None:
    await published(user, "Deadlines", "A retry needs a deadline.")
    await published(user, "Retries", "Keep them at one place.")
    await filed(user, "Retry drafts", body="A draft about a retry.")
    found = await asked(user, "search", q="retry")
    assert [each["title"] for each in found["data"]] == ["Retries", "Deadlines"]
    assert [each["snippet"] for each in found["data"]] == ["Keep them at one place.", "A **retry** needs a deadline."]
    assert (found["meta"]["total_count"], found["meta"]["page_size"]) == (2, 10)
    assert "body" not in found["data"][0]


@pytest.mark.parametrize(
    ("mode", "fallback"), [("keyword", False), ("semantic", True), ("combined", True), (None, True)]
)
async def test_without_a_provider_words_serve_every_mode_and_the_answer_says_so(
    user: Client, mode: str | None, fallback: bool
) -> None:
    await published(user, "Retries", "Keep them at one place.")
    found = await asked(user, "search", q="retries", **({"mode": mode} if mode else {}))
    assert len(found["data"]) == 1
    assert {name: found["meta"][name] for name in ("search_mode", "semantic_available", "fallback")} == {
        "search_mode": "keyword", "semantic_available": False, "fallback": fallback
    }  # fmt: skip


async def test_phrases_alternatives_and_what_must_not_stand_there(user: Client) -> None:
    await published(user, "one", "The quick brown fox.")
    await published(user, "two", "The brown quick fox, and a hen.")
    assert await titles(user, '"quick brown"') == ["one"]
    assert await titles(user, "fox -hen") == ["one"]
    assert {*await titles(user, "hen or brown")} == {"one", "two"}
    assert await titles(user, "the") == []
    assert await titles(user, "'\"&|!():*\\ <->") == []


async def test_filters_hold_for_the_count_and_the_page(user: Client) -> None:
    project = await user.project()
    await published(user, "mine", "fox", project_id=project, tags=["a"])
    for number in range(3):
        await published(user, f"everybody's {number}", "fox", category="decision", tags=["b"])
    assert await titles(user, "fox", project_id=project) == ["mine"]
    assert len(await titles(user, "fox", project_id=project, include_tenant_wide="true")) == 4
    assert await titles(user, "fox", tags="a,z") == ["mine"]
    found = await asked(user, "search", q="fox", category="decision", limit=2, offset=2)
    assert (len(found["data"]), found["meta"]["total_count"]) == (1, 3)
    behind = await asked(user, "search", q="fox", category="decision", offset=7)
    assert (behind["data"], behind["meta"]["total_count"]) == ([], 3)


async def test_a_question_has_words_and_at_most_five_hundred_characters(user: Client) -> None:
    for path, name in (("search", "q"), ("context", "query")):
        for text, said in (("", "required"), ("%20", "required"), ("x" * 501, "500")):
            answer = await user.get(f"/knowledge/{path}?{name}={text}")
            assert (answer.status, name in answer.error["message"], said in answer.error["message"]) == (
                400,
                True,
                True,
            )
        assert (await user.get(f"/knowledge/{path}?{name}={'x' * 500}")).status == 200


async def test_what_is_taken_back_is_no_longer_found_and_an_erased_text_neither(
    user: Client, shared: TestDatabase
) -> None:
    gone, back, erased = [await published(user, name, "fox") for name in ("gone", "back", "erased")]
    await user.delete(f"/articles/{gone}")
    await user.post(f"/articles/{back}/unpublish")
    await user.patch(f"/articles/{erased}", {"tags": ["x"]})
    assert await titles(user, "fox") == ["erased"]
    assert (await erase(user, await entry_of(user, "article.created"))).status == 200
    assert (await titles(user, "fox"), await titles(user, "erased")) == ([], ["erased"])
    assert [each.table for each in await rebuilt(shared, user.tenant) if not each.was_equal] == []


async def test_another_tenant_s_articles_are_neither_found_nor_counted(running: Service) -> None:
    here, there = await client(running), await client(running)
    await published(there, "theirs", "fox")
    assert (await asked(here, "search", q="fox"))["meta"]["total_count"] == 0
    assert (await asked(here, "index"))["data"] == {}
    assert (await asked(here, "context", query="fox"))["data"] == []


async def test_the_index_has_titles_by_category_and_of_a_project_the_tenant_s_as_well(user: Client) -> None:
    project, other = await user.project(), await user.project("other")
    for title, more in (("mine", {"project_id": project}), ("other", {"project_id": other}), ("all", {})):
        await published(user, title, "fox", **more)
    await published(user, "why", "fox", category="decision")
    whole = await asked(user, "index")
    assert [each["title"] for each in whole["data"]["pattern"]] == ["all", "other", "mine"]
    assert (list(whole["data"]), whole["meta"]) == (
        ["decision", "pattern"], {"total_count": 4, "categories": {"decision": 1, "pattern": 3}, "truncated": False}
    )  # fmt: skip
    of_project = (await user.get("/projects/my-app/knowledge/index")).json()
    assert of_project == await asked(user, "index", project_id=project)
    assert [each["title"] for each in of_project["data"]["pattern"]] == ["all", "mine"]


async def test_a_context_has_whole_texts_with_what_is_linked_and_counts_its_tokens(user: Client) -> None:
    one, other = await published(user, "Retries", "fox " * 400), await published(user, "Far", "hen")
    wish = {"source_article_id": other, "target_article_id": one, "relationship_type": "relates_to"}
    assert (await user.post("/article_links", wish)).status == 201
    found = await asked(user, "context", query="fox", recency_weight="1.5")
    (shown,) = found["data"]
    assert shown["body"] == ("fox " * 400)
    assert shown["linked_articles"] == [{"id": other, "title": "Far", "category": "pattern"}]
    assert (found["meta"]["recency_weight"], found["meta"]["tokens"], found["meta"]["left_out"]) == (1.0, 400, 0)


async def test_a_context_takes_no_more_tokens_than_it_may(user: Client) -> None:
    for number in range(3):
        await published(user, f"n{number}", "fox " * 300)
    found = await asked(user, "context", query="fox", max_tokens=500)
    assert [each["truncated"] for each in found["data"]] == [False, True]
    assert (found["meta"]["tokens"] <= 500, found["meta"]["left_out"]) == (True, 1)


async def test_only_a_person_looks_into_drafts(running: Service) -> None:
    people = await team(running)
    await filed(people.user, "draft", body="fox")
    for who, expected in ((people.user, ["draft"]), (people.orchestrator, []), (people.implementer, [])):
        found = await asked(who, "context", query="fox", status="draft")
        assert [each["title"] for each in found["data"]] == expected
