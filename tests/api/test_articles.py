"""Articles over HTTP: filed, changed, published, linked, erased; hostile texts as they were given."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.logs import Service, service
from tests.api.team import Team, team
from tests.api.test_erasure import entry_of, erase
from tests.api.work import Client, client
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase, copied_database

ARTICLE = {"title": "Retries", "body": "Retry at one place.", "category": "pattern"}


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


async def filed(who: Client, title: str = "Retries", **more: Any) -> Any:
    answer = await who.post("/articles", {**ARTICLE, "title": title, **more})
    assert answer.status == 201, answer.body
    return answer.json()["data"]


async def test_an_article_is_filed_shown_and_listed(user: Client) -> None:
    project = await user.project()
    mine, everybodys = await filed(user, "Mine", project_id=project), await filed(user, "Everybody's", tags=["b", "c"])
    shown = (await user.get(f"/articles/{mine['id']}")).json()["data"]
    assert shown == {**mine, "outgoing_links": [], "incoming_links": []}
    for query, expected in (
        ("", [everybodys, mine]), (f"?project_id={project}", [mine]), ("?tags=a,%20b", [everybodys]),
        ("?category=decision", []), ("?status=draft&limit=1", [everybodys]), (f"?project_id={uuid4()}", []),
    ):  # fmt: skip
        assert (await user.get("/articles" + query)).json()["data"] == expected, query
    assert (await user.get("/projects/my-app/articles")).json()["data"] == [mine]


@pytest.mark.parametrize("body", ["<script>alert(1)</script>", "[x](javascript:alert(1))\u2028\u202e", "x" * 100_000])
async def test_a_text_stays_what_it_was_however_hostile_or_long(user: Client, body: str) -> None:
    """What is done about it is done where it is shown."""
    assert (await filed(user, body=body))["body"] == body


async def test_the_longest_text_in_the_widest_letters_fits(user: Client) -> None:
    """Kept beside the log, where an entry's bound does not hold: 400,000 bytes."""
    article = await filed(user, body="\U0001f600" * 100_000)
    assert len((await user.get(f"/articles/{article['id']}")).json()["data"]["body"]) == 100_000
    assert (await user.post("/articles", {**ARTICLE, "title": "b", "body": "x" * 100_001})).status == 422
    assert (await user.post("/articles", {**ARTICLE, "title": "b", "body": "x" * 10_000_000})).status == 413


async def test_a_title_is_free_again_when_its_article_is_retired_or_renamed(user: Client) -> None:
    first = await filed(user)
    taken = await user.post("/articles", ARTICLE)
    assert (taken.status, taken.error["details"].keys()) == (422, {"title", "tenant_id"})
    assert (await user.delete(f"/articles/{first['id']}")).status == 200
    second = await filed(user)
    assert (await user.patch(f"/articles/{second['id']}", {"title": "Other"})).status == 200
    await filed(user)
    assert (await user.patch(f"/articles/{second['id']}", {"title": "Retries"})).status == 422


async def test_a_change_that_changes_nothing_leaves_no_trace(user: Client) -> None:
    article = await filed(user)
    again = await user.patch(f"/articles/{article['id']}", {"title": "Retries", "body": None, "tags": []})
    assert (again.status, again.json()["data"], "loopctl-position" in again.headers) == (200, article, False)


async def test_what_is_published_together_is_published_or_not(user: Client) -> None:
    one, other = await filed(user, "one"), await filed(user, "other")
    for ids, status in (([], 400), ([str(uuid4())] * 101, 400), ([one["id"], str(uuid4())], 404), ("x", 422)):
        assert (await user.post("/knowledge/bulk-publish", {"article_ids": ids})).status == status
    assert (await user.get("/knowledge/drafts")).json()["meta"]["total_count"] == 2
    answer = await user.post("/knowledge/bulk-publish", {"article_ids": [one["id"], other["id"]]})
    assert [each["status"] for each in answer.json()["data"]] == ["published", "published"]
    assert (await user.get("/knowledge/drafts")).json()["data"] == []


