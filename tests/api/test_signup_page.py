"""The pages that speak to a security key, in a real browser with a virtual one."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.browser import Page, browser_page
from tests.support.guarded import guarded
from tests.support.running import up

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ERROR = "document.getElementById('signup-error').hidden ? '' : document.getElementById('signup-error').textContent"
DONE = "!document.getElementById('signup-done').hidden"
IDS = (
    "signup-form tenant-name-input tenant-slug-input tenant-email-input authenticator-friendly-name "
    "enroll-authenticator-btn enrolled-authenticators signup-error signup-submit-btn webauthn-hook"
)


@asynccontextmanager
async def virtual_key(page: Page, **options: Any) -> AsyncIterator[str]:
    """One that says yes at once, after it has seen its user."""
    await page.call("WebAuthn.enable")
    wanted = {
        "protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True, **options,
    }  # fmt: skip
    made = await page.call("WebAuthn.addVirtualAuthenticator", options=wanted)
    yield str(made["authenticatorId"])
    await page.call("WebAuthn.removeVirtualAuthenticator", authenticatorId=made["authenticatorId"])


async def write(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        await page.evaluate(f"document.getElementById('{name.replace('_', '-')}').value = '{value}'")


async def click(page: Page, name: str) -> None:
    await page.evaluate(f"document.getElementById('{name}').click()")


async def enrol(page: Page, name: str, place: int) -> None:
    await write(page, authenticator_friendly_name=name)
    await click(page, "enroll-authenticator-btn")
    await page.wait_for(f"!!document.getElementById('authenticator-{place}') || ({ERROR})")
    assert await page.evaluate(ERROR) == ""


async def test_a_person_makes_a_tenant_and_confirms_with_a_security_key_what_destroys(tmp_path: Path) -> None:
    """Signup with its refused forms, the key shown once, a first project; then the command that deletes it waits until
    the page that it names has seen a touch."""
    with up(tmp_path / "data") as run:
        run.wait_until_healthy()
        async with browser_page() as page:
            await page.open(run.address.replace("127.0.0.1", "localhost") + "/signup")
            for name in IDS.split():
                assert await page.evaluate(f"!!document.getElementById('{name}')"), name
            assert await page.evaluate("document.getElementById('signup-submit-btn').disabled")

            async with virtual_key(page, isUserVerified=False):
                await write(page, authenticator_friendly_name="Careless key")
                await click(page, "enroll-authenticator-btn")
                assert await page.wait_for(ERROR), "a key that has not seen its user is refused"
            async with virtual_key(page):
                await enrol(page, "Blue key", 0)
            async with virtual_key(page):
                await enrol(page, "Red key", 1)
                raw = await signed_up(page)
                headers = {"Authorization": f"Bearer {raw}"}
                made = await asyncio.to_thread(
                    httpx2.post, run.address + "/api/v1/projects", headers=headers,
                    json={"name": "First", "slug": "first"}, trust_env=False, timeout=10,
                )  # fmt: skip
                assert made.status_code == 201, made.text
                alone = await asyncio.to_thread(
                    httpx2.delete, run.address + "/api/v1/projects/first", headers=headers, trust_env=False, timeout=10
                )
                assert alone.json()["error"]["code"] == "webauthn_required", "the API key alone is not enough"
                await confirmed(page, run.address, raw)
    assert all(request.startswith(("http://localhost:", "data:")) for request in page.requested)


async def signed_up(page: Page) -> str:
    """After a refused form. The raw key."""
    await write(page, tenant_name_input="Acme", tenant_slug_input="-", tenant_email_input="a@example.org")
    await click(page, "signup-submit-btn")
    assert "slug" in await page.wait_for(ERROR)
    await write(page, tenant_slug_input="acme")
    await click(page, "signup-submit-btn")
    assert await page.wait_for(f"({DONE}) || ({ERROR})") is True
    return str(await page.evaluate("document.getElementById('signup-raw-key').textContent"))


async def confirmed(page: Page, address: str, raw: str) -> None:
    """Runs the command, goes where it says, reads what stands there, and touches the key."""
    command = guarded(await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loopctl", "api", "DELETE", "projects/first", "--server", address, "--api-key", raw,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    ))  # fmt: skip
    assert command.stderr
    said = ""
    while "/ceremonies/" not in said:
        line = (await command.stderr.readline()).decode()
        assert line, said
        said += line
    url, code = next(word for word in said.split() if "/ceremonies/" in word), said.split()[-1]
    await page.open(url)
    operation = "document.getElementById('ceremony-operation').textContent"
    assert await page.wait_for(f"{operation} !== 'Loading' && {operation}") == "Delete the project first"
    assert await page.evaluate("document.getElementById('ceremony-code').textContent") == code
    await click(page, "ceremony-confirm-btn")
    await page.wait_for("!document.getElementById('ceremony-done').hidden")
    async with asyncio.timeout(20):
        out, _ = await command.communicate()
    assert (command.returncode, b"archived" in out or b"project" in out) == (0, True), out
