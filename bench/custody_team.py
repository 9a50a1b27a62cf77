"""A tenant of the custody machine over HTTP: its twelve callers, and what there is for them to ask about."""

import random
from uuid import UUID, uuid4

from msgspec import Struct, field, structs

from bench.custody_model import Person
from tests.api.logs import Service
from tests.api.team import key, rotate, worker
from tests.api.work import Client, client

LEAST_STORIES, MOST_STORIES = 5, 9
MOST_OF_OTHERS = 3


class Shown(Struct, frozen=True):
    """A row of app.story: what changes are found by, and what a likely next request follows from."""

    tenant_id: UUID
    agent_status: str
    verified_status: str
    assigned_agent_id: UUID | None
    title: str
    ac_count: int
    criteria_hash: str = ""
    """Of title and criteria; not known before it is first read."""


class Caller(Struct):
    person: Person
    client: Client


class Team(Struct):
    """``spare_keys`` are there to be rotated and revoked; ids are as the paths spell them."""

    tenant: UUID
    human: Client
    callers: list[Caller]
    projects: list[str] = field(default_factory=list)
    epics: list[str] = field(default_factory=list)
    story_dependencies: list[str] = field(default_factory=list)
    epic_dependencies: list[str] = field(default_factory=list)
    spare_keys: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    stories: dict[str, Shown] = field(default_factory=dict)
    numbers: int = 0

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    async def trim(self) -> bool:
        """Never so much that nobody meets. Whether anything went, and with it perhaps what hung on it."""
        crowd = list(self.stories)[: max(0, len(self.stories) - MOST_STORIES)]
        paths = [f"/stories/{story}" for story in crowd]
        for kind in ("story_dependencies", "epic_dependencies", "projects", "epics", "spare_keys"):
            ids: list[str] = getattr(self, kind)
            while len(ids) > MOST_OF_OTHERS:
                path = {"spare_keys": "api_keys"}.get(kind, kind)
                paths.append(f"/{path}/{ids.pop(0)}")
        for path in paths:
            await self._remove(path)
        return bool(paths)

    async def fill(self) -> None:
        """There is always something to ask about."""
        if not self.projects:
            self.projects.append(await self.human.project(f"p-{self.next_number()}"))
        if not self.epics:
            self.epics.append(await self.human.epic(self.projects[0], self.next_number()))
        while len(self.stories) < LEAST_STORIES:
            await self._add_story()
        if all(each.person.agent for each in self.callers if each.person.role == "agent"):
            await self._add_caller_without_agent()

    async def rotate(self, caller: Caller) -> None:
        """Another key in the place of the caller's, which is good no longer."""
        old = caller.client
        key_id = (await old.get("/tenants/me")).json()["api_key"]["id"]
        caller.client = await rotate(self.human, old)
        if old is self.human:
            self.human = caller.client
        caller.person = caller.person.rotated(uuid4())
        await self._remove(f"/api_keys/{key_id}")

    async def _add_story(self) -> None:
        number = self.next_number()
        title = f"Story {number}"
        story = await self.human.story(self.epics[-1], story_number(number), title=title)
        self.stories[story] = Shown(self.tenant, "pending", "unverified", None, title, 0)

    async def _add_caller_without_agent(self) -> None:
        """In the place of the one that has registered an agent in the meantime."""
        known = next(each for each in self.callers if each.person.name == NAMELESS)
        known.client = await key(self.human, "agent")
        known.person = structs.replace(known.person, agent=None, chain=(uuid4(),), first=None)

    async def _remove(self, path: str) -> None:
        answer = await self.human.delete(path)
        assert answer.status in (200, 204, 404, 409, 422), answer.body


NAMELESS = "key without agent"


def story_number(number: int) -> str:
    return f"{number // 10_000}.{number % 10_000}"


async def team(service: Service) -> Team:
    """Agents, orchestrators, one who holds both roles, a human, keys without an agent."""
    human = await client(service)
    agents: dict[str, str] = {}
    callers = [
        Caller(person(name, "agent"), await worker(human, name, agents)) for name in ("ann", "ben", "cid", "dan")
    ]
    for name in ("lea", "leo"):
        as_agent = await worker(human, name, agents, "orchestrator")
        callers.append(Caller(person(f"{name} as agent", "agent"), as_agent))
        callers.append(Caller(person(name, "orchestrator"), await key(human, "orchestrator", agents[name])))
    callers.append(Caller(person("ann as lead", "orchestrator"), await key(human, "orchestrator", agents["ann"])))
    callers.append(Caller(person("lead without agent", "orchestrator"), await key(human, "orchestrator")))
    callers.append(Caller(person(NAMELESS, "agent"), await key(human, "agent")))
    callers.append(Caller(person("human", "user"), human))
    for each in callers:
        registered = agents.get(each.person.name.partition(" as ")[0])
        each.person = structs.replace(each.person, agent=UUID(registered) if registered else None)
    made = Team(human.tenant, human, callers, agents=list(agents.values()))
    await made.fill()
    return made


def person(name: str, role: str) -> Person:
    return Person(name, role, None, (uuid4(),))


def likely_caller(team: Team, story: Shown, action: str, chance: random.Random) -> Caller:
    """For what only the holder may do, mostly the holder."""
    holders = [each for each in team.callers if each.person.agent and each.person.agent == story.assigned_agent_id]
    if holders and action in HOLDERS and chance.random() < 0.8:
        return chance.choice(holders)
    return chance.choice(team.callers)


HOLDERS = ("start", "start-work", "request-review", "heartbeat", "unclaim")
