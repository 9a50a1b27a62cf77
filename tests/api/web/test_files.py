"""Files of the pages, the page of all components, and the page of what is not there."""

import re

import pytest

from api.web.files import INSTALLED, STYLE, file
from config.settings import Settings
from tests.api.asgi import ask, made

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
BANNED = {
    "large radii": r"border-radius:\s*(1[0-9]|[2-9][0-9])px|rounded-(xl|2xl)",
    "gradients": r"gradient",
    "shadows": r"box-shadow|drop-shadow|text-shadow",
    "other families": r"\b(Inter|Roboto|Arial|Helvetica)\b",
    "addresses elsewhere": r"https?://(?!www\.w3\.org)|@import",
}


async def test_an_address_that_there_is_not_has_a_page_for_browsers_and_json_for_everybody_else() -> None:
    page = await ask(made(), "/nowhere", headers=BROWSER)
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"Page not found" in page.body
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert (await ask(made(), "/nowhere")).error["code"] == "not_found"
    below = await ask(made(), "/api/v1/nowhere", headers=BROWSER)
    assert (below.status, below.error["code"]) == (404, "not_found")


async def test_a_file_is_asked_about_and_not_sent_twice() -> None:
    first = await ask(made(), "/assets/app.css")
    assert (first.status, first.headers["content-type"]) == (200, "text/css; charset=utf-8")
    again = await ask(made(), "/assets/app.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    other = await ask(made(), "/assets/app.css", headers={"If-None-Match": '"0123"'})
    assert other.status == 200, "the control"


@pytest.mark.parametrize("name", [*INSTALLED, "app.js", "public.js"])
async def test_what_set_up_has_installed_is_served(name: str) -> None:
    assert (await ask(made(), f"/assets/{name}")).body == file(name).content


@pytest.mark.parametrize("name", ["base.css", "files.py", "..%2Ffiles.py", "geist-italic.ttf"])
async def test_nothing_else_can_be_named(name: str) -> None:
    assert (await ask(made(), f"/assets/{name}")).status in (400, 404)


async def test_the_page_of_all_components_is_for_those_who_build_pages() -> None:
    assert (await ask(made(), "/design", headers=BROWSER)).status == 404
    assert (await ask(made(settings=Settings(development=True)), "/design", headers=BROWSER)).status == 200


@pytest.mark.parametrize("what", BANNED)
def test_the_style_has_none_of_what_the_design_bans(what: str) -> None:
    """Went red for each with a line of it written into cards.css."""
    assert re.findall(BANNED[what], file("app.css").content.decode()) == []


def test_body_text_is_never_white() -> None:
    named = file("app.css").content.decode()
    assert STYLE[0] == "tokens"
    assert "#fff" not in re.sub(r"\.button-primary[^}]*}", "", named)
