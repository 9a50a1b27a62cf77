"""A tenant of the custody machine over HTTP: its callers, and what there is for them to ask about."""

import random
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct, field, structs

from bench.custody_heads import Heads
from bench.custody_model import Person
from tests.api.logs import Service
from tests.api.team import key, older_key, rotate, worker
from tests.api.work import Client, client

LEAST_STORIES, MOST_STORIES = 5, 9
MOST_OF_OTHERS = 3
MOST_MINTED = 4


class Shown(Struct, frozen=True):
    """A row of app.story: what changes are found by, and what a likely next request follows from."""

    tenant_id: UUID
    agent_status: str
    verified_status: str
    assigned_agent_id: UUID | None
    title: str
    ac_count: int
    number: str
    criteria_hash: str = ""
    """Of title and criteria; not known before it is first read."""
    from_before: bool = False
    """Its metadata say so."""
    verifier_dispatch_id: UUID | None = None


class Beginning(Client, frozen=True):
    """Says that it has seen no head yet, unless a request says something else."""

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "X-Loopctl-STH-Bootstrap": "true"}


def beginning(client: Client) -> Beginning:
    return Beginning(client.service, client.tenant, client.raw)


class Impersonating(Client, frozen=True):
    """``raw`` is a superadmin's key; ``role`` the one that it takes in the tenant."""

    role: str

    def headers(self) -> dict[str, str]:
        inside = {"X-Impersonate-Tenant": str(self.tenant), "X-Effective-Role": self.role}
        return {**super().headers(), **inside}


class Caller(Struct):
    person: Person
    client: Client
    minted: bool = False
    """Its key was made by one of the requests."""


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
    agent_types: dict[str, str] = field(default_factory=dict)
    dispatches: list[str] = field(default_factory=list)
    capabilities: dict[tuple[str, str], str] = field(default_factory=dict)
    """The newest of each story and kind, whoever has it."""
    ended: set[UUID] = field(default_factory=set)
    """Links of chains, keys or dispatches, whose callers are nobody any more."""
    people: dict[UUID, Person] = field(default_factory=dict)
    """By dispatch."""
    stories: dict[str, Shown] = field(default_factory=dict)
    settings: Mapping[str, Any] = {}
    """As far as they were set."""
    heads: Heads = field(default_factory=Heads)
    halted: bool = False
    size: int = 0
    """Of the log."""
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
        if not self.halted and all(each.person.agent for each in self.callers if each.person.role == "agent"):
            await self._add_caller_without_agent()

    def minted(self, minter: Person, made: Mapping[str, Any], replaces: str | None) -> Person:
        """Who has the new key, and asks with it from now on. Of a rotated key it is whoever has the old one."""
        id_, agent = UUID(made["id"]), made["agent_id"]
        person = Person(
            f"{made['role']} by {minter.name}"[:60], made["role"], UUID(agent) if agent else None, (id_,),
            agent_type=self.agent_types.get(agent), outside=minter.outside,
        )  # fmt: skip
        for each in self.callers:
            if str(each.person.chain[-1]) == replaces:
                person = structs.replace(each.person.rotated(id_), outside=person.outside or each.person.outside)
        client = Beginning(self.human.service, self.tenant, made["raw_key"])
        self._asks(Caller(person, client, minted=True))
        return person

    def dispatched(self, minter: Person, made: Mapping[str, Any]) -> Person:
        """Who has the key of a new dispatch, and asks with it from now on."""
        dispatch, raw = made["dispatch"], made["api_key"]["raw_key"]
        parent = next(
            (each.person for each in self.callers if str(each.person.chain[-1]) == dispatch["parent_dispatch_id"]), None
        )
        above = parent or (None if minter.role == "user" else minter)
        agents = (*above.above, *((above.agent,) if above.agent else ())) if above else ()
        agent = dispatch["agent_id"]
        person = Person(
            f"{dispatch['role']} dispatched by {minter.name}"[:60], dispatch["role"], UUID(agent) if agent else None,
            tuple(map(UUID, dispatch["lineage_path"])), agent_type=self.agent_types.get(agent), outside=minter.outside,
            above=agents, by_person=dispatch["human_root"], by_key=False,
        )  # fmt: skip
        self._asks(Caller(person, Beginning(self.human.service, self.tenant, raw), minted=True))
        self.people[person.chain[-1]] = person
        self.dispatches = [*self.dispatches, dispatch["id"]][-MOST_OF_OTHERS:]
        return person

    def _asks(self, caller: Caller) -> None:
        """In the place of the oldest of those whose keys were made by a request."""
        there = [each for each in self.callers if each.minted]
        for each in there[: 1 + len(there) - MOST_MINTED]:
            self.callers.remove(each)
        self.callers.append(caller)

    async def rotate(self, caller: Caller) -> None:
        """Another key in the place of the caller's, which is good no longer."""
        person = caller.person
        older = person.role == "orchestrator" and person.agent_type != "orchestrator"
        if caller.minted or older or person.outside or not person.by_key or self.halted:
            return
        old = caller.client
        key_id = await _key_id(old)
        caller.client = beginning(await rotate(self.human, old))
        if old is self.human:
            self.human = caller.client
        caller.person = caller.person.rotated(await _key_id(caller.client))
        await self._remove(f"/api_keys/{key_id}")

    async def _add_story(self) -> None:
        number = self.next_number()
        title = f"Story {number}"
        story = await self.human.story(self.epics[-1], story_number(number), title=title)
        self.stories[story] = Shown(self.tenant, "pending", "unverified", None, title, 0, story_number(number))

    async def _add_caller_without_agent(self) -> None:
        """In the place of the one that has registered an agent in the meantime."""
        known = next(each for each in self.callers if each.person.name == NAMELESS)
        known.client = beginning(await key(self.human, "agent"))
        key_id = await _key_id(known.client)
        known.person = structs.replace(known.person, agent=None, agent_type=None, chain=(key_id,), first=None)

    async def _remove(self, path: str) -> None:
        answer = await self.human.delete(path)
        assert answer.status in (200, 204, 404, 409, 422), answer.body


