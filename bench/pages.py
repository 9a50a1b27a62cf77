"""Pages under load: what open boards cost, how soon they move, and a board of 1,000 stories.

`make bench ARGS=pages`. 200 boards are as many as a process keeps open: twenty of each of ten tenants, with the demo's
twelve stories each. The board of 1,000 stories is asked for over HTTP, by a session of its user, and opened in Chromium
without anything in its cache: it is interactive when its scripts have run and no task of the page is longer than 50 ms
any more.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any

import httpx2
import psutil
from msgspec import Struct

from bench.live import Live, Tenant, live
from bench.table import at_most, told
from bench.transition_load import Task
from tests.support.browser import browser_page

TENANTS, BOARDS_EACH, STORIES_EACH, LARGE = 10, 20, 12, 1_000
IDLE_SECONDS, BUSY_SECONDS = 5.0, 10.0
CHANGES_PER_SECOND = 10
"""Over all tenants, each of which changes once a second."""
REPETITIONS = 9
INTERACTIVE = """new Promise((done) => {
  const tasks = [];
  new PerformanceObserver((found) => tasks.push(...found.getEntries())).observe({ type: "longtask", buffered: true });
  setTimeout(() => {
    const { domContentLoadedEventEnd } = performance.getEntriesByType("navigation")[0];
    done(Math.max(domContentLoadedEventEnd, ...tasks.map((each) => each.startTime + each.duration)));
  }, 1000);
})"""
"""Milliseconds since the navigation began."""
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


class Board(Struct):
    """One open window. ``moved_at`` is when each picture came, by the clock of this process."""

    tenant: int
    moved_at: list[float]
    moving: asyncio.Event


def main(_: Sequence[str]) -> int:
    with live() as service:
        large(service)
        asyncio.run(open_boards(service))
    return 0


def large(service: Live) -> None:
    tenant = service.tenant(1)
    tenant.stories(LARGE)
    path = "/app/projects/p-1/board"
    sent = {"Cookie": cookie_of(service, tenant.raw_key), "Accept": "text/html"}
    with httpx2.Client(base_url=service.run.address, timeout=60, trust_env=False, headers=sent) as browser:
        browser.get(path)
        cpu, seconds = service.api.cpu_times(), []
        for _ in range(REPETITIONS):
            began = time.perf_counter()
            answer = browser.get(path)
            seconds.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
        cost = used(service.api, cpu) / REPETITIONS
    assert answer.text.count("story-card") >= LARGE
    told(f"a board of {LARGE:,} stories", f"{len(answer.content):,} bytes")
    at_most("… on the server, ms of processor time", cost * 1000, 200)
    at_most("… over HTTP, median ms", statistics.median(seconds) * 1000, 200)
    answers = asyncio.run(interactive(service.port, sent["Cookie"], path))
    at_most("… until it is interactive in Chromium, median ms", statistics.median(answers), 1000)
    told("… the slowest of all, ms", f"{max(answers):,.0f}")


async def interactive(port: int, cookie: str, path: str) -> Sequence[float]:
    address, (name, _, value) = f"http://localhost:{port}", cookie.partition("=")
    async with browser_page() as page:
        await page.call("Network.enable")
        await page.call("Network.setCacheDisabled", cacheDisabled=True)
        await page.call("Network.setCookie", name=name, value=value, url=address)
        found = []
        for _ in range(REPETITIONS):
            await page.open("about:blank")
            await page.open(address + path)
            found.append(float(await page.evaluate(INTERACTIVE)))
        assert await page.evaluate("document.querySelectorAll('.story-card').length") >= LARGE
    return found


async def open_boards(service: Live) -> None:
    tenants = [await asyncio.to_thread(service.tenant, 1) for _ in range(TENANTS)]
    tasks = [await asyncio.to_thread(tenant.stories, STORIES_EACH) for tenant in tenants]
    boards = [Board(number % TENANTS, [], asyncio.Event()) for number in range(TENANTS * BOARDS_EACH)]
    cookies = [[cookie_of(service, key) for key in keys_of(tenant)] for tenant in tenants]
    looking = [
        asyncio.create_task(look(service.port, cookies[board.tenant][place // TENANTS % 2], board))
        for place, board in enumerate(boards)
    ]
    for board in boards:
        await board.moving.wait()
    before = service.api.cpu_times()
    await asyncio.sleep(IDLE_SECONDS)
    at_most(f"{len(boards)} open boards at rest, % of a core", used(service.api, before) / IDLE_SECONDS * 100, 15)
    late, before, began, changes = list[float](), service.api.cpu_times(), time.monotonic(), 0
    while time.monotonic() - began < BUSY_SECONDS:
        of = changes % TENANTS
        late += await moved(tenants[of], tasks[of][changes // TENANTS], [each for each in boards if each.tenant == of])
        changes += 1
        await asyncio.sleep(max(began + changes / CHANGES_PER_SECOND - time.monotonic(), 0))
    share = used(service.api, before) / (time.monotonic() - began) * 100
    for each in looking:
        each.cancel()
    told("changes, their own cost included", f"{changes} in {BUSY_SECONDS:g} s, {len(late)} boards moved")
    at_most(f"{len(boards)} open boards while work goes on, % of a core", share, 15)
    at_most("a board has moved after the commit, median s", statistics.median(late), 1)
    at_most("… the last of all, s", max(late), 1)


async def moved(tenant: Tenant, task: Task, boards: Sequence[Board]) -> list[float]:
    """Seconds from the answer until each has another picture; those that had it before the answer came: 0."""
    counts = [len(board.moved_at) for board in boards]
    for board in boards:
        board.moving.clear()
    body = {"story_title": task.title, "ac_count": task.ac_count}
    await asyncio.to_thread(tenant.live.send, tenant.agents[0], "POST", f"/stories/{task.id}/contract", body)
    answered = time.monotonic()
    async with asyncio.timeout(60):
        for board in boards:
            await board.moving.wait()
    pairs = zip(boards, counts, strict=True)
    return [max(board.moved_at[count] - answered, 0.0) for board, count in pairs]


async def look(port: int, cookie: str, board: Board) -> None:
    """A window: notes when each picture has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = f"GET /app/projects/p-1/board/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
    writer.write(asked.encode())
    while line := await reader.readline():
        if line == b"event: board\n":
            board.moved_at.append(time.monotonic())
            board.moving.set()
    raise RuntimeError("A board was closed")


def keys_of(tenant: Tenant) -> Sequence[str]:
    """Two: of one key fewer windows may be open."""
    made = tenant.live.send(tenant.raw_key, "POST", "/api_keys", {"name": "second", "role": "user"})
    return tenant.raw_key, made["api_key"]["raw_key"]


def cookie_of(service: Live, raw_key: str) -> str:
    with httpx2.Client(base_url=service.run.address, timeout=60, trust_env=False) as browser:
        answer = browser.post("/login/key", content=f"api_key={raw_key}&next=/app", headers=FORM)
        assert answer.status_code == 303, answer.text
        return answer.headers["set-cookie"].partition(";")[0]


def used(process: psutil.Process, before: Any) -> float:
    """Seconds of processor time since."""
    now = process.cpu_times()
    return float(now.user + now.system - before.user - before.system)
