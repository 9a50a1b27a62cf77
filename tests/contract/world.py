"""Two tenants with everything in them that a route can be asked about, made when it is asked for."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct, field

from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import Service, call
from tests.api.superadmins import superadmin
from tests.api.team import Team, key, older_key, team, worker
from tests.api.touching import Person, person
from tests.api.work import Client, client
from tests.contract.capped import CAPPED, dispatched, freed
from tests.contract.costing import Costing
from tests.contract.erasing import Erasing
from tests.contract.evidencing import Evidencing
from tests.contract.hooked import Hooking, limited
from tests.contract.knowing import Knowing
from tests.contract.recovering import Recovering
from tests.contract.routes import ROUTES, RUN, Route
from tests.contract.signing import Signing
from tests.contract.skilled import Skilling
from tests.support.authenticator import b64
from tests.support.database import TestDatabase

CRITERIA = [{"id": "AC-1", "description": "It works"}]
ECHO = {"story_title": "A story", "ac_count": 1}
JUDGEMENT = {"review_type": "team", "summary": "all seen"}
STRICT = {"require_distinct_verifier": True, "verification_gate": True}
GENEROUS = {
    "max_api_keys": 10_000, "max_projects": 10_000, "max_webhooks": 1000, "rate_limit_requests_per_minute": 100_000
}  # fmt: skip

STEPS: Mapping[str, tuple[str, str, str, Any]] = {
    "contracted": ("story", "implementer", "contract", ECHO),
    "claimed": ("contracted", "implementer", "claim", {}),
    "implementing": ("claimed", "implementer", "start", {}),
    "asked": ("implementing", "implementer", "request-review", {}),
    "drawn": ("asked", "orchestrator", "draw-verifier", {}),
    "reported": ("implementing", "other", "report", {}),
    "run_reported": ("reported", "orchestrator", "verification-runs", RUN),
    "reviewed": ("run_reported", "reviewer", "review-complete", {"review_type": "team"}),
    "never_run": ("reported", "reviewer", "review-complete", {"review_type": "team"}),
    "self_reviewed": ("reported", "orchestrator", "review-complete", {"review_type": "team"}),
    "verified": ("reviewed", "orchestrator", "verify", JUDGEMENT),
    "rejected": ("reviewed", "orchestrator", "reject", {"reason": "no"}),
    "contracted_dispatched": ("story", "dispatched", "contract", ECHO),
    "claimed_dispatched": ("contracted_dispatched", "dispatched", "claim", {}),
}
"""A story's states: from which other, by whom, by what."""

USED_ONCE = (
    "$attested", "$touched", "$enrolment", "$used", "$crowded", "$full", "$cancelling", "$link", "$linked",
    "$linked_used", "$root_enrolment", "$root_enrolled", "$root_used", "$unrooted",
)  # fmt: skip
"""What a browser brought back of a security key: no ids."""

VALUES = ("$number", "$name", "$integer", "$email", "$signed_note")
"""Placeholders that are new values, and no ids."""


