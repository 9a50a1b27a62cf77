"""GET /verify: a bundle of the real service, dropped into a real browser that is cut off from everything."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.verify.files import file
from loopctl.audit.export import write_bundle
from loopctl.audit.keys_file import LogKeys, encode_keys
from tests.api.asgi import ask, made
from tests.api.logs import Service, service
from tests.api.verify.browsing import judged, open_page, packed
from tests.api.work import client
from tests.support.browser import Page
from tests.support.database import copied_database
from tests.support.sample_log import LOG_SIGNERS, Plan, make_log

pytestmark = [pytest.mark.slow, pytest.mark.browser]

VERDICT = "document.getElementById('%s-result').dataset.verdict"
SHOWN = "document.getElementById('%s-result').innerText"
HOSTILE = "<svg/onload=document.title='run'>"
FOCUSED = "document.activeElement.id || document.activeElement.tagName"


@pytest.fixture(scope="module")
async def running(postgres_admin_url: str, database_template: str) -> AsyncIterator[Service]:
    async with copied_database(postgres_admin_url, database_template) as copied, service(copied) as started:
        yield started


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[tuple[Page, str]]:
    async with open_page() as (opened, port):
        yield opened, f"http://127.0.0.1:{port}/verify"


@pytest.fixture
async def page(browser: tuple[Page, str]) -> Page:
    opened, address = browser
    opened.requested.clear()
    await opened.open(address)
    return opened


async def test_an_export_of_the_service_is_checked_without_a_network(
    page: Page, running: Service, tmp_path: Path
) -> None:
    """Then with one changed bit. Nothing was asked of anybody but who served the page."""
    ann = await client(running)
    epic = await ann.epic(await ann.project())
    for number in range(1, 8):
        await ann.story(epic, f"1.{number}", title=f"{HOSTILE} {number}")
    export = (await ann.get("/audit/export")).body
    await page.wait_for("document.body.dataset.verifier === 'ready'")
    await page.call(
        "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
    )
    try:
        await choose(page, "bundle-file", written(tmp_path / "log.tar", export))
        await press(page, "bundle-check")
        assert await page.wait_for(VERDICT % "bundle") == "good"
        said = await page.evaluate(SHOWN % "bundle")
        ours = judged(export)
        assert ours["root"] in said
        assert f"{ours['size']:,}" in said
        changed = bytearray(export)
        changed[len(export) // 2] ^= 4
        await choose(page, "bundle-file", written(tmp_path / "changed.tar", bytes(changed)))
        await press(page, "bundle-check")
        assert await page.wait_for(f"{VERDICT % 'bundle'} !== 'good' && {VERDICT % 'bundle'}") == "bad"
        where = judged(bytes(changed))
        assert (where["fault"] or where)["place"] in await page.evaluate(SHOWN % "bundle")
    finally:
        await page.call(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
    origin = await page.evaluate("location.origin")
    assert [each for each in page.requested if not each.startswith((f"{origin}/", "data:"))] == []


async def test_the_page_and_its_worker_cannot_send_anything(page: Page) -> None:
    """Neither to us nor to anybody: the browser refuses. The control: a page of ours that may speak to us can."""
    attempt = "fetch('/livez').then((answer) => answer.status, () => 'refused')"
    assert await page.evaluate(attempt) == "refused"
    for name in ("worker.js", "log/verify.js"):
        sent = await ask(made(), f"/verify/{name}")
        assert "connect-src 'none'" in sent.headers["content-security-policy"], name
    page.errors.clear()
    await page.open((await page.evaluate("location.origin")) + "/signup")
    assert await page.evaluate(attempt) == 200


async def test_texts_of_a_log_are_shown_and_never_run(page: Page, tmp_path: Path) -> None:
    """A log whose very name is a script, in a fault and in a refused key."""
    keys = LogKeys(origin=HOSTILE, keys=make_log(Plan(size=1)).known.keys)
    bundle = {**dict(write_bundle(make_log(Plan(size=1)))), "keys.json": encode_keys(keys)}
    await choose(page, "bundle-file", written(tmp_path / "hostile.tar", packed(bundle)))
    await press(page, "bundle-check")
    assert await page.wait_for(VERDICT % "bundle") == "bad"
    await page.evaluate(f"document.getElementById('bundle-vkeys').value = `{HOSTILE}`")
    await press(page, "bundle-check")
    assert "key_malformed" in await page.wait_for(
        f"({SHOWN % 'bundle'}).includes('key_malformed') && {SHOWN % 'bundle'}"
    )
    assert await page.evaluate("document.querySelectorAll('main svg, [onload]').length") == 0
    assert await page.evaluate("document.title") != "run"


async def test_a_receipt_is_checked_with_its_entry_and_a_key(page: Page, tmp_path: Path) -> None:
    log = make_log(Plan(size=10))
    await choose(page, "receipt-file", written(tmp_path / "4.tlog-proof", log.receipt(4, 10)))
    await choose(page, "receipt-entry", written(tmp_path / "entry", log.raw[4]))
    await page.evaluate(f"document.getElementById('receipt-vkey').value = '{LOG_SIGNERS[0].key.text()}'")
    await page.evaluate("document.getElementById('receipt-form').requestSubmit()")
    assert await page.wait_for(VERDICT % "receipt") == "good"
    await choose(page, "receipt-entry", written(tmp_path / "another", log.raw[5]))
    await page.evaluate("document.getElementById('receipt-form').requestSubmit()")
    assert await page.wait_for(f"{VERDICT % 'receipt'} !== 'good' && {VERDICT % 'receipt'}") == "bad"
    assert "proof_invalid" in await page.evaluate(SHOWN % "receipt")


async def test_the_keyboard_alone_reaches_and_does_everything(page: Page, tmp_path: Path) -> None:
    wanted = [
        "bundle-file",
        "SUMMARY",
        "bundle-check",
        "receipt-file",
        "receipt-entry",
        "receipt-vkey",
        "receipt-check",
    ]
    reached: list[str] = []
    while not reached or len(reached) < 40:
        await key(page, "Tab")
        reached.append(await page.evaluate(FOCUSED))
    assert [name for name in reached if name in wanted][: len(wanted)] == wanted
    await choose(page, "bundle-file", written(tmp_path / "log.tar", packed(dict(write_bundle(make_log(Plan(size=3)))))))
    await page.evaluate("document.getElementById('bundle-check').focus()")
    await key(page, "Enter")
    assert await page.wait_for(VERDICT % "bundle") == "good"
    assert page.errors == []


async def test_modules_are_sent_as_they_were_written_and_nothing_else_is() -> None:
    app = made()
    first = await ask(app, "/verify/log/verify.js")
    assert first.body == file("log/verify.js").content
    assert (await ask(app, "/verify/log/verify.js", headers={"If-None-Match": first.headers["etag"]})).status == 304
    for name in ("log/none.js", "routes.py", "../routes.py", "log", "page.html", "%2e%2e/routes.py"):
        assert (await ask(app, f"/verify/{name}")).status in (400, 404), name


async def choose(page: Page, name: str, path: Path) -> None:
    document = await page.call("DOM.getDocument")
    found = await page.call("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=f"#{name}")
    await page.call("DOM.setFileInputFiles", files=[str(path)], nodeId=found["nodeId"])


async def press(page: Page, name: str) -> None:
    await page.evaluate(f"document.getElementById('{name}').click()")


async def key(page: Page, name: str) -> None:
    told: dict[str, Any] = {"key": name, "code": name, "windowsVirtualKeyCode": {"Tab": 9, "Enter": 13}[name]}
    if name == "Enter":
        told["text"] = "\r"
    await page.call("Input.dispatchKeyEvent", type="keyDown", **told)
    await page.call("Input.dispatchKeyEvent", type="keyUp", **told)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
