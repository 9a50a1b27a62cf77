"""A service that a browser can look at, with a tenant that has something on every page."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from msgspec import Struct

from config.settings import Settings
from tests.api.asgi import ask
from tests.api.logs import Service, noon, service
from tests.api.served import served
from tests.api.team import Team, team
from tests.api.work import Client
from tests.support.browser import Page
from tests.support.database import TestDatabase

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
STEPS = ("", "contract", "claim", "start", "request-review", "report", "review-complete", "verify")


class Relay:
    """The server has a loop of its own, and the database's connections belong to the test's: each message is passed on
    as it comes, so that streams are streams."""

    def __init__(self) -> None:
        self.app: Any = None
        self._loop = asyncio.get_running_loop()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        servers = asyncio.get_running_loop()

        async def receive_there() -> Any:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(receive(), servers))

        async def send_there(message: Any) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(send(message), servers))

        asking = self.app({**scope, "extensions": {}}, receive_there, send_there)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, self._loop))


class World(Struct, frozen=True):
    """``address`` is what a browser opens; ``paths`` are the pages of its tenant."""

    address: str
    service: Service
    team: Team
    stories: Sequence[str]
    paths: Sequence[str]


@asynccontextmanager
async def running(database: TestDatabase, clock: Callable[[], datetime] = noon) -> AsyncIterator[tuple[str, Service]]:
    relay = Relay()
    async with served(relay) as listening:
        address = f"http://localhost:{listening.port}"
        settings = Settings(webauthn_origins=address, signups_per_hour=100, development=True)
        async with service(database, settings=settings, utc_now=clock, parts={"now": clock}) as started:
            relay.app = started.app
            yield address, started


@asynccontextmanager
async def world(database: TestDatabase, texts: Sequence[str]) -> AsyncIterator[World]:
    """``texts`` stand in turn wherever people or agents may write something."""
    async with running(database) as (address, started):
        people = await team(started)
        project = await people.user.project("my-app", mission=texts[0], description=texts[1])
        epic = await people.user.epic(project, title=texts[2], description=texts[3])
        stories = [await _story(people.user, epic, place, text) for place, text in enumerate(texts)]
        await _stand(people, stories)
        webhook = await _webhook(people.user)
        fixed = ("", "/inbox", "/costs", "/agents", "/webhooks", f"/webhooks/{webhook}", "/settings")
        own = (
            "/projects/my-app/board",
            "/projects/my-app/graph",
            *(f"/stories/{each}" for each in stories[: len(STEPS)]),
        )
        yield World(address, started, people, stories, [f"/app{path}" for path in (*fixed, *own)])


async def _story(user: Client, epic: str, place: int, text: str) -> str:
    criteria = [{"id": "AC-1", "criterion": text}, {"criterion": f"{text} again"}]
    return await user.story(epic, f"1.{place + 1}", title=text, description=text, acceptance_criteria=criteria)


async def _stand(people: Team, stories: Sequence[str]) -> None:
    """One story at each step of its way, and one that waits for another."""
    for story, last in zip(stories, range(len(STEPS)), strict=False):
        for step in STEPS[1 : last + 1]:
            await _step(people, story, step)
    body = {"story_id": stories[0], "depends_on_story_id": stories[1]}
    assert (await people.user.post("/story_dependencies", body)).status == 201


async def _step(people: Team, story: str, step: str) -> None:
    shown = await people.user.shown(story)
    who = {"report": people.other, "review-complete": people.reviewer, "verify": people.orchestrator}
    said = {
        "contract": {"story_title": shown["title"], "ac_count": shown["ac_count"]},
        "report": {"artifact": {"artifact_type": "test", "path": shown["title"]}},
        "review-complete": {"review_type": "team", "summary": shown["title"]},
        "verify": {"review_type": "team", "summary": shown["title"]},
    }
    answer = await who.get(step, people.implementer).post(f"/stories/{story}/{step}", said.get(step))
    assert answer.status < 300, (step, answer.body)


async def _webhook(user: Client) -> str:
    made = await user.post("/webhooks", {"url": "https://hooks.example.com/x", "events": ["story.verified"]})
    assert made.status == 201, made.body
    found: str = made.json()["webhook"]["id"]
    assert (await user.post(f"/webhooks/{found}/test", {})).status == 200
    return found


async def signed_in(page: Page, address: str, cookie: str) -> None:
    """The browser, from its next request on."""
    name, _, value = cookie.partition("=")
    await page.call("Network.setCookie", name=name, value=value, url=address, httpOnly=True, sameSite="Strict")


async def sign_in(started: Service, raw: str, **headers: str) -> str:
    """With an API key: the cookie, as a browser sends it back."""
    body = f"api_key={raw}&next=/app".encode()
    answer = await ask(started.app, "/login/key", method="POST", headers={**FORM, **headers}, body=body)
    assert answer.status == 303, answer.body
    return answer.headers["set-cookie"].partition(";")[0]
