"""Every page in a real browser: nothing from elsewhere, nothing that runs, nothing wider than the screen, no fault.

One world, one browser and one test for all of it, because that is what costs time: each finding names its page.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.web.rendering import TEMPLATES
from tests.api.test_recovery_page import present
from tests.api.test_signup_page import click, enrol, signed_up, virtual_key, write
from tests.api.web.payloads import TEXTS
from tests.api.web.world import World, running, sign_in, signed_in, world
from tests.support import axe
from tests.support.browser import Page, browser_page
from tests.support.database import TestDatabase

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MISSING = ("/nowhere", "/wiki/nowhere", "/ceremonies/0193a2b4-0000-7000-8000-00000000000a")
"""Or what they ask for is: that is the one thing that a console may tell of them."""
PUBLIC = ("/", "/docs", "/terms", "/privacy", "/login", "/signup", "/recovery", "/design", "/verify", "/wiki",
          "/wiki?q=lineage", "/wiki/agent-pattern", *MISSING)  # fmt: skip
WIDTHS = (360, 768, 1280)
AXE = "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})"
SERIOUS = (
    f"{AXE}.then((found) => found.violations.filter((each) => ['serious', 'critical'].includes(each.impact))"
    ".map((each) => each.id + ' at ' + each.nodes[0].target + ': ' + each.nodes[0].failureSummary))"
)
RAN = "window.__ran"
HOSTILE = "document.body.textContent.split('__ran').length - 1"
"""How many hostile texts stand on a page."""
MOST_ON = {
    **dict.fromkeys(("", "/costs", "/agents", "/settings", "/projects/my-app/board"), 200),
    **dict.fromkeys(("/inbox", "/projects/my-app/graph"), 90),
}
"""Of the corpus on lists; on the others what is at the side and what they are about."""


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    async with browser_page() as opened:
        yield opened


async def faults(page: Page, address: str, path: str, script: str | None) -> list[str]:
    """What is wrong with one page, each fault with its place."""
    page.errors.clear()
    page.requested.clear()
    await page.open(address + path)
    found = [f"{path}: {each}" for each in page.errors if "status of 404" not in each or path not in MISSING]
    found += [f"{path}: asks {each}" for each in page.requested if not each.startswith((address, "data:"))]
    if await page.evaluate(RAN):
        found.append(f"{path}: what was written into a text has run")
    for width in WIDTHS:
        await page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
        )
        over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{path}: {over} pixels too wide at {width}"] if over > 0 else []
    if script:
        await page.evaluate(script)
        found += [f"{path}: {each}" for each in await page.evaluate(SERIOUS)]
    return found


async def test_every_page_is_whole_and_safe_whatever_is_written_into_it(database: TestDatabase, page: Page) -> None:
    """Red with a text that is not escaped (the control at the end), with a font from elsewhere, with a style attribute,
    and with a table outside its frame."""
    async with world(database, TEXTS) as laid_out:
        await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.team.user.raw))
        for path in laid_out.paths:
            assert await faults(page, laid_out.address, path, None) == []
            assert (path, await page.evaluate(HOSTILE)) >= (path, MOST_ON.get(path.removeprefix("/app"), 30))
        await shown_as_text(page, laid_out)
        await runs_without_escaping(page, laid_out)
        await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.root))
        for path in laid_out.operating:
            assert await faults(page, laid_out.address, path, None) == []
            assert await page.evaluate(HOSTILE) >= 1


@pytest.mark.timeout(900)  # some thirty pages, each with the whole of axe
async def test_no_page_has_a_serious_fault_for_who_sees_or_moves_otherwise(database: TestDatabase, page: Page) -> None:
    """In few words: axe reads every line. The control is at the end: an input without a label."""
    script = await asyncio.to_thread(found.read_text) if (found := axe.find()) else None
    async with world(database, ["First", "Second", "Third", "Fourth"]) as laid_out:
        await page.call("Network.clearBrowserCookies")
        for path in PUBLIC:
            assert await faults(page, laid_out.address, path, script) == []
        await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.team.user.raw))
        for path in laid_out.paths:
            assert await faults(page, laid_out.address, path, script) == []
        await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.root))
        for path in laid_out.operating:
            assert await faults(page, laid_out.address, path, script) == []
        if script:
            await page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input>')")
            assert any("label" in each for each in await page.evaluate(SERIOUS))


async def shown_as_text(page: Page, laid_out: World) -> None:
    """Each of them stands on the board, letter for letter."""
    await page.open(laid_out.address + "/app/projects/my-app/board")
    titles = await page.evaluate("[...document.querySelectorAll('.story-card .title')].map((each) => each.textContent)")
    assert sorted(titles) == sorted(TEXTS)


async def runs_without_escaping(page: Page, laid_out: World) -> None:
    """The control: with escaping turned off, and the policy of the page with it, the same board does run something."""
    await page.call("Page.setBypassCSP", enabled=True)
    kept, TEMPLATES.cache, TEMPLATES.autoescape = TEMPLATES.cache, {}, False
    try:
        wrong = await faults(page, laid_out.address, "/app/projects/my-app/board", None)
    finally:
        TEMPLATES.cache, TEMPLATES.autoescape = kept, True
        await page.call("Page.setBypassCSP", enabled=False)
    assert any("has run" in each for each in wrong), wrong


async def test_the_board_moves_when_something_has_happened(database: TestDatabase, page: Page) -> None:
    async with world(database, ["First", "Second", "Third", "Fourth"]) as laid_out:
        await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.team.user.raw))
        await page.open(laid_out.address + "/app/projects/my-app/board")
        await page.wait_for("document.body.dataset.live === 'open'")
        lanes = "[...document.querySelectorAll('.lane .count')].map((each) => each.textContent).join(' ')"
        assert await page.evaluate(lanes) == "1 1 2 0 0"
        epic = (await laid_out.team.user.shown(laid_out.stories[0]))["epic_id"]
        await laid_out.team.user.story(epic, "9.1", title="<b>New</b>")
        await page.wait_for(f"({lanes}) === '2 1 2 0 0'")
        assert await page.evaluate("document.querySelectorAll('.story-card b').length") == 0


async def test_a_person_signs_in_with_the_security_key_that_the_tenant_was_made_with(
    database: TestDatabase, page: Page
) -> None:
    async with running(database) as (address, _), virtual_key(page) as one:
        await page.open(address + "/signup")
        await enrol(page, "Blue key", 0)
        raw = await signed_up(page)
        page.errors.clear()
        await page.open(str(await page.evaluate("document.getElementById('signup-onboarding').href")))
        assert await page.evaluate("!!document.querySelector('#onboarding-step-audit_key.step-done')")
        assert await page.evaluate("document.querySelectorAll('[data-copy]:not([hidden])').length") > 0
        assert page.errors == []
        await page.call("Network.clearBrowserCookies")
        await page.open(address + "/app/settings")
        assert await page.evaluate("location.pathname") == "/login"
        await click(page, "login-security-key-btn")
        await page.wait_for("location.pathname === '/app/settings' && document.readyState === 'complete'")
        assert "Blue key" in await page.evaluate("document.body.innerText")
        await enrols_another(page, one, raw)


async def enrols_another(page: Page, one: str, raw: str) -> None:
    """On the page of settings: the new one is touched, then one that the tenant has."""
    async with virtual_key(page) as other:
        await present(page, other, one)
        await page.evaluate(
            "const get = navigator.credentials.get.bind(navigator.credentials);"
            "navigator.credentials.get = async (wish) => {"
            "  while (!window.__other) { await new Promise((done) => setTimeout(done, 50)); } return get(wish); };"
        )  # what a person takes to put one key away and the other one in
        await write(page, enrol_key_name="Red key", enrol_api_key=raw)
        await page.evaluate("document.getElementById('enrol-another').requestSubmit()")
        await page.wait_for("document.getElementById('enrol-status').textContent.startsWith('Now touch one')")
        await present(page, one, other)
        await page.evaluate("window.__other = true")
        await page.wait_for("document.body.innerText.includes('Red key') && document.readyState === 'complete'")


async def test_a_security_key_that_has_not_seen_its_user_signs_nobody_in(database: TestDatabase, page: Page) -> None:
    async with running(database) as (address, _), virtual_key(page) as key:
        await page.open(address + "/signup")
        await enrol(page, "Blue key", 0)
        await signed_up(page)
        await page.call("Network.clearBrowserCookies")
        await page.call("WebAuthn.setUserVerified", authenticatorId=key, isUserVerified=False)
        await page.open(address + "/login")
        await click(page, "login-security-key-btn")
        said = "document.getElementById('login-error').textContent"
        assert await page.wait_for(said)
        assert await page.evaluate("location.pathname") == "/login"


async def test_pages_are_read_without_javascript(database: TestDatabase, page: Page) -> None:
    async with world(database, ["First", "Second", "Third", "Fourth"]) as laid_out:
        await page.call("Emulation.setScriptExecutionDisabled", value=True)
        try:
            await signed_in(page, laid_out.address, await sign_in(laid_out.service, laid_out.team.user.raw))
            texts = {"/app": "Overview", "/app/projects/my-app/board": "Third", "/docs": "Configuration Guide"}
            for path, text in texts.items():
                await page.open(laid_out.address + path)
                document = await page.call("DOM.getDocument", depth=-1)
                whole: Any = await page.call("DOM.getOuterHTML", nodeId=document["root"]["nodeId"])
                assert text in whole["outerHTML"], path
        finally:
            await page.call("Emulation.setScriptExecutionDisabled", value=False)