NAMELESS = "key without agent"


async def _key_id(client: Client) -> UUID:
    return UUID((await client.get("/tenants/me")).json()["api_key"]["id"])


def story_number(number: int) -> str:
    return f"{number // 10_000}.{number % 10_000}"


async def team(service: Service, root: str) -> Team:
    """Agents of both types, orchestrators, one who holds both roles, a human, keys without an agent; keys as older logs
    have them; and a superadmin in the tenant's name, whose key is ``root``."""
    human = await client(service)
    agents: dict[str, str] = {}
    types = {"ann": "orchestrator", "lea": "orchestrator", "leo": "orchestrator"}
    callers = []
    for name in ("ann", "ben", "cid", "dan", "lea", "leo"):
        as_agent = await worker(human, name, agents, types.get(name, "implementer"))
        callers.append(Caller(person(f"{name} as agent", "agent"), as_agent))
    for name in types:
        as_lead = await key(human, "orchestrator", agents[name])
        callers.append(Caller(person(f"{name} as lead", "orchestrator"), as_lead))
    older = await older_key(human, "orchestrator", agents["ben"])
    callers.append(Caller(person("ben as lead", "orchestrator"), older))
    callers.append(Caller(person("lead without agent", "orchestrator"), await older_key(human, "orchestrator")))
    callers.append(Caller(person(NAMELESS, "agent"), await key(human, "agent")))
    callers.append(Caller(person("human", "user"), human))
    for each in callers:
        name = each.person.name.partition(" as ")[0]
        if name in agents:
            kind = types.get(name, "implementer")
            each.person = structs.replace(each.person, agent=UUID(agents[name]), agent_type=kind)
    for each in callers:
        each.person = structs.replace(each.person, chain=(await _key_id(each.client),))
    for role in ("agent", "orchestrator", "user"):
        outside = structs.replace(person(f"superadmin as {role}", role), outside=True)
        callers.append(Caller(outside, Impersonating(service, human.tenant, root, role)))
    await _free(human, agents)
    agent_types = {id_: FREE.get(name) or types.get(name, "implementer") for name, id_ in agents.items()}
    for each in callers:
        if not each.person.outside:
            each.client = beginning(each.client)
    human = next(each.client for each in callers if each.person.name == "human")
    made = Team(human.tenant, human, callers, agents=list(agents.values()), agent_types=agent_types)
    await _dispatch(made, agents)
    await made.fill()
    return made


