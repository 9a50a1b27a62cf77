"""The keyboard alone reaches everything on every page, sees where it is, and does what the mouse does."""

from collections.abc import AsyncIterator, Iterable

import pytest

from tests.api.web.world import World, sign_in, signed_in, world
from tests.support.browser import Page, browser_page
from tests.support.database import copied_database

pytestmark = [pytest.mark.slow, pytest.mark.browser]

KEYS = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, " ": 32}
TEXT = {"Enter": "\r", " ": " "}
MOST_STEPS = 150
REACHED = """(() => {
  const here = document.activeElement;
  if (here === document.body) { return null; }
  const box = here.getBoundingClientRect(), style = getComputedStyle(here);
  if (!here.dataset.place) { here.dataset.place = String(document.querySelectorAll('[data-place]').length + 1); }
  return {
    place: here.dataset.place, what: here.outerHTML.slice(0, 90),
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
  };
})()"""
PLACES = "document.querySelectorAll('[data-place]').length"
LEFT_OUT = """[...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter((each) => each.checkVisibility({checkVisibilityCSS: true}) && !each.disabled && !each.dataset.place
    && each.tabIndex >= 0).map((each) => each.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    async with browser_page() as opened:
        yield opened


@pytest.fixture(scope="module")
async def laid_out(postgres_admin_url: str, database_template: str) -> AsyncIterator[World]:
    async with (
        copied_database(postgres_admin_url, database_template) as copied,
        world(copied, ["First", "Second", "Third", "Fourth"]) as made,
    ):
        yield made


@pytest.fixture(autouse=True)
async def signed(page: Page, laid_out: World) -> None:
    """Whatever the test before has left."""
    await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.team.user.raw))


async def press(page: Page, key: str) -> None:
    said = {"key": key, "windowsVirtualKeyCode": KEYS[key], "code": "Space" if key == " " else key}
    await page.call("Input.dispatchKeyEvent", type="keyDown", **said, **({"text": TEXT[key]} if key in TEXT else {}))
    await page.call("Input.dispatchKeyEvent", type="keyUp", **said)


async def walk(page: Page) -> list[str]:
    """By Tab until it begins again: what is wrong with the places, and what was never reached."""
    wrong: list[str] = []
    for _ in range(MOST_STEPS):
        await press(page, "Tab")
        here = await page.evaluate(REACHED)
        if here is None or (here["place"] == "1" and await page.evaluate(PLACES) > 1):
            return wrong + [f"never reached: {each}" for each in await page.evaluate(LEFT_OUT)]
        wrong += [f"out of sight: {here['what']}"] if not here["seen"] else []
        wrong += [f"no ring: {here['what']}"] if not here["ring"] else []
    return [*wrong, "no end"]


async def to(page: Page, selector: str) -> None:
    """By Tab, as far as it takes."""
    for _ in range(MOST_STEPS):
        await press(page, "Tab")
        if await page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"{selector} was not reached")


PUBLIC = ("/", "/login", "/signup", "/recovery", "/wiki", "/wiki/agent-pattern", "/terms", "/privacy", "/nowhere")


async def walked(page: Page, laid_out: World, paths: Iterable[str]) -> list[str]:
    """What is wrong on each of the pages."""
    found = []
    for path in paths:
        await page.open(laid_out.address + path)
        await page.wait_for(f"document.readyState === 'complete' && location.pathname === '{path.partition('?')[0]}'")
        found += [f"{path}: {each}" for each in await walk(page)]
    return found


async def test_tab_reaches_everything_of_a_tenants_pages_in_sight_and_with_a_ring(page: Page, laid_out: World) -> None:
    """Went red with tabindex -1 on a button, and with outline: none."""
    assert await walked(page, laid_out, laid_out.paths) == []


async def test_tab_reaches_everything_for_everybody_and_for_superadmins(page: Page, laid_out: World) -> None:
    await page.call("Network.clearBrowserCookies")  # from /login whoever is signed in is sent on
    assert await walked(page, laid_out, PUBLIC) == []
    await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.root))
    assert await walked(page, laid_out, laid_out.operating) == []


async def test_a_place_that_tab_does_not_reach_is_found(page: Page, laid_out: World) -> None:
    """The control."""
    await page.open(laid_out.address + "/app/agents")
    await page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<a href=\"#\" class=\"lost\">x</a>');"
        "document.querySelector('.lost').addEventListener('focus', (event) => event.target.blur())"
    )
    assert any("lost" in each for each in await walk(page))


async def test_the_skip_link_leads_past_the_navigation(page: Page, laid_out: World) -> None:
    await page.open(laid_out.address + "/app")
    await press(page, "Tab")
    assert await page.evaluate("document.activeElement.className") == "skip-link"
    await press(page, "Enter")
    assert await page.wait_for("document.activeElement.id") == "main-content"


async def test_tabs_of_the_first_page_go_by_arrows(page: Page, laid_out: World) -> None:
    await page.open(laid_out.address + "/")
    await page.wait_for("!document.querySelector('[role=tablist]').hidden")
    await to(page, "#tab-stories")
    await press(page, "ArrowRight")
    assert await page.evaluate("document.activeElement.id") == "tab-verify"
    assert await page.evaluate("document.getElementById('code-stories').hidden") is True
    assert await page.evaluate("document.getElementById('code-verify').hidden") is False


async def test_the_slider_of_a_story_goes_back_in_the_log(page: Page, laid_out: World) -> None:
    await page.open(f"{laid_out.address}/app/stories/{laid_out.stories[1]}")
    await to(page, "input[type=range]")
    await press(page, "ArrowLeft")
    await page.wait_for("location.search.startsWith('?at=') && document.readyState === 'complete'")
    assert "as it was at position" in await page.evaluate("document.body.innerText")


async def test_a_filter_is_chosen_and_a_command_copied(page: Page, laid_out: World) -> None:
    await page.open(laid_out.address + "/app/inbox")
    await page.evaluate("navigator.clipboard.writeText = async (text) => { window.__copied = text; }")
    await page.wait_for("!document.querySelector('[data-copy]').hidden")
    await to(page, "[data-copy]")
    await press(page, "Enter")
    assert (await page.wait_for("window.__copied")).startswith("loopctl ")
    await page.open(laid_out.address + "/app/custody")
    await to(page, "form[method=get] button")
    await press(page, "Enter")
    await page.wait_for("location.search.includes('entity_type=')")


async def test_signing_out_and_in_takes_no_mouse(page: Page, laid_out: World) -> None:
    await page.open(laid_out.address + "/app")
    await to(page, "form[action='/logout'] button")
    await press(page, "Enter")
    await page.wait_for("location.pathname === '/login' && document.readyState === 'complete'")
    await to(page, "#login-api-key")
    await page.call("Input.insertText", text=laid_out.team.user.raw)
    await press(page, "Enter")
    assert await page.wait_for("location.pathname === '/app'")