class Side(Struct, Signing, Recovering, Hooking, Erasing, Costing, Skilling, Knowing, Evidencing):
    """A tenant. Each ``$kind`` is a new thing of that kind, except for ``$project``, ``$epic`` and ``$tenant``."""

    database: TestDatabase
    team: Team
    root: Client
    """A superadmin, by itself."""
    others: dict[str, Client]
    project: str
    epic: str
    persons: dict[str, Person]
    numbers: Any = field(default_factory=lambda: count(2))

    def caller(self, name: str) -> Client:
        return self.root if name == "root" else self.others.get(name) or getattr(self.team, name)

    async def make(self, kind: str) -> Any:
        """An id, several, or a value."""
        if kind in STEPS:
            return await self._step(kind)
        if kind in CAPPED:
            return await CAPPED[kind](self)
        return await getattr(self, f"make_{kind}")()

    async def _step(self, kind: str) -> str:
        before, who, name, body = STEPS[kind]
        story: str = await self.make(before)
        await done(self.caller(who).post(f"/stories/{story}/{name}", body))
        return story

    async def make_run(self) -> str:
        story = await self.make("reported")
        answer = await self.caller("orchestrator").post(f"/stories/{story}/verification-runs", RUN)
        assert answer.status == 201, answer.body
        return str(answer.json()["verification_run"]["id"])

    async def make_violator(self) -> str:
        """Of somebody who tried to report their own work."""
        story = await self.make("implementing")
        assert (await self.team.implementer.post(f"/stories/{story}/report", {})).status == 409
        newest = (await self.root.get(f"/admin/violators?tenant_id={self.team.user.tenant}")).json()["data"][0]
        return str(newest["id"])

    async def make_number(self) -> str:
        return f"1.{next(self.numbers)}"

    async def make_name(self) -> str:
        return f"name-{next(self.numbers)}"

    async def make_integer(self) -> int:
        number: int = next(self.numbers)
        return number

    async def make_slug(self) -> str:
        """Of another tenant."""
        found: str = (await self.team.user.get("/tenants/me")).json()["tenant"]["slug"]
        return found

    async def make_taken_email(self) -> str:
        address = await self.make_email()
        await done(self.team.user.patch("/tenants/me", {"email": address}))
        return address

    async def make_project(self) -> str:
        return self.project

    async def make_epic(self) -> str:
        return self.epic

    async def make_tenant(self) -> str:
        return str(self.team.user.tenant)

    async def make_new_project(self) -> str:
        return await self.team.user.project(await self.make_name())

    async def make_full_project(self) -> str:
        """It has an epic with the number 1."""
        project = await self.make_new_project()
        await self.team.user.epic(project)
        return project

    async def make_saved_project(self) -> str:
        """It has a checkpoint."""
        project = await self.make_new_project()
        await done(self.team.orchestrator.send("PUT", f"/orchestrator/state/{project}", {"state_data": {}}))
        return project

    async def make_ready_project(self) -> str:
        project = await self.make_new_project()
        await self.team.user.story(await self.team.user.epic(project))
        return project

    async def make_new_epic(self) -> str:
        return await self.team.user.epic(self.project, next(self.numbers))

    async def make_story(self, epic: str | None = None) -> str:
        number = await self.make_number()
        return await self.team.user.story(epic or self.epic, number, title="A story", acceptance_criteria=CRITERIA)

    async def make_elsewhere_epic(self) -> str:
        return await self.team.user.epic(await self.make_new_project())

    async def make_elsewhere_story(self) -> str:
        return await self.make_story(await self.make_elsewhere_epic())

    async def make_waiting(self) -> str:
        """A contracted story that depends on one that is not verified."""
        story: str = await self.make("contracted")
        await self._edge("story", story, await self.make_story())
        return story

    async def make_changed(self) -> str:
        """A reviewed story whose title is no longer that of its contract."""
        story: str = await self.make("reviewed")
        await done(self.team.user.patch(f"/stories/{story}", {"title": "Another story"}))
        return story

    async def make_agent(self) -> str:
        return self.team.agents["other"]

    async def make_agent_unkeyed(self) -> str:
        """An agent whose key is revoked, so that it may have another."""
        agents: dict[str, str] = {}
        await worker(self.team.user, name := await self.make_name(), agents)
        keys = (await self.team.user.get("/api_keys?page_size=100")).json()["data"]
        held = next(each["id"] for each in keys if each["agent_id"] == agents[name])
        await done(self.team.user.delete(f"/api_keys/{held}"))
        return agents[name]

    async def make_key(self) -> str:
        made = await self.team.user.post("/api_keys", {"name": "k", "role": "agent"})
        found: str = made.json()["api_key"]["id"]
        return found

    async def make_dispatch(self) -> str:
        """One that a person made, without an agent."""
        made = await done(self.team.user.post("/dispatches", {"role": "agent"}))
        found: str = made.json()["data"]["dispatch"]["id"]
        return found

    async def make_revoked_dispatch(self) -> str:
        made = await self.make_dispatch()
        await done(self.team.user.post(f"/dispatches/{made}/revoke"))
        return made

    async def make_revoked_key(self) -> str:
        held = await self.make_key()
        await done(self.team.user.delete(f"/api_keys/{held}"))
        return held

    async def make_older_key(self) -> str:
        """An orchestrator's without an agent."""
        made = await older_key(self.team.user, "orchestrator")
        found: str = (await made.get("/tenants/me")).json()["api_key"]["id"]
        return found

    async def make_limited_key(self) -> str:
        """The one key of the tenant that may have no more."""
        found: str = (await self.others["limited"].get("/api_keys")).json()["data"][0]["id"]
        return found

    async def make_epic_dependency(self) -> str:
        return await self._edge("epic", await self.make_new_epic(), self.epic)

    async def make_story_dependency(self) -> str:
        return await self._edge("story", await self.make_story(), await self.make_story())

    async def make_epic_pair(self) -> tuple[str, str]:
        """The first depends on the second."""
        pair = await self.make_new_epic(), await self.make_new_epic()
        await self._edge("epic", *pair)
        return pair

    async def make_story_pair(self) -> tuple[str, str]:
        pair = await self.make_story(), await self.make_story()
        await self._edge("story", *pair)
        return pair

    async def make_deadlocked_stories(self) -> tuple[str, str]:
        """The first must not wait for the second, because the second's epic waits for the first's."""
        late, early = await self.make_epic_pair()
        return await self.make_story(early), await self.make_story(late)

    async def make_deadlocked_epics(self) -> tuple[str, str]:
        late, early = await self.make_new_epic(), await self.make_new_epic()
        await self._edge("story", await self.make_story(early), await self.make_story(late))
        return late, early

    async def make_new_tenant(self) -> str:
        return str((await client(self.root.service)).tenant)

    async def make_suspended_tenant(self) -> str:
        tenant = await self.make_new_tenant()
        await done(self.root.post(f"/admin/tenants/{tenant}/suspend"))
        return tenant

    async def _edge(self, kind: str, dependent: str, prerequisite: str) -> str:
        body = {f"{kind}_id": dependent, f"depends_on_{kind}_id": prerequisite}
        answer = await done(self.team.user.post(f"/{kind}_dependencies", body))
        (edge,) = answer.json().values()
        found: str = edge["id"]
        return found

    async def fresh_agent(self) -> Client:
        """A key of an agent that has not registered yet."""
        return await key(self.team.user, "agent")


