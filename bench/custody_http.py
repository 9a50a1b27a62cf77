"""Custody over HTTP: every mutating route of the OpenAPI document, in any order, by twelve callers of three tenants.

After each request the state of all stories is read from the database and compared with that before. So it is found, not
told, which routes can confirm a story; `bench.custody_model` says whether this one might. `make soak
ARGS="custody_http 100000 SEED"`.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import asyncpg
import uvloop
from msgspec import Struct, structs

from bench.custody import AS_THE_MODEL_SAYS, bulk_without_gate, state_of
from bench.custody_model import Bypass, Model, Person, Policy
from bench.custody_requests import Operation, Wanted, operations, wanted
from bench.custody_team import NAMELESS, Caller, Shown, Team, likely_caller, team
from bench.servers import bench_server
from tests.api.asgi import Answer, ask
from tests.api.logs import Service, service
from tests.api.work import Client

TENANTS = 3
# In an order of its own: that of the table's pages differs with the width of a row, and a seed would mean another run.
STATE = """
    SELECT tenant_id, story_id, agent_status, verified_status, assigned_agent_id, title, ac_count, criteria_hash
      FROM app.story
     ORDER BY created_at, tenant_id, major, minor
"""
PROJECTS = "SELECT project_id FROM app.project WHERE tenant_id = $1 AND status = 'active' ORDER BY position"
EPICS = "SELECT epic_id FROM app.epic WHERE tenant_id = $1 ORDER BY position"
LIKELY = {
    "pending": ("contract", "contract", "next/claim", "backfill", "mark-complete", "import"),
    "contracted": ("claim", "bulk/claim"),
    "assigned": ("start", "start-work"),
    "implementing": ("report", "report-done", "request-review", "unclaim"),
    "reported_done": ("review-complete", "review-complete", "verify", "bulk/verify", "verify-all", "bulk/reject"),
    "verified": ("force-unclaim", "unclaim", "reject", "{story_id}", "report"),
}
"""By a story's state: ends of the paths that get it on, and of a verified one that might get it back or change it."""
POLICIES: tuple[Policy, ...] = ("ancestry", "strict", "agent")
"""Of the tenants."""
ACTIONS = {
    "start-work": "start",
    "report-done": "report",
    "review-complete": "review",
    "POST /api/v1/stories/bulk/claim": "bulk-claim",
    "POST /api/v1/stories/bulk/verify": "bulk-verify",
    "POST /api/v1/stories/bulk/reject": "bulk-reject",
    "POST /api/v1/stories/next/claim": "next-claim",
}
"""As the model calls them, where the path says otherwise."""


JUDGING = {
    "POST /api/v1/stories/{story_id}/verify",
    "POST /api/v1/stories/{story_id}/reject",
    "POST /api/v1/stories/{story_id}/backfill",
    "POST /api/v1/stories/bulk/verify",
    "POST /api/v1/stories/bulk/reject",
    "POST /api/v1/stories/bulk/mark-complete",
    "POST /api/v1/epics/{epic_id}/verify-all",
    "POST /api/v1/projects/{project}/import",
}
"""The routes that may change a verified_status, the last of stories that it makes; every other one that does is a
way round."""


class Report(Struct):
    """``changed_by`` are the operations after which a story's verified_status was another, ``counts`` of changes."""

    steps: int
    statuses: Counter[tuple[str, int]]
    changed_by: Counter[str]
    verifications: Mapping[str, int]


class Done(Struct, frozen=True):
    """A request that was answered."""

    own: Team
    person: Person
    wish: Wanted
    answer: Answer

    @property
    def action(self) -> str:
        operation = self.wish.operation
        return ACTIONS.get(operation.name) or ACTIONS.get(operation.last, operation.last)


