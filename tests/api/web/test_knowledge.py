"""The pages of knowledge: drafts for those who may publish them, articles by choice, and each with its text."""

from typing import Any

import pytest

from tests.api.asgi import Answer, ask
from tests.api.logs import Service
from tests.api.team import team
from tests.api.web.world import sign_in
from tests.api.work import Client


async def look(started: Service, path: str, raw: str) -> Answer:
    cookie = await sign_in(started, raw)
    return await ask(started.app, f"/app/knowledge{path}", headers={"Accept": "text/html", "Cookie": cookie})


async def article(user: Client, title: str, **more: Any) -> str:
    made = await user.post(
        "/articles",
        {"title": title, "body": f"# {title}\n\nRead *this* <script>x</script>", "category": "pattern", **more},
    )
    assert made.status == 201, made.body
    found: str = made.json()["data"]["id"]
    return found


async def test_an_article_is_shown_with_its_title_once_its_text_and_where_it_leads(
    served: Service, ann: Client
) -> None:
    first = await article(ann, "Locks <b>first", tags=["sql"], status="published")
    second = await article(ann, "No locks")
    link = {"source_article_id": second, "target_article_id": first, "relationship_type": "contradicts"}
    assert (await ann.post("/article_links", link)).status == 201
    body = (await look(served, f"/{first}", ann.raw)).body
    assert (body.count(b"Locks &lt;b&gt;first</h"), b"<h1>Locks &lt;b&gt;first</h1>" in body) == (1, True)
    assert b"<p>Read <em>this</em> &lt;script&gt;x&lt;/script&gt;</p>" in body
    assert f"/app/knowledge/{second}".encode() in body
    assert b'href="/app/knowledge?tag=sql"' in body


async def test_drafts_wait_for_those_who_may_publish_them(served: Service) -> None:
    people = await team(served)
    draft = await article(people.implementer, "Measure before")
    await article(people.orchestrator, "Fewer layers", status="published")
    command = f"loopctl knowledge publish {draft}".encode()
    assert command in (await look(served, "", people.orchestrator.raw)).body
    as_agent = (await look(served, "", people.implementer.raw)).body
    assert (command in as_agent, b"Fewer layers" in as_agent) == (False, True)


async def test_articles_are_chosen_by_project_category_status_and_tag(served: Service, ann: Client) -> None:
    project = await ann.project("my-app")
    await article(ann, "Of one", status="published", project_id=project, tags=["db"])
    await article(ann, "Of all", status="published", category="decision")
    await article(ann, "Not yet")
    for wanted, titles in (
        ("", {"Of one", "Of all"}), ("&project=my-app", {"Of one"}), ("&category=decision", {"Of all"}),
        ("&status=draft", {"Not yet"}), ("&tag=db", {"Of one"}), ("&status=archived", set[str]()),
    ):  # fmt: skip
        rows = (await look(served, f"?format=json{wanted}", ann.raw)).json()
        assert {row["title"] for row in rows} == titles, wanted


async def test_words_are_looked_for_in_what_is_published(served: Service, ann: Client) -> None:
    await article(ann, "Pelicans dive", status="published")
    await article(ann, "Storks wade", status="published")
    rows = (await look(served, "?q=pelicans&format=json", ann.raw)).json()
    assert [row["title"] for row in rows] == ["Pelicans dive"]
    body = (await look(served, "?q=storks", ann.raw)).body
    assert (b">Storks wade</a></td>" in body, b">Pelicans dive</a></td>" in body) == (True, False)


async def test_what_could_be_better_is_listed_for_those_who_look_after_it(served: Service) -> None:
    people = await team(served)
    await article(people.orchestrator, "Alone", status="published")
    assert b"Orphan articles, 1" in (await look(served, "", people.orchestrator.raw)).body
    assert b"Orphan articles" not in (await look(served, "", people.implementer.raw)).body


@pytest.mark.parametrize(
    ("path", "status"),
    [("/x", 404), ("/0193a2b4-0000-7000-8000-000000000001", 404), ("?project=nowhere", 404), ("?status=lost", 422),
     ("?page=0", 422)],
)  # fmt: skip
async def test_what_there_is_not_is_said_on_a_page(served: Service, ann: Client, path: str, status: int) -> None:
    assert (await look(served, path, ann.raw)).status == status


async def test_nobody_sees_what_another_tenant_knows(served: Service, ann: Client, bob: Client) -> None:
    hidden = await article(ann, "Hidden", status="published")
    assert b"Hidden" not in (await look(served, "", bob.raw)).body
    assert (await look(served, f"/{hidden}", bob.raw)).status == 404
    assert (await look(served, f"/{hidden}", ann.raw)).status == 200, "the control"
