"""Pages look again when something has happened, and disturb nobody who reads, types or goes by the keyboard."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.api.asgi import ask
from tests.api.logs import Service, service, tenant_with_key
from tests.api.recovering import Clock
from tests.api.web.test_keyboard import press, to
from tests.api.web.world import World, sign_in, signed_in, world
from tests.support.browser import Page, browser_page
from tests.support.database import TestDatabase, copied_database

OPEN = "document.body.dataset.live === 'open'"
SECONDS = 60.0


@pytest.fixture(scope="module")
async def laid_out(postgres_admin_url: str, database_template: str) -> AsyncIterator[World]:
    async with (
        copied_database(postgres_admin_url, database_template) as copied,
        world(copied, ["First", "Second", "Third", "Fourth"]) as made,
    ):
        yield made


@pytest.fixture(scope="module")
async def page(laid_out: World) -> AsyncIterator[Page]:
    async with browser_page() as opened:
        await signed_in(opened, laid_out.address, await sign_in(laid_out.service, laid_out.team.user.raw))
        yield opened


async def opened(page: Page, laid_out: World, path: str) -> None:
    await page.open(laid_out.address + path)
    await page.wait_for(OPEN, SECONDS)


async def happens(laid_out: World, slug: str) -> None:
    """Seen at the side of every page, and on the overview."""
    await laid_out.team.user.project(slug, name=slug)


def stands(text: str, where: str = "#main-content") -> str:
    return f"document.querySelector('{where}').innerText.includes('{text}')"


@pytest.mark.slow
@pytest.mark.browser
async def test_a_page_and_its_side_show_what_has_happened(page: Page, laid_out: World) -> None:
    """Went red without the stream; the control is the mark on the window, which a page that was loaded anew has not."""
    await opened(page, laid_out, "/app")
    await page.evaluate("window.__same = true")
    await happens(laid_out, "while-it-is-open")
    await page.wait_for(stands("while-it-is-open"), SECONDS)
    assert await page.evaluate(stands("while-it-is-open", "#side"))
    assert await page.evaluate("window.__same")
    assert page.errors == []


@pytest.mark.slow
@pytest.mark.browser
async def test_whoever_types_is_left_in_peace_until_the_field_is_left(page: Page, laid_out: World) -> None:
    await opened(page, laid_out, "/app/knowledge")
    await to(page, "input[name=q]")
    await page.call("Input.insertText", text="half a w")
    await page.evaluate("addEventListener('htmx:beforeRequest', () => { window.__wanted = true; })")
    await happens(laid_out, "while-it-is-typed")
    await page.wait_for("window.__wanted", SECONDS)
    assert await page.evaluate("document.activeElement.value") == "half a w"
    assert not await page.evaluate(stands("while-it-is-typed", "#side"))
    await page.evaluate("document.activeElement.blur()")
    await page.wait_for(stands("while-it-is-typed", "#side"), SECONDS)


@pytest.mark.slow
@pytest.mark.browser
async def test_the_keyboard_stays_where_it_is(page: Page, laid_out: World) -> None:
    await opened(page, laid_out, "/app")
    await to(page, "main a[href='/app/projects/my-app/board']")
    await happens(laid_out, "while-tab-is-there")
    await page.wait_for(stands("while-tab-is-there"), SECONDS)
    await page.wait_for("document.activeElement.matches('main a[href=\"/app/projects/my-app/board\"]')", SECONDS)
    await press(page, "Tab")
    assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.slow
@pytest.mark.browser
async def test_the_slider_of_a_story_works_after_the_page_has_moved(page: Page, laid_out: World) -> None:
    story = laid_out.stories[2]
    await opened(page, laid_out, f"/app/stories/{story}")
    assert (await laid_out.team.user.post(f"/stories/{story}/comments", {"body": "Seen"})).status == 201
    await page.wait_for(stands("commented"), SECONDS)
    await to(page, "input[type=range]")
    await press(page, "ArrowLeft")
    await page.wait_for("location.search.startsWith('?at=') && document.readyState === 'complete'", SECONDS)


@pytest.mark.slow
@pytest.mark.browser
async def test_a_session_that_has_ended_leads_to_the_login_and_back(page: Page, laid_out: World) -> None:
    await opened(page, laid_out, "/app/inbox")
    await page.call("Network.clearBrowserCookies")
    await happens(laid_out, "after-the-session")
    await page.wait_for("location.pathname === '/login'", SECONDS)
    assert await page.evaluate("new URLSearchParams(location.search).get('next')") == "/app/inbox"


async def test_a_page_that_looks_by_itself_keeps_no_session_alive(log_of_module: TestDatabase) -> None:
    clock = Clock()
    async with service(log_of_module, utc_now=clock) as started:
        _, raw = await tenant_with_key(started.store)
        for own, after in (({"HX-Request": "true"}, 303), (dict[str, str](), 200)):
            cookie = await sign_in(started, raw)
            for _ in range(3):
                clock.passes(minutes=14)
                status = await looked(started, cookie, own)
            assert (status, clock.now - Clock().now > timedelta(minutes=30)) == (after, True)


async def looked(started: Service, cookie: str, headers: dict[str, str]) -> int:
    sent = {"Accept": "text/html", "Cookie": cookie, **headers}
    return (await ask(started.app, "/app", headers=sent)).status