class HttpMachine:
    def __init__(self, served: Service, outside: "asyncpg.Connection[asyncpg.Record]", seed: int) -> None:
        self._served = served
        self._outside = outside
        self._chance = random.Random(seed)
        self._model = Model()
        self._teams: dict[UUID, Team] = {}
        self._seen: dict[UUID, Shown] = {}
        self._operations: list[Operation] = []
        self._likely: dict[str, list[Operation]] = {}
        self.report = Report(0, Counter(), Counter(), self._model.verifications)

    async def run(self, steps: int) -> Report:
        """Raises Bypass."""
        await self._prepare()
        for number in range(steps):
            first = self._operations[number] if number < len(self._operations) else None
            await self._step(first)
            self.report.steps += 1
        return self.report

    async def _prepare(self) -> None:
        document = (await ask(self._served.app, "/api/v1/openapi")).json()
        self._operations = operations(document)
        self._likely = {
            status: [each for end in ends for each in self._operations if each.path.endswith("/" + end)]
            for status, ends in LIKELY.items()
        }
        for policy in POLICIES:
            made = await team(self._served)
            answer = await made.human.patch("/tenants/me", {"settings": {"lineage_policy": policy}})
            assert answer.status == 200, answer.body
            self._teams[made.tenant] = made
            self._model.policies[made.tenant] = policy
        await self._look(None)

    async def _step(self, operation: Operation | None) -> None:
        own, other = self._chance.sample(list(self._teams.values()), 2)
        if await own.trim():
            await self._look(None)
            await self._forget_what_is_gone()
        await own.fill()
        await self._look(None)
        if self._chance.random() < 0.03:
            await own.rotate(self._chance.choice(own.callers))
        story = self._chance.choice(list(own.stories))
        shown = own.stories[story]
        likely = self._chance.random() < 0.6
        choice = self._likely[state_of(shown.agent_status, shown.verified_status)] if likely else self._operations
        operation = operation or self._chance.choice(choice)
        caller = likely_caller(own, shown, operation.last, self._chance)
        wish = wanted(operation, own, other, story, self._chance)
        answer = await self._ask(caller.client, wish)
        self.report.statuses[operation.name, answer.status] += 1
        if answer.status >= 500:
            raise Bypass(f"{operation.name} answered {answer.status}: {answer.body!r}")
        if wish.foreign and answer.status < 300:
            raise Bypass(f"{operation.name} reached into another tenant")
        await self._look(Done(own, caller.person, wish, answer))
        self._learn(own, caller, answer)
        if operation.method == "delete" and answer.status < 300:
            await self._forget_what_is_gone()

    async def _ask(self, client: Client, wish: Wanted) -> Answer:
        """Now and then the same request comes twice under its idempotency key, as after a lost answer."""
        headers = {"Idempotency_Key": str(self._chance.getrandbits(64))} if self._chance.random() < 0.3 else {}
        again = headers and self._chance.random() < 0.2
        answer = await client.send(wish.operation.method.upper(), wish.path, wish.body, **headers)
        if again:
            await client.send(wish.operation.method.upper(), wish.path, wish.body, **headers)
        return answer

    async def _look(self, done: Done | None) -> None:
        """Reads all stories, and has the model judge what is different. Raises Bypass."""
        rows = await self._outside.fetch(STATE)
        now = {row["story_id"]: Shown(**{name: row[name] for name in Shown.__struct_fields__}) for row in rows}
        for id_ in now.keys() - self._seen.keys():
            self._model.created(id_)
        for id_, shown in now.items():
            before = self._seen.get(id_)
            if shown.verified_status != (before.verified_status if before else "unverified"):
                self._judge(done, id_, shown)
            if before and before.criteria_hash and before.criteria_hash != shown.criteria_hash:
                self._model.edited(done.wish.operation.name if done else "nobody", id_)
        if done and done.answer.status < 300:
            self._tell(done, now)
        for id_ in self._seen.keys() - now.keys():
            self._model.gone(id_)
        self._seen = now
        for each in self._teams.values():
            each.stories = {str(id_): shown for id_, shown in now.items() if shown.tenant_id == each.tenant}

    def _judge(self, done: Done | None, id_: UUID, now: Shown) -> None:
        if done is None or done.own.tenant != now.tenant_id:
            raise Bypass(f"{done and done.wish.operation.name} changed a story of another tenant")
        imported = done.action == "import" and id_ not in self._seen
        if done.wish.operation.name not in JUDGING or (done.action == "import" and not imported):
            raise Bypass(f"{done.wish.operation.name} has changed a verified_status")
        self.report.changed_by[done.wish.operation.name] += 1
        verified = now.verified_status == "verified"
        self._model.changed(now.tenant_id, done.action, done.person, id_, verified=verified)

    def _tell(self, done: Done, now: Mapping[UUID, Shown]) -> None:
        if done.action == "import":
            for new in now.keys() - self._seen.keys():
                if now[new].agent_status == "reported_done":
                    self._model.succeeded(done.own.tenant, done.person, "import", new)
        for id_ in _stories_of(done.wish, done.answer):
            shown = now.get(UUID(id_))
            for each in AS_THE_MODEL_SAYS.get(done.action, (done.action,)):
                if shown:
                    released = shown.agent_status == "pending"
                    self._model.succeeded(done.own.tenant, done.person, each, UUID(id_), released=released)

    def _learn(self, own: Team, caller: Caller, answer: Answer) -> None:
        """Ids of what was made, for later requests."""
        if answer.status != 201:
            return
        for name, made in answer.json().items():
            pool = POOLS.get(name)
            if pool:
                getattr(own, pool).append(made["id"])
            if name == "agent" and caller.person.name == NAMELESS:
                caller.person = structs.replace(caller.person, agent=UUID(made["id"]))

    async def _forget_what_is_gone(self) -> None:
        for each in self._teams.values():
            each.projects = [str(row[0]) for row in await self._outside.fetch(PROJECTS, each.tenant)]
            each.epics = [str(row[0]) for row in await self._outside.fetch(EPICS, each.tenant)]


