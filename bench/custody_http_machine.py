"""The machine of the custody campaign over HTTP: who asks for what, and what the database says afterwards."""

import random
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import asyncpg
from msgspec import Struct

from bench.custody import AS_THE_MODEL_SAYS, state_of
from bench.custody_halts import Asked, Halts
from bench.custody_heads import SILENT, Said, check_heard
from bench.custody_learning import Learning
from bench.custody_model import Bypass, Model, Person, Policy, Use
from bench.custody_requests import Operation, Wanted, operations, wanted
from bench.custody_team import Caller, Shown, Team, likely_caller, team
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service

# In an order of its own: that of the table's pages differs with the width of a row, and a seed would mean another run.
STATE = """
    SELECT tenant_id, story_id, agent_status, verified_status, assigned_agent_id, title, ac_count, number,
           criteria_hash, metadata::jsonb ? 'backfill' AS from_before, verifier_dispatch_id
      FROM app.story JOIN app.story_text USING (tenant_id, story_id)
     ORDER BY created_at, tenant_id, major, minor
"""
LIKELY = {
    "pending": ("contract", "contract", "next/claim", "backfill", "mark-complete", "import", "dispatches"),
    "contracted": ("claim", "bulk/claim"),
    "assigned": ("start", "start-work", "start", "unclaim", "recover-cap"),
    "implementing": ("report", "report-done", "request-review", "unclaim", "recover-cap"),
    "reported_done": (
        *("review-complete",) * 3,
        *("verify", "bulk/verify", "verify-all") * 2,
        "bulk/reject",
        "recover-cap",
        "verification-runs",
        "evidence",
        "draw-verifier",
    ),
    "verified": ("force-unclaim", "unclaim", "reject", "{story_id}", "report", "revoke"),
}
"""By a story's state: ends of the paths that get it on, and of a verified one that might get it back or change it."""
POLICIES: tuple[Policy, ...] = ("ancestry", "strict", "agent")
"""Of the tenants, to begin with."""
ACTIONS = {
    "start-work": "start",
    "report-done": "report",
    "review-complete": "review",
    "verification-runs": "run-pass",
    "evidence": "evidence-pass",
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
SIGNING = "/audit/proof?kind=consistency&first=1"
"""A head of the log as it is now is signed for whoever asks for a proof."""
SHOWING = "POST /api/v1/audit/witness"
"""What it refuses is the head in the body."""
API = "/api/v1"


class Report(Struct):
    """``changed_by`` are the operations after which a story's verified_status was another, ``counts`` of changes;
    ``said`` is what was said of heads, and how it was answered."""

    steps: int
    statuses: Counter[tuple[str, int]]
    changed_by: Counter[str]
    said: Counter[tuple[str, int]]
    halts: Counter[str]
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
        if operation.last == "verification-runs":
            return f"run-{self.wish.body['status']}"
        if operation.last == "evidence":
            return "evidence-fail" if "failure" in self.wish.body.get("junit", "") else "evidence-pass"
        return ACTIONS.get(operation.name) or ACTIONS.get(operation.last, operation.last)


class HttpMachine:
    def __init__(self, served: Service, outside: "asyncpg.Connection[asyncpg.Record]", root: str, seed: int) -> None:
        """``root`` is a superadmin's key."""
        self._served = served
        self._root = root
        self._outside = outside
        self._chance = random.Random(seed)
        self._model = Model()
        self._teams: dict[UUID, Team] = {}
        self._seen: dict[UUID, Shown] = {}
        self._operations: list[Operation] = []
        self._likely: dict[str, list[Operation]] = {}
        self._learning = Learning(self._model)
        self._halts = Halts(outside, self._model)
        self.report = Report(0, Counter(), Counter(), Counter(), self._halts.counts, self._model.verifications)

    async def run(self, steps: int) -> Report:
        """Raises Bypass."""
        await self._prepare()
        for number in range(steps):
            if self.has_enough():
                break
            first = self._operations[number] if number < len(self._operations) else None
            await self._step(first)
            self.report.steps += 1
        return self.report

    def has_enough(self) -> bool:
        """Whether it may end before its steps are done."""
        return False

    async def _prepare(self) -> None:
        document = (await ask(self._served.app, "/api/v1/openapi")).json()
        self._operations = operations(document)
        self._likely = {
            status: [each for end in ends for each in self._operations if each.path.endswith("/" + end)]
            for status, ends in LIKELY.items()
        }
        for policy in POLICIES:
            made = await team(self._served, self._root)
            answer = await made.human.patch("/tenants/me", {"settings": {"lineage_policy": policy}})
            assert answer.status == 200, answer.body
            self._teams[made.tenant] = made
            self._learning.set(made, answer.json()["tenant"]["settings"])
        await self._look(None)

    async def _step(self, operation: Operation | None) -> None:
        own, other = self._chance.sample(list(self._teams.values()), 2)
        await self._between(own)
        story = self._chance.choice(list(own.stories))
        shown = own.stories[story]
        likely = self._chance.random() < 0.6
        choice = self._likely[state_of(shown.agent_status, shown.verified_status)] if likely else self._operations
        operation = operation or self._turn(own) or self._chance.choice(choice)
        caller = likely_caller(own, shown, operation.last, self._chance)
        await self._carry_out(own, caller, wanted(operation, own, other, story, self._chance))

    async def _carry_out(self, own: Team, caller: Caller, wish: Wanted) -> None:
        said = own.heads.say(self._chance)
        answer = await self._ask(caller, wish, said)
        self.report.statuses[wish.operation.name, answer.status] += 1
        if self._check_status(own, caller, wish, answer):
            self._check_heads(own, caller, wish, said, answer)
        await self._answered(own, caller, wish, answer)

    async def _answered(self, own: Team, caller: Caller, wish: Wanted, answer: Answer) -> None:
        """What it has changed, and what is known by it. Raises Bypass."""
        await self._look(Done(own, caller.person, wish, answer))
        if answer.status == 401 and caller.minted and caller in own.callers:
            own.callers.remove(caller)  # its key was revoked
        self._learning.learn(own, caller, wish, answer)
        if wish.operation.method == "delete" and answer.status < 300:
            await self._forget_what_is_gone()

    async def _between(self, own: Team) -> None:
        """What keeps a tenant going, and is not watched: there is enough of everything, keys change, heads are
        signed."""
        if await own.trim():
            await self._look(None)
            await self._forget_what_is_gone()
        await own.fill()
        if self._chance.random() < 0.05:
            own.heads.hear(await own.human.get(SIGNING))
        if self._chance.random() < 0.03:
            await own.rotate(self._chance.choice(own.callers))
        await self._look(None)

    def _turn(self, own: Team) -> Operation | None:
        """Now and then what all others depend on: the settings, and the end of a halt."""
        ends = "clear-halt" if own.halted and self._chance.random() < 0.2 else ""
        ends = ends or ("/tenants/me" if self._chance.random() < 0.02 else "")
        found = [each for each in self._operations if ends and each.path.endswith(ends)]
        return self._chance.choice(found) if found else None

    async def _ask(self, caller: Caller, wish: Wanted, said: Said) -> Answer:
        """Now and then the same request comes twice under its idempotency key, as after a lost answer."""
        keyed = {"Idempotency_Key": str(self._chance.getrandbits(64))} if self._chance.random() < 0.3 else {}
        method, headers = wish.operation.method.upper(), {**keyed, **wish.headers, **SILENT, **said.headers}
        if not wish.path.startswith(API):
            return await ask(self._served.app, wish.path, method=method, headers=JSON, body=b"{}")
        path = wish.path.removeprefix(API)
        answer = await caller.client.send(method, path, wish.body, **headers)
        if keyed and self._chance.random() < 0.2:
            await caller.client.send(method, path, wish.body, **headers)
        return answer

    def _check_status(self, own: Team, caller: Caller, wish: Wanted, answer: Answer) -> bool:
        """Whatever it has changed. Whether the key is good, and was asked for. Raises Bypass."""
        name, person = wish.operation.name, caller.person
        if answer.status >= 500 and not self._halts.explain(own, answer):
            raise Bypass(f"{name} answered {answer.status}: {answer.body!r}")
        if wish.foreign and answer.status < 300:
            raise Bypass(f"{name} reached into another tenant")
        if wish.operation.public:
            return False
        if own.ended & set(person.chain):
            if answer.status != 401:
                told = f"was answered {answer.status} by {name} ({wish.path}): {answer.body[:200]!r}"
                raise Bypass(f"{person.name}, whose dispatch or key was revoked, {told}")
            return False
        return True

    def _check_heads(self, own: Team, caller: Caller, wish: Wanted, said: Said, answer: Answer) -> None:
        """Raises Bypass."""
        name, person = wish.operation.name, caller.person
        self.report.said[said.kind, answer.status] += 1
        if name != SHOWING:
            check_heard("off" if person.outside else own.settings.get("witness_mode", "observe"), said, answer)
        own.heads.hear(answer)

    async def _look(self, done: Done | None) -> None:
        """Reads all stories, and has the model judge what is different. Raises Bypass."""
        rows = await self._outside.fetch(STATE)
        now = {row["story_id"]: Shown(**{name: row[name] for name in Shown.__struct_fields__}) for row in rows}
        if done and done.answer.status >= 400 and now != self._seen:
            raise Bypass(f"{done.wish.operation.name} was answered {done.answer.status} and has changed a story")
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
        for id_, shown in now.items():
            self._model.shown(done.action if done else "nobody", id_, from_before=shown.from_before)
            self._draw(self._seen.get(id_), id_, shown)
        for id_ in self._seen.keys() - now.keys():
            self._model.gone(id_)
        self._seen = now
        for each in self._teams.values():
            each.stories = {str(id_): shown for id_, shown in now.items() if shown.tenant_id == each.tenant}
        asked = Asked(done.person, done.wish, done.answer) if done else None
        await self._halts.look(self._teams, done.own if done else None, asked)

    def _judge(self, done: Done | None, id_: UUID, now: Shown) -> None:
        if done is None or done.own.tenant != now.tenant_id:
            raise Bypass(f"{done and done.wish.operation.name} changed a story of another tenant")
        imported = done.action == "import" and id_ not in self._seen
        if done.wish.operation.name not in JUDGING or (done.action == "import" and not imported):
            raise Bypass(f"{done.wish.operation.name} has changed a verified_status")
        self.report.changed_by[done.wish.operation.name] += 1
        verified = now.verified_status == "verified"
        self._model.changed(now.tenant_id, done.action, done.person, id_, verified=verified)

    def _draw(self, before: Shown | None, id_: UUID, now: Shown) -> None:
        drawn = now.verifier_dispatch_id
        if drawn is not None and drawn != (before and before.verifier_dispatch_id):
            self._model.drawn(now.tenant_id, id_, self._teams[now.tenant_id].people[drawn])

    def _tell(self, done: Done, now: Mapping[UUID, Shown]) -> None:
        if done.action == "import":
            for new in now.keys() - self._seen.keys():
                if now[new].agent_status == "reported_done":
                    self._model.succeeded(done.own.tenant, done.person, "import", new)
        if done.wish.operation.name == CHECK and done.wish.story and {"status", "verification_criterion"} & _said(done):
            self._model.checked(done.own.tenant, done.person, UUID(done.wish.story), binds=False)
        for id_ in _stories_of(done.wish, done.answer):
            shown = now.get(UUID(id_))
            for each in AS_THE_MODEL_SAYS.get(done.action, (done.action,)):
                if shown:
                    cap = done.wish.capability(id_)
                    said = UUID(cap) if cap else None
                    self._model.presented(done.own.tenant, Use(done.person, each, UUID(id_), said, NOON))
                    released = shown.agent_status == "pending"
                    self._model.succeeded(done.own.tenant, done.person, each, UUID(id_), released=released)

    async def _forget_what_is_gone(self) -> None:
        for each in self._teams.values():
            await self._learning.forget_what_is_gone(each, self._outside)


CHECK = "PATCH /api/v1/stories/{story_id}/acceptance_criteria/{ac_id}"


def _said(done: Done) -> set[str]:
    return {name for name, value in (done.wish.body or {}).items() if value is not None}


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