async def done(asked: Any) -> Answer:
    answer: Answer = await asked
    assert answer.status < 300, answer.body
    return answer


class World(Struct, frozen=True):
    home: Side
    away: Side

    @property
    def service(self) -> Service:
        return self.home.team.user.service


async def world(service: Service, database: TestDatabase) -> World:
    _, raw = await superadmin(database)
    user = await client(service)
    root = Client(service, user.tenant, raw)
    return World(await side(service, database, root), await side(service, database, root))


async def side(service: Service, database: TestDatabase, root: Client) -> Side:
    people = await team(service)
    await done(root.patch(f"/admin/tenants/{people.user.tenant}", {"settings": GENEROUS}))
    await done(people.user.patch("/tenants/me", {"settings": STRICT}))
    agents: dict[str, str] = {}
    others = {
        "retired": await worker(people.user, "retired", agents),
        "loose_agent": await key(people.user, "agent"),
        "loose_orchestrator": await older_key(people.user, "orchestrator"),
        "own_orchestrator": await key(people.user, "orchestrator", people.agents["implementer"]),
        "limited": await limited(service, root),
        "unkeyed": await client(service),
    }
    keyed = await person(service)
    others["keyed"] = keyed.user
    await done(people.user.patch(f"/agents/{agents['retired']}", {"status": "deactivated"}))
    for name, role, kind in (
        ("dispatched", "agent", "implementer"),
        ("dispatched_lead", "orchestrator", "orchestrator"),
    ):
        await freed(people.user, name, agents, kind)
        others[name], _ = await dispatched(people.user, role, agents[name])
    await freed(people.user, "second_lead", agents, "orchestrator")
    others["second_lead"] = await key(people.user, "orchestrator", agents["second_lead"])
    project = await people.user.project("the-project")
    epic = await people.user.epic(project)
    return Side(database, people, root, others, project, epic, {"keyed": keyed})