POOLS = {
    "project": "projects", "epic": "epics", "api_key": "spare_keys", "agent": "agents",
    "story_dependency": "story_dependencies", "epic_dependency": "epic_dependencies",
}  # fmt: skip
"""Members of answers, and where their ids go."""


def _stories_of(wish: Wanted, answer: Answer) -> list[str]:
    """Those that it did something to, as the answer says."""
    body = answer.json() if answer.body else {}
    if body.get("already"):
        return []
    if wish.story:
        return [wish.story]
    if "results" in body:
        return [each["story_id"] for each in body["results"] if each["status"] == "success"]
    return [body["story"]["id"]] if wish.operation.path.endswith("/next/claim") else []


class Server(Protocol):
    """A migrated database that tests or benchmarks have."""

    @property
    def admin_url(self) -> str: ...
    @property
    def app_url(self) -> str: ...


async def campaign(server: Server, steps: int, seed: int) -> Report:
    """Raises Bypass."""
    outside = await asyncpg.connect(server.admin_url, timeout=5, command_timeout=10)
    try:
        async with service(server) as served:
            await outside.execute("TRUNCATE app.story")  # of an earlier campaign in the same database
            return await HttpMachine(served, outside, seed).run(steps)
    finally:
        await outside.close()


async def _run(steps: int, seed: int) -> int:
    began = time.monotonic()
    async with bench_server() as server:
        try:
            report = await campaign(server, steps, seed)
        except Bypass as bypass:
            print(f"seed {seed}: BYPASS: {bypass}")
            return 1
        print(f"seed {seed}: {report.steps} requests in {time.monotonic() - began:.0f} s, 0 bypasses")
        print(f"  confirmed by: {report.verifications}")
        print(f"  routes after which a verified_status was another: {dict(sorted(report.changed_by.items()))}")
        print("  answers: " + ", ".join(f"{name} {code}: {n}" for (name, code), n in sorted(report.statuses.items())))
        idle = JUDGING - report.changed_by.keys()
        print(f"  of the routes that may, these never did: {', '.join(sorted(idle)) or 'none'}")
        found = await _control(server, seed)
    print(f"control (no gate in the bulk path): {found or 'GREEN: the machine proves nothing'}")
    return 0 if found and not idle else 1


async def _control(server: Server, seed: int) -> str:
    with bulk_without_gate():
        try:
            await campaign(server, 20_000, seed)
        except Bypass as bypass:
            return f"red, as it must be: {bypass}"
    return ""


def main(arguments: list[str]) -> int:
    steps = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    return uvloop.run(_run(steps, seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
