"""The articles that come with the server: each is there, true to its links, and shown."""

import re
from html import escape
from pathlib import Path

import msgspec
import pytest

from api.http.codes import CODES, LEARN_MORE
from api.http.errors import failure_of, render
from api.http.refusal import Refused
from api.wiki.shipped import shipped
from tests.api.asgi import ask, made

CHECKOUT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("code", sorted(LEARN_MORE))
async def test_an_error_leads_to_the_article_that_explains_it(code: str) -> None:
    body, _ = render(failure_of(Refused(code)), problem=False)
    page = msgspec.json.decode(body)["error"]["remediation"]["learn_more"]
    assert (await ask(made(), page, headers=HTML)).status == 200


def test_what_a_refusal_says_beside_it_stays_and_codes_without_an_article_lead_nowhere() -> None:
    refused = Refused("self_report_blocked", remediation={"next_action": "x"})
    error = msgspec.json.decode(render(failure_of(refused), problem=False)[0])["error"]
    assert error["remediation"] == {"next_action": "x", "learn_more": "/wiki/self-report-blocked"}
    problem = msgspec.json.decode(render(failure_of(refused), problem=True)[0])
    assert problem["remediation"]["learn_more"] == "/wiki/self-report-blocked"
    assert "remediation" not in msgspec.json.decode(render(failure_of(Refused("not_found")), problem=False)[0])["error"]


def facts_of(text: str) -> list[tuple[str, str]]:
    """Routes with their method, and codes of refusals, as an article prints them."""
    routes = [f"{method} {path}" for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`? ]*)", text)]
    codes = re.findall(r"[45][0-9]{2} ([a-z]+(?:_[a-z]+)+)", text)
    return [*(("route", each) for each in routes), *(("code", each) for each in codes)]


def untrue(text: str) -> list[str]:
    shaped = {re.sub(r"\{[^}]*\}", ":", route) for route in ROUTES_TOLD}
    return [
        fact for kind, fact in facts_of(text)
        if (kind == "route" and re.sub(r":[a-z_]+", ":", fact) not in shaped) or (kind == "code" and fact not in CODES)
    ]  # fmt: skip


ROUTES_TOLD = {
    f"{method.upper()} {path}"
    for path, methods in msgspec.json.decode((CHECKOUT / "tests/contract/openapi.json").read_bytes())["paths"].items()
    for method in methods
}


@pytest.mark.parametrize("slug", sorted(ALL))
def test_routes_and_codes_that_an_article_names_are_there(slug: str) -> None:
    assert untrue(shipped()[slug].body) == []


def test_a_route_or_a_code_that_is_not_there_would_be_seen() -> None:
    text = "`POST /api/v1/stories/:id/bless` is `409 never_blessed`; `POST /api/v1/stories/:id/verify` is there."
    assert untrue(text) == ["POST /api/v1/stories/:id/bless", "never_blessed"]
