"""The articles that come with the server: each is there, true to its links, and shown."""

import re
from html import escape

import pytest

from api.wiki.shipped import shipped
from tests.api.asgi import ask, made

HTML = {"Accept": "text/html"}
FIRST = ("chain-of-custody", "agent-bootstrap", "agent-pattern", "tenant-signup", "discovery")
ALL = {
    *FIRST, "capability-tokens", "dispatch-lineage", "verify-story", "break-glass", "acceptance-criteria-bindings",
    "verification-runs", "witness-protocol", "self-verify-blocked", "self-report-blocked", "self-review-blocked",
    "missing-capability", "expired-capability", "consumed-nonce", "wrong-lineage", "missing-dispatch",
    "verifier-needed", "one-agent-one-role", "api-key-role-immutable",
}  # fmt: skip
LINK = re.compile(r"\]\((/[^)]*)\)")


def test_all_that_were_promised_are_there_and_link_only_to_each_other() -> None:
    assert shipped().keys() == ALL
    for each in shipped().values():
        assert {link.removeprefix("/wiki/") for link in LINK.findall(each.body)} <= ALL, each.slug
    whole = shipped()["chain-of-custody"].body
    assert all(f"(/wiki/{slug})" in whole for slug in FIRST[1:])
    assert all(len(shipped()[slug].body) > 500 for slug in FIRST)


@pytest.mark.parametrize("slug", sorted(ALL))
async def test_each_is_a_page_with_its_title_and_its_text(slug: str) -> None:
    answer = await ask(made(), f"/wiki/{slug}", headers=HTML)
    assert answer.status == 200
    text = answer.body.decode()
    assert f"<h1>{escape(shipped()[slug].title, quote=False)}</h1>" in text
    assert f'href="/wiki/{slug}" aria-current="page"' in text


async def test_what_is_not_there_is_not_found_with_a_way_on() -> None:
    answer = await ask(made(), "/wiki/nothing", headers=HTML)
    assert answer.status == 404
    assert b"Browse all articles" in answer.body


async def test_the_wiki_is_searched_as_it_was_typed() -> None:
    found = (await ask(made(), "/wiki?q=RECOVERS%20or%25", headers=HTML)).body.decode()
    assert "0 found" in found
    found = (await ask(made(), "/wiki?q=Zipf%3Cscript%3E", headers=HTML)).body.decode()
    assert "<script>" not in found.replace('<script type="module"', "")
    found = (await ask(made(), "/wiki?q=BREAK-glass", headers=HTML)).body.decode()
    assert 'href="/wiki/break-glass"' in found
    assert 'href="/wiki/consumed-nonce"' not in found


async def test_the_same_articles_are_json_for_everybody() -> None:
    listed = (await ask(made(), "/api/v1/articles/system")).json()["data"]
    assert [each["slug"] for each in listed] == [*shipped()]
    assert {(each["scope"], each["category"], each["status"]) for each in listed} == {
        ("system", "reference", "published")
    }
    one = (await ask(made(), "/api/v1/articles/system?slug=discovery")).json()["data"]
    assert one["body"].startswith("# Discovery\n")
    missing = await ask(made(), "/api/v1/articles/system?slug=nothing")
    assert (missing.status, missing.error["message"]) == (404, "System article not found")
    assert (await ask(made(), "/api/v1/articles/system?category=pattern")).json()["data"] == []
    assert (await ask(made(), "/api/v1/articles/system?category=poem")).status == 422
