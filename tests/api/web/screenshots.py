"""``make screenshots``: a picture of each page of a tenant that looks like one at work (``showroom.py``).

Those of ``docs/pictures/``, one screen of 1280 pixels each. ``make screenshots ARGS="FOLDER"`` puts every page there,
whole, as wide as a desk, a tablet and a phone: to look at, before anybody else does.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from migrations.roles import bootstrap
from migrations.runner import migrate
from tests.api.superadmins import superadmin
from tests.api.web.showroom import Clock, Showroom, furnish
from tests.api.web.world import running, sign_in, signed_in
from tests.support.browser import Page, browser_page
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, created_database

DOCS = Path("docs/pictures")
IN_DOCS = (
    "landing", "overview", "board", "graph", "story", "inbox", "costs", "agents", "knowledge", "admin", "custody",
    "custody-entry", "verify",
)  # fmt: skip
PUBLIC = ("/", "/docs", "/login", "/signup", "/verify", "/terms", "/nowhere", "/design", "/wiki",
          "/wiki/agent-pattern", "/recovery")  # fmt: skip
WIDTHS = (1280, 768, 360)
PRESSED = {"custody-entry": "verify-entry"}
"""What is worth seeing is what the browser found."""
SCREEN, LONGEST = 800, 6000
"""Heights, in pixels."""


class Wish(Struct, frozen=True):
    """Which pages, how wide; ``whole`` from top to end instead of one screen."""

    folder: Path
    only: Sequence[str] = IN_DOCS
    widths: Sequence[int] = (1280,)
    whole: bool = False


@asynccontextmanager
async def showroom(postgres_url: str) -> AsyncIterator[tuple[str, Showroom, str]]:
    """Its address, and the cookie of whoever looks."""
    async with created_database(postgres_url) as database:
        await bootstrap(database.admin_url, PASSWORDS)
        await migrate(database.migrator_url)
        clock = Clock()
        async with running(database, clock) as (address, started):
            furnished = await furnish(started, clock, database)
            yield address, furnished, await sign_in(started, furnished.user.raw)


async def take_all(postgres_url: str, wish: Wish) -> None:
    async with showroom(postgres_url) as (address, furnished, cookie), browser_page() as page:
        _, raw = await superadmin(furnished.database, "Grace")
        root = await sign_in(furnished.user.service, raw)
        paths = {**{path.strip("/").replace("/", "-") or "landing": path for path in PUBLIC}, **furnished.paths}
        for name, path in paths.items():
            if name in wish.only or not wish.only:
                await signed_in(page, address, root if path.startswith("/app/admin") else cookie)
                await _take(page, address + path, name, wish)


async def _take(page: Page, address: str, name: str, wish: Wish) -> None:
    for width in wish.widths:
        await _sized(page, width, SCREEN)
        await page.open(address)
        await page.wait_for("document.fonts.ready.then(() => document.readyState === 'complete')")
        if name in PRESSED:
            await page.evaluate(f"document.getElementById('{PRESSED[name]}').click()")
            await page.wait_for("document.getElementById('verify-result').dataset.verdict")
        if wish.whole:
            await _sized(page, width, min(await page.wait_for("document.documentElement.scrollHeight"), LONGEST))
        await page.screenshot(wish.folder / (f"{name}-{width}.png" if wish.whole else f"{name}.png"))


async def _sized(page: Page, width: int, height: int) -> None:
    sized: Mapping[str, int] = {"width": width, "height": height, "deviceScaleFactor": 1}
    await page.call("Emulation.setDeviceMetricsOverride", **sized, mobile=False)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Pictures of pages.")
    parser.add_argument("folder", type=Path, nargs="?", help="for every page, whole; default: those of the docs")
    parser.add_argument("--only", nargs="*", default=(), help="names of pages")
    parser.add_argument("--width", nargs="*", type=int, default=WIDTHS)
    given = parser.parse_args(arguments)
    wish = Wish(DOCS) if given.folder is None else Wish(given.folder, given.only, given.width, whole=True)
    wish.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loopctl-pictures-") as cluster, own_postgres(Path(cluster)) as url:
        asyncio.run(take_all(url, wish))
    sys.stderr.write(f"{len(list(wish.folder.glob('*.png')))} pictures in {wish.folder}\n")


if __name__ == "__main__":
    main()
