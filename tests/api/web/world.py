"""A service that a browser can look at, with a tenant that has something on every page."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

from msgspec import Struct

from api.http.exchange import ENDLESS
from config.settings import Settings
from tests.api.asgi import ask
from tests.api.logs import Service, noon, service
from tests.api.served import served
from tests.api.superadmins import superadmin
from tests.api.team import Team, team
from tests.api.work import Client
from tests.support.browser import Page
from tests.support.database import TestDatabase

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
SHOWN = (3, 7, 8)
"""Stories of which a page is looked at: in work, verified, rejected."""
MOST_PROJECTS = 45
"""A tenant may have 50."""
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

        endless = scope["extensions"][ENDLESS]  # that who does not speak any more does not listen either

        def endless_there() -> None:
            servers.call_soon_threadsafe(endless)

        asking = self.app({**scope, "extensions": {ENDLESS: endless_there}}, receive_there, send_there)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, self._loop))


class World(Struct, frozen=True):
    """``address`` is what a browser opens; ``paths`` are the pages of its tenant, ``operating`` superadmins'."""

    address: str
    service: Service
    team: Team
    root: str
    """A superadmin's key."""
    stories: Sequence[str]
    paths: Sequence[str]
    operating: Sequence[str]


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
    """``texts`` stand wherever people or agents may write something: each in every short field that a list shows, and
    all of them in every long one."""
    async with running(database) as (address, started):
        people, whole = await team(started), " ".join(texts)
        await people.user.patch("/tenants/me", {"name": texts[0][:120]})
        project = await people.user.project("my-app", mission=whole[:2000], description=whole)
        epic = await people.user.epic(project, title=texts[2], description=whole)
        stories = [await _story(people.user, epic, place, text, whole) for place, text in enumerate(texts)]
        await _stand(people, stories, whole)
        for number, text in enumerate(texts):
            if number < MOST_PROJECTS:
                await people.user.project(f"other-{number}", name=text)
            await _agent(people.user, text, stories[number])
        webhook, delivery = await _webhook(people.user)
        articles = [await _article(people.user, text, whole) for text in texts]
        _, root = await superadmin(database, texts[1])
        size = (await people.user.get(f"/audit/sth/{people.user.tenant}")).json()["data"]["size"]
        made = (await people.user.get(f"/stories/{stories[0]}/history")).json()["data"][0]["position"]
        paths = (
            "", "/inbox", "/costs", "/agents", "/knowledge", "/knowledge?status=draft",
            f"/knowledge/{articles[0]}", "/webhooks", f"/webhooks/{webhook}",
            f"/webhooks/{webhook}/deliveries/{delivery}", "/settings", "/custody",
            f"/custody/entries/{made}", f"/custody/heads?first=1&second={size}", "/projects/my-app/board",
            "/projects/my-app/graph", *(f"/stories/{stories[place]}" for place in SHOWN if place < len(stories)),
            f"/stories/{stories[0]}?at={made}",
        )  # fmt: skip
        operating = ("/app/admin", f"/app/admin/tenants/{people.user.tenant}")
        yield World(address, started, people, root, stories, [f"/app{path}" for path in paths], operating)


async def _story(user: Client, epic: str, place: int, text: str, whole: str) -> str:
    criteria = [{"id": "AC-1", "criterion": text}, {"criterion": whole[:2000]}]
    return await user.story(epic, f"1.{place + 1}", title=text, description=whole, acceptance_criteria=criteria)


async def _article(user: Client, text: str, whole: str) -> str:
    made = await user.post("/articles", {"title": text, "body": whole, "category": "finding"})
    assert made.status == 201, made.body
    found: str = made.json()["data"]["id"]
    return found


async def _agent(user: Client, text: str, story: str) -> None:
    """With a key and a skill of that name too, and what its work on the story has cost by a model of that name."""
    made = await user.post("/api_keys", {"name": text, "role": "agent"})
    own = Client(user.service, user.tenant, made.json()["api_key"]["raw_key"])
    assert (await own.post("/agents/register", {"name": text, "agent_type": "implementer"})).status == 201
    skill = (await user.post("/skills", {"name": text, "prompt_text": text})).json()["skill"]["id"]
    version = (await user.get(f"/skills/{skill}/versions")).json()["data"][0]["id"]
    usage = {"story_id": story, "model_name": text, "phase": "other", "input_tokens": 1, "output_tokens": 1,
             "cost_millicents": 1_000, "skill_version_id": version}  # fmt: skip
    reported = await own.post("/token-usage", usage)
    assert reported.status == 201, reported.body


async def _stand(people: Team, stories: Sequence[str], whole: str) -> None:
    """One story at each step of its way, the next one rejected, the others contracted; and half of them in a chain,
    which wait for each other instead of for somebody."""
    for place, story in enumerate(stories):
        for step in STEPS[1 : place + 1] if place < len(STEPS) else STEPS[1:2]:
            await _step(people, story, step, whole)
    if len(stories) > len(STEPS):
        for step in STEPS[2:-1]:
            await _step(people, stories[len(STEPS)], step, whole)
        assert (
            await people.orchestrator.post(f"/stories/{stories[len(STEPS)]}/reject", {"reason": whole})
        ).status == 200
        refused = await people.implementer.post(f"/stories/{stories[4]}/report")
        assert refused.status == 409, refused.body
    for story, before in pairwise(stories[: max(len(stories) // 2, 2)]):
        body = {"story_id": before, "depends_on_story_id": story}
        assert (await people.user.post("/story_dependencies", body)).status == 201


async def _step(people: Team, story: str, step: str, whole: str) -> None:
    shown = await people.user.shown(story)
    who = {"report": people.other, "review-complete": people.reviewer, "verify": people.orchestrator}
    said = {
        "contract": {"story_title": shown["title"], "ac_count": shown["ac_count"]},
        "report": {"artifact": {"artifact_type": "test", "path": shown["title"]}},
        "review-complete": {"review_type": "team", "summary": whole},
        "verify": {"review_type": "team", "summary": whole},
    }
    answer = await who.get(step, people.implementer).post(f"/stories/{story}/{step}", said.get(step))
    assert answer.status < 300, (step, answer.body)


async def _webhook(user: Client) -> tuple[str, str]:
    """Its id, and that of a delivery."""
    made = await user.post("/webhooks", {"url": "https://hooks.example.com/x", "events": ["story.verified"]})
    assert made.status == 201, made.body
    found: str = made.json()["webhook"]["id"]
    assert (await user.post(f"/webhooks/{found}/test", {})).status == 200
    return found, (await user.get(f"/webhooks/{found}/deliveries")).json()["data"][0]["id"]


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
