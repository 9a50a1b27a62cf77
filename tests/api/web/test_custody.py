"""The custody pages: the log to look through, and a real browser that checks what it is shown."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from api.web.inclusion import ladder, siblings
from loopctl.tlog.plan import prove_inclusion
from tests.api.asgi import Answer, ask
from tests.api.logs import Service
from tests.api.verify.test_page import HOSTILE
from tests.api.web.world import running, sign_in
from tests.api.work import Client, client
from tests.loopctl.tlog.samples import Reference, some_leaves
from tests.support.browser import Page, browser_page
from tests.support.database import copied_database

RESULT = "document.getElementById('verify-result')"
VERDICT = f"{RESULT}.dataset.verdict"


class Looking(Struct, frozen=True):
    address: str
    service: Service
    user: Client
    cookie: str

    async def page(self, path: str, cookie: str | None = None) -> Answer:
        sent = {"Accept": "text/html", "Cookie": self.cookie if cookie is None else cookie}
        return await ask(self.service.app, f"/app/custody{path}", headers=sent)

    async def head_size(self) -> int:
        size: int = (await self.user.get(f"/audit/sth/{self.user.tenant}")).json()["data"]["size"]
        return size


@pytest.fixture(scope="module")
async def looking(postgres_admin_url: str, database_template: str) -> AsyncIterator[Looking]:
    async with copied_database(postgres_admin_url, database_template) as copied, running(copied) as (address, started):
        user = await client(started)
        looking = Looking(address, started, user, await sign_in(started, user.raw))
        assert (await looking.page("")).status == 200, "which has a head signed: an older one"
        epic = await user.epic(await user.project())
        for number in range(1, 6):
            await user.story(epic, f"1.{number}", title=f"{HOSTILE} {number}")
        yield looking


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
def test_the_way_of_every_entry_leads_to_the_root_with_every_hash_where_it_belongs(size: int) -> None:
    reference = Reference(some_leaves(size))
    for index in range(size):
        drawn = ladder(index, size, reference.leaves[index], prove_inclusion(reference.read, index, size))
        assert base64.b64decode(drawn.root) == reference.root(0, size)
        for rung in drawn.rungs:
            for box in (rung.box, *([rung.sibling] if rung.sibling else [])):
                assert base64.b64decode(box.hash) == reference.root(box.first, box.last + 1)
        assert [each.side for each in drawn.rungs[:-1]] == [side for side, _, _ in siblings(index, size)]


async def test_entries_are_listed_filtered_and_gone_to(looking: Looking) -> None:
    everything = (await looking.page("?format=json")).json()
    assert {each["entity_type"] for each in everything} >= {"story", "epic", "project"}
    stories = (await looking.page("?format=json&entity_type=story")).json()
    assert len(stories) == 5
    one = (await looking.page(f"?format=json&entity_id={stories[0]['entity_id']}")).json()
    assert [each["position"] for each in one] == [stories[0]["position"]]
    jumped = await looking.page("?position=3")
    assert (jumped.status, jumped.headers["location"]) == (303, "/app/custody/entries/3")
    assert b"No such entry" in (await looking.page("?action=nothing_like_this")).body
    assert b"&lt;svg/onload" in (await looking.page(f"/entries/{stories[0]['position']}")).body
    assert HOSTILE.encode() not in (await looking.page(f"/entries/{stories[0]['position']}")).body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/entries/100000", 404),
        ("/entries/x", 404),
        ("/entries/-1", 404),
        ("?entity_id=none", 422),
        ("?page=0", 422),
        ("/heads", 422),
        ("/heads?first=0&second=1", 422),
        ("/heads?first=3&second=2", 422),
        ("/heads?first=1&second=100000", 404),
    ],
)
async def test_what_there_is_not_is_said_on_a_page(looking: Looking, path: str, status: int) -> None:
    answer = await looking.page(path)
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


async def test_nobody_sees_another_tenants_log(looking: Looking) -> None:
    other = await client(looking.service)
    cookie = await sign_in(looking.service, other.raw)
    mine = await looking.head_size()
    assert (await looking.page(f"/entries/{mine - 1}", cookie)).status == 404
    assert (await looking.page("/export", cookie)).body != (await looking.page("/export")).body
    assert (await looking.page("", "")).status == 303, "without a session to the login"


async def test_of_one_head_there_is_nothing_to_compare(looking: Looking) -> None:
    """With a control: of two there is."""
    size = await looking.head_size()
    one = (await looking.page(f"/heads?first={size}&second={size}")).body
    two = (await looking.page(f"/heads?first=1&second={size}")).body
    assert [b"nothing to compare" in each for each in (one, two)] == [True, False]
    assert [b"verify-heads" in each for each in (one, two)] == [False, True]


@pytest.mark.slow
@pytest.mark.browser
async def test_a_browser_checks_an_entry_two_heads_and_everything(looking: Looking) -> None:
    """And finds what the server changed in what it shows: the entry's bytes, and a hash of a proof."""
    size = await looking.head_size()
    async with browser_page() as page:
        name, _, value = looking.cookie.partition("=")
        await page.call("Network.setCookie", name=name, value=value, url=looking.address)
        await page.open(f"{looking.address}/app/custody")
        assert await pressed(page, "verify-all") == "good"
        shown = await page.evaluate(f"{RESULT}.innerText")
        assert await page.evaluate("document.getElementById('head-root').textContent") in shown

        await page.open(f"{looking.address}/app/custody/entries/{size - 3}")
        assert await pressed(page, "verify-entry") == "good"
        assert await page.evaluate("document.querySelectorAll('.rung-own:not(.rung-checked)').length") == 0
        leaf = await page.evaluate("document.getElementById('entry-leaf').textContent")
        assert leaf in await page.evaluate(f"{RESULT}.innerText")
        await page.evaluate("document.getElementById('verify-entry').dataset.entry = btoa('another entry')")
        assert await pressed(page, "verify-entry", "good") == "bad"

        await page.open(f"{looking.address}/app/custody/heads?first=1&second={size}")
        assert await pressed(page, "verify-heads") == "good"
        await page.evaluate(
            f"document.getElementById('verify-heads').dataset.proof = '{base64.b64encode(bytes(32)).decode()}'"
        )
        assert await pressed(page, "verify-heads", "good") == "bad"
        assert page.errors == []
        assert all(each.startswith((looking.address, "data:")) for each in page.requested)


async def pressed(page: Page, name: str, before: str = "") -> Any:
    """The verdict that follows, which is another than the one ``before``."""
    await page.wait_for(f"!document.getElementById('{name}').hidden")
    await page.evaluate(f"document.getElementById('{name}').click()")
    return await page.wait_for(f"{VERDICT} !== '{before}' && {VERDICT}")
