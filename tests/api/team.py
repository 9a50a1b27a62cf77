"""A tenant's team as the guide sets it up: a user, implementers, a reviewer, an orchestrator, each with a key."""

import secrets
from functools import partial
from typing import Any
from uuid import uuid4

from msgspec import Struct

from domain.api_key import ALPHABET, complete_key, shown_prefix
from domain.event import Stream
from domain.key import ApiKeyCreated, KeyRole
from eventstore.callers.callers import store_key_hash
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Writer
from tests.api.logs import NOON, PEPPERS, Service
from tests.api.work import Client, client


class Team(Struct, frozen=True):
    user: Client
    implementer: Client
    other: Client
    reviewer: Client
    lead: Client
    """The orchestrator's agent with its own key."""
    orchestrator: Client
    agents: dict[str, str]
    """Ids of the agents, by name."""


async def team(service: Service) -> Team:
    user = await client(service)
    agents: dict[str, str] = {}
    # Of a type that may have an orchestrator's key as well, so that what one agent may not do is tried with both.
    names = ("implementer", "other", "reviewer")
    workers = {name: await worker(user, name, agents, "orchestrator") for name in names}
    lead = await worker(user, "lead", agents, "orchestrator")
    orchestrator = await key(user, "orchestrator", agents["lead"])
    return Team(user=user, lead=lead, orchestrator=orchestrator, agents=agents, **workers)


async def key(user: Client, role: str, agent_id: str | None = None) -> Client:
    body: dict[str, Any] = {"name": f"{role}-key", "role": role}
    answer = await user.post("/api_keys", {**body, **({"agent_id": agent_id} if agent_id else {})})
    assert answer.status == 201, answer.body
    return Client(user.service, user.tenant, answer.json()["api_key"]["raw_key"])


async def older_key(user: Client, role: KeyRole, agent_id: str | None = None) -> Client:
    """As older logs have them: of a role that its agent has no claim to, or of no agent."""
    stream = Stream("api_key", uuid4())
    raw = complete_key("".join(secrets.choice(ALPHABET) for _ in range(34)))
    made = ApiKeyCreated(name=f"{role}-key", role=role, key_prefix=shown_prefix(raw), agent_id=agent_id)
    command = Command(
        origin=Origin(actor=("test",), at=NOON, refuse=lambda _: Reply(422, b"")), needs=(), streams=(stream,),
        decide=lambda _: [Change(stream, made)], answer=lambda *_: None,
        beside=partial(store_key_hash, key_id=stream.id, pepper=PEPPERS[0], raw_key=raw),
    )  # fmt: skip
    await Writer(user.service.store).submit(user.tenant, command)
    return Client(user.service, user.tenant, raw)


async def rotate(user: Client, old: Client) -> Client:
    """The key that takes the old one's place; both are good for a while."""
    known = (await old.get("/tenants/me")).json()["api_key"]["id"]
    answer = await user.post(f"/api_keys/{known}/rotate")
    assert answer.status < 300, answer.body
    return Client(old.service, old.tenant, answer.json()["new_key"]["raw_key"])


async def worker(user: Client, name: str, agents: dict[str, str], agent_type: str = "implementer") -> Client:
    made = await key(user, "agent")
    answer = await made.post("/agents/register", {"name": name, "agent_type": agent_type})
    assert answer.status == 201, answer.body
    agents[name] = answer.json()["agent"]["id"]
    return made


class Work(Struct, frozen=True):
    """A project with one epic and some stories, and who is on it."""

    team: Team
    project: str
    epic: str
    stories: dict[str, str]
    """Ids by number."""

    async def do(self, who: Client, number: str, action: str, body: Any = None, **headers: str) -> Any:
        return await who.post(f"/stories/{self.stories[number]}/{action}", body, **headers)

    async def works(self, who: Client, number: str) -> None:
        """Contract, claim, start, request-review."""
        story = (await self.team.user.get(f"/stories/{self.stories[number]}")).json()["story"]
        echo = {"story_title": story["title"], "ac_count": story["ac_count"]}
        for action, body in (("contract", echo), ("claim", None), ("start", None), ("request-review", None)):
            answer = await self.do(who, number, action, body)
            assert answer.status == 200, answer.body

    async def reviews(self, who: Client, number: str) -> None:
        """Report and review."""
        answer = await self.do(who, number, "report")
        assert answer.status == 200, answer.body
        answer = await self.do(who, number, "review-complete", {"review_type": "team"})
        assert answer.status == 201, answer.body

    async def verifies(self, number: str) -> None:
        answer = await self.do(self.team.orchestrator, number, "verify", {"review_type": "team", "summary": "ok"})
        assert answer.status == 202, answer.body

    async def status(self, number: str) -> tuple[str, str]:
        story = (await self.team.user.get(f"/stories/{self.stories[number]}")).json()["story"]
        return story["agent_status"], story["verified_status"]


CRITERIA = [{"criterion": "It works"}, {"criterion": "It is tested"}]


async def work(service: Service, *numbers: str) -> Work:
    people = await team(service)
    project = await people.user.project()
    epic = await people.user.epic(project)
    stories = {
        number: await people.user.story(epic, number, acceptance_criteria=CRITERIA) for number in numbers or ("1.1",)
    }
    return Work(people, project, epic, stories)