FREE = {"sam": "orchestrator", "wes": "implementer", "sib": "orchestrator", "kid": "implementer", "min": "orchestrator"}
"""Agents that have no long-lived key: a person's session, its worker, that worker's sibling and child; and whom one of
the agents has dispatched with its orchestrator's key."""


async def _free(human: Client, agents: dict[str, str]) -> None:
    for name, kind in FREE.items():
        own = await worker(human, name, agents, kind)
        key_id = await _key_id(own)
        assert (await human.delete(f"/api_keys/{key_id}")).status == 200


async def _dispatch(team: Team, agents: dict[str, str]) -> None:
    who = {each.person.name: each for each in team.callers}
    for minter, name, role, parent in (
        ("human", "sam", "orchestrator", ""), ("sam", "wes", "agent", ""), ("sam", "sib", "orchestrator", ""),
        ("human", "kid", "agent", "wes"), ("ann as lead", "min", "orchestrator", ""),
    ):  # fmt: skip
        above = {"parent_dispatch_id": str(who[parent].person.chain[-1])} if parent else {}
        body = {"role": role, "agent_id": agents[name], "expires_in_seconds": 14_400, **above}
        answer = await who[minter].client.post("/dispatches", body)
        assert answer.status == 201, answer.body
        team.dispatched(who[minter].person, answer.json()["data"])
        who[name] = caller = team.callers[-1]
        caller.minted = False
        team.dispatches.clear()  # those that requests revoke are others, so that these stay
        caller.person = structs.replace(caller.person, name=name)
        team.people[caller.person.chain[-1]] = caller.person


def person(name: str, role: str) -> Person:
    return Person(name, role, None, (uuid4(),))


def likely_caller(team: Team, story: Shown, action: str, chance: random.Random) -> Caller:
    """For what only the holder may do, mostly the holder; for what judges mostly an orchestrator, for keys and settings
    a user; and often one of those who were dispatched by each other."""
    holders = [each for each in team.callers if each.person.agent and each.person.agent == story.assigned_agent_id]
    if holders and action in HOLDERS and chance.random() < 0.8:
        return chance.choice(holders)
    users = [each for each in team.callers if each.person.role == "user"]
    if action in USERS and chance.random() < 0.7:
        return chance.choice(users)
    leads = [each for each in team.callers if each.person.role == "orchestrator"]
    if action in LEADS and chance.random() < 0.7:
        own = [each for each in leads if each in holders]
        return chance.choice(own if own and chance.random() < 0.3 else leads)
    related = [each for each in team.callers if not each.person.by_key]
    if related and chance.random() < 0.25:
        return chance.choice(related)
    over = [each for each in team.callers if team.ended & set(each.person.chain)]
    return chance.choice(over if over and chance.random() < 0.2 else team.callers)


HOLDERS = ("start", "start-work", "request-review", "heartbeat", "unclaim")
LEADS = (
    "verify",
    "reject",
    "verify-all",
    "mark-complete",
    "backfill",
    "force-unclaim",
    "verification-runs",
    "draw-verifier",
)
USERS = ("api_keys", "rotate", "me", "dispatches", "revoke", "clear-halt")
"""Ends of paths."""
