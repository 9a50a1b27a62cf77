"""The Swagger page in a real browser that can reach nothing but this machine."""

import os
from pathlib import Path

import pytest

from tests.support.browser import Page, browser_page
from tests.support.running import up

pytestmark = [pytest.mark.slow, pytest.mark.browser]

OPERATIONS = "document.querySelectorAll('.opblock').length"
STATUS_SHOWN = "document.querySelector('.live-responses-table tbody .response-col_status')?.innerText.trim()"


async def test_the_page_works_without_any_outside_request(tmp_path: Path) -> None:
    """SCREENSHOTS=<folder> keeps the picture, to be looked at."""
    with up(tmp_path / "data") as run:
        run.wait_until_healthy()
        async with browser_page() as page:
            await page.open(run.address + "/swaggerui")
            assert await page.wait_for(OPERATIONS) >= 5
            assert await _try_it_out(page) == "200"
            await page.screenshot(Path(os.environ.get("SCREENSHOTS", tmp_path)) / "swagger.png")
    assert [request for request in page.requested if not _ours(request, run.address)] == []
    assert page.errors == []


async def test_the_same_browser_is_seen_asking_an_outside_host_and_cannot_reach_it() -> None:
    """The control: a page with a foreign script is noticed, and the script does not load."""
    async with browser_page() as page:
        await page.open("data:text/html,<script src='https://cdn.example.com/x.js'></script>")
        assert "https://cdn.example.com/x.js" in page.requested
        assert page.errors


async def _try_it_out(page: Page) -> str:
    """Opens GET /livez as a person would, presses its buttons, returns the status that the page shows."""
    block = "[...document.querySelectorAll('.opblock')].find(b => b.innerText.includes('/livez'))"
    await page.evaluate(f"{block}.querySelector('button').click()")
    for button in (".try-out__btn", ".execute"):
        await page.wait_for(f"!!{block}.querySelector('{button}')")
        await page.evaluate(f"{block}.querySelector('{button}').click()")
    return str(await page.wait_for(STATUS_SHOWN))


def _ours(request: str, address: str) -> bool:
    return request.startswith((address + "/", "data:", "blob:"))