class Wanted(Struct):
    """A request that may yet be put wrong. ``filled`` says what stands in each placeholder, by where it is."""

    method: str
    path: str
    body: Any
    filled: dict[str, str]
    headers: dict[str, str] = {}


async def fill(side: Side, route: Route, instead: Mapping[str, str] | None = None) -> Wanted:
    """``instead`` maps places of ids, as ``filled`` names them, to other ids."""
    filler = Filler(side, dict(instead or {}))
    path = route.path
    for name, value in route.placeholders.items():
        path = path.replace(f"{{{name}}}", str(await filler.value(f"path:{name}", value)))
    query = [f"{name}={await filler.value(f'query:{name}', value)}" for name, value in route.query.items()]
    headers = {name: str(await filler.value(f"header:{name}", value)) for name, value in route.headers.items()}
    body = await filler.whole("body", route.body)
    return Wanted(route.method, path + ("?" + "&".join(query) if query else ""), body, filler.filled, headers)


class Filler:
    def __init__(self, side: Side, instead: dict[str, str]) -> None:
        self.side = side
        self.instead = instead
        self.filled: dict[str, str] = {}
        self._several: dict[str, Any] = {}

    async def whole(self, place: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: await self.whole(f"{place}.{name}", each) for name, each in value.items()}
        if isinstance(value, list):
            return [await self.whole(f"{place}.{number}", each) for number, each in enumerate(value)]
        return await self.value(place, value) if isinstance(value, str) else value

    async def value(self, place: str, text: str) -> Any:
        if not text.startswith("$"):
            return text
        if text in VALUES:
            return await self.side.make(text[1:])
        if text.partition(".")[0] in USED_ONCE:
            return await self._made(text[1:])
        self.filled[place] = found = self.instead.get(place) or await self._made(text[1:])
        return found

    async def _made(self, kind: str) -> str:
        """``kind.1`` is the first of several that belong together."""
        name, _, which = kind.partition(".")
        if not which:
            return str(await self.side.make(name))
        if name not in self._several:
            self._several[name] = await self.side.make(name)
        return str(self._several[name][int(which) - 1])


async def send(side: Side, route: Route, wanted: Wanted, raw: str | None = None, **headers: str) -> Answer:
    """As ``raw``, or as the route's own caller."""
    app = side.team.user.service.app
    if raw is None and route.who:
        raw = (await side.fresh_agent() if route.who == "fresh_agent" else side.caller(route.who)).raw
    headers = {**wanted.headers, **headers}
    if raw is None:
        sent = JSON if wanted.body is not None else {}
        return await ask(app, wanted.path, method=wanted.method, headers={**sent, **headers})
    answer = await call(app, raw, wanted.path, wanted.method, wanted.body, **headers)
    if answer.status == 401 and answer.error["code"] == "webauthn_required" and raw in side.touch_by:
        touch = await side.touch_by[raw](wanted.method, wanted.path.removeprefix("/api/v1"), wanted.body)
        shown = {"Loopctl_Assertion": b64(msgspec.json.encode(touch))}
        return await call(app, raw, wanted.path, wanted.method, wanted.body, **headers, **shown)
    return answer


def by_name(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)