async def test_a_link_is_seen_from_both_ends_until_it_is_deleted(user: Client) -> None:
    one, other = await filed(user, "one"), await filed(user, "other")
    wish = {"source_article_id": one["id"], "target_article_id": other["id"], "relationship_type": "contradicts"}
    link = (await user.post("/article_links", wish)).json()["data"]
    assert (await user.post("/article_links", wish)).error["details"].keys() == {"target_article_id", "tenant_id"}
    for end in (one, other):
        (found,) = (await user.get(f"/articles/{end['id']}/links")).json()["data"]
        assert (found["id"], found["source_article"]["title"], found["target_article"]["title"]) == (
            link["id"], "one", "other"
        )  # fmt: skip
    shown = (await user.get(f"/articles/{other['id']}")).json()["data"]
    assert (shown["outgoing_links"], len(shown["incoming_links"])) == ([], 1)
    assert (await user.delete(f"/article_links/{link['id']}")).status == 204
    assert (await user.delete(f"/article_links/{link['id']}")).status == 404
    assert (await user.post("/article_links", wish)).json()["data"]["id"] == link["id"]


async def test_links_may_go_round_in_a_circle_and_nothing_follows_them_for_ever(user: Client) -> None:
    ids = [(await filed(user, str(number)))["id"] for number in range(3)]
    for source, target in zip(ids, ids[1:] + ids[:1], strict=True):
        wish = {"source_article_id": source, "target_article_id": target, "relationship_type": "derived_from"}
        assert (await user.post("/article_links", wish)).status == 201
    shown = (await user.get(f"/articles/{ids[0]}")).json()["data"]
    assert (len(shown["outgoing_links"]), len(shown["incoming_links"])) == (1, 1)


async def test_a_superseded_article_comes_back_as_a_draft(user: Client) -> None:
    old, new = await filed(user, "old", status="published"), await filed(user, "new", status="published")
    wish = {"source_article_id": new["id"], "target_article_id": old["id"], "relationship_type": "supersedes"}
    assert (await user.post("/article_links", wish)).status == 201
    assert (await user.get(f"/articles/{old['id']}")).json()["data"]["status"] == "superseded"
    back = {**wish, "source_article_id": old["id"], "target_article_id": new["id"]}
    refused = await user.post("/article_links", back)
    assert (refused.status, refused.error["code"]) == (422, "rejected")
    assert (await user.post(f"/articles/{old['id']}/unpublish")).json()["data"]["status"] == "draft"


async def test_an_agent_neither_publishes_nor_retires(running: Service) -> None:
    people: Team = await team(running)
    article = await filed(people.implementer)
    for path in ("publish", "unpublish", "archive"):
        assert (await people.implementer.post(f"/articles/{article['id']}/{path}")).status == 403
    assert (await people.implementer.post("/articles", {**ARTICLE, "title": "b", "status": "published"})).status == 403
    assert (await people.orchestrator.post(f"/articles/{article['id']}/publish")).status == 200


async def test_an_erased_text_is_gone_from_the_article_and_a_rebuild_says_the_same(
    user: Client, shared: TestDatabase
) -> None:
    article = await filed(user, body="Ann's number is 555-0199.")
    changed = await user.patch(f"/articles/{article['id']}", {"body": "Her number is 555-0199."})
    assert changed.status == 200
    for tag in ("article.created", "article.updated"):
        assert (await erase(user, await entry_of(user, tag))).status == 200
    shown = await user.get(f"/articles/{article['id']}")
    assert (shown.json()["data"]["body"], b"555-0199" in shown.body) == ("[erased]", False)
    tables = await rebuilt(shared, user.tenant)
    assert [each.table for each in tables if not each.was_equal] == []
    assert {each.table: each.rows for each in tables}["app.article"] == 1
