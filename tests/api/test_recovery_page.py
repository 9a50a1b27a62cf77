"""The page of a recovery in a real browser: superadmins with security keys, and a person who recovers, or cancels."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from config.settings import Settings
from tests.api.asgi import ask
from tests.api.logs import Service, call, service
from tests.api.recovering import Clock
from tests.api.served import served
from tests.api.superadmins import superadmin
from tests.api.test_seen_heads import Behind
from tests.api.test_signup_page import click, enrol, signed_up, virtual_key, write
from tests.support.browser import Page, browser_page
from tests.support.database import TestDatabase

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SAID = "document.getElementById('recovery-done').textContent || document.getElementById('recovery-error').textContent"


@asynccontextmanager
async def running(database: TestDatabase, clock: Clock) -> AsyncIterator[tuple[str, Service]]:
    """Its address as a browser takes it, and a clock that is moved by hand."""
    behind = Behind()
    async with served(behind) as listening:
        address = f"http://localhost:{listening.port}"
        settings = Settings(webauthn_origins=address, signups_per_hour=100)
        async with service(database, utc_now=clock, settings=settings) as started:
            behind.app = started.app
            yield address, started


async def says(page: Page, button: str) -> str:
    await click(page, button)
    return str(await page.wait_for(SAID))


async def superadmin_says(page: Page, raw: str, tenant: str, button: str) -> str:
    await write(page, recovery_api_key=raw, recovery_tenant=tenant, recovery_reason="burnt down")
    return await says(page, button)


async def present(page: Page, key: str, away: str) -> None:
    """Which of two security keys is touched."""
    for each, there in ((key, True), (away, False)):
        await page.call("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=each, enabled=there)


async def test_superadmins_recover_a_tenant_and_its_person_cancels_or_takes_the_link(database: TestDatabase) -> None:
    clock = Clock()
    (_, ann), (_, bob) = await superadmin(database, "Ann"), await superadmin(database, "Bob")
    async with running(database, clock) as (address, started), browser_page() as page, AsyncExitStack() as stack:
        one = await stack.enter_async_context(virtual_key(page))
        await page.open(f"{address}/signup")
        await enrol(page, "Blue key", 0)
        olga = await signed_up(page)
        tenant = (await call(started.app, olga, "/api/v1/tenants/me")).json()["tenant"]["id"]

        await page.open(f"{address}/recovery")
        assert "is enrolled" in await superadmin_says(page, ann, tenant, "recovery-enrol-btn")
        assert "already registered" in await superadmin_says(page, bob, tenant, "recovery-enrol-btn")
        other = await stack.enter_async_context(virtual_key(page))
        await present(page, other, one)
        assert "is enrolled" in await superadmin_says(page, bob, tenant, "recovery-enrol-btn")
        await present(page, one, other)
        assert "Another superadmin" in await superadmin_says(page, ann, tenant, "recovery-open-btn")
        await present(page, other, one)
        assert "can be completed from" in await superadmin_says(page, bob, tenant, "recovery-open-btn")
        await present(page, one, other)
        assert "It waits until" in await superadmin_says(page, ann, tenant, "recovery-complete-btn")
        await write(page, recovery_cancel_tenant=tenant)
        assert "is cancelled" in await says(page, "recovery-cancel-btn")

        await superadmin_says(page, ann, tenant, "recovery-open-btn")
        await present(page, other, one)
        await superadmin_says(page, bob, tenant, "recovery-open-btn")
        clock.passes(hours=72)
        assert "It is completed" in await superadmin_says(page, bob, tenant, "recovery-complete-btn")
        link = str(await page.evaluate("document.getElementById('recovery-link').textContent"))
        assert (await call(started.app, olga, "/api/v1/tenants/me")).status == 401

        await page.open("about:blank")
        await page.open(link)
        await write(page, recovery_key_name="New key")
        assert "is enrolled" in await says(page, "recovery-use-btn")
        raw = str(await page.evaluate("document.getElementById('recovery-raw-key').textContent"))
        assert (await call(started.app, raw, "/api/v1/tenants/me")).json()["tenant"]["id"] == tenant
    assert all(request.startswith(("http://localhost:", "data:", "about:")) for request in page.requested)


async def test_the_page_shows_no_place_for_a_link_without_one(database: TestDatabase) -> None:
    async with running(database, Clock()) as (address, started), browser_page() as page:
        await page.open(f"{address}/recovery")
        assert await page.evaluate("document.getElementById('recovery-use').hidden")
        assert (await ask(started.app, "/recovery")).headers["content-type"].startswith("text/html")
