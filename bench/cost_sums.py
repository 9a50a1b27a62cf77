"""Every total is what the reports of the log come to: random reports, corrections and deletions, and then each answer
beside a sum made from the events by hand, live and after a rebuild. `make soak ARGS="cost_sums 10000"`.
"""

import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import uvloop

from bench.servers import bench_server
from domain.usage.events import TokenUsageDeleted, TokenUsageReported
from eventstore.database.transaction import TenantTx
from eventstore.log.read import replay
from projections.inline import PROJECTIONS
from projections.rebuild import rebuild
from tests.api.logs import service
from tests.api.team import Team, team, worker
from tests.api.work import Client
from tests.eventstore.writing import CODEC
from tests.support.database import session

MODELS, PHASES = ("claude-opus-4", "claude-sonnet-4", "home-made"), ("planning", "implementing", "reviewing", "other")
COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
Events = Mapping[UUID, TokenUsageReported]


class Differs(Exception):
    """An answer is not the sum of the reports."""


class Server(Protocol):
    @property
    def app_url(self) -> str: ...

    @property
    def migrator_url(self) -> str: ...


class Spender:
    """Reports, corrects and deletes at random."""

    def __init__(self, people: Team, workers: Sequence[Client], stories: Sequence[str], seed: int) -> None:
        self.chance = random.Random(seed)
        self._people, self._workers, self._stories = people, workers, stories
        self._live: list[str] = []

    async def step(self) -> None:
        chance = self.chance.random()
        if self._live and chance < 0.15:
            await self._correct(self.chance.choice(self._live))
        elif self._live and chance < 0.25:
            await self._delete(self.chance.choice(self._live))
        else:
            await self._report()

    async def _report(self) -> None:
        body = {
            "story_id": self.chance.choice(self._stories), "model_name": self.chance.choice(MODELS),
            "phase": self.chance.choice(PHASES), **{name: self.chance.randrange(10_000) for name in COUNTS},
            "cost_millicents": self.chance.choice((None, self.chance.randrange(50_000))),
        }  # fmt: skip
        answer = await self.chance.choice(self._workers).post("/token-usage", body)
        if answer.status != 201:
            raise Differs(f"refused: {answer.body!r}")
        self._live.append(answer.json()["token_usage_report"]["id"])

    async def _correct(self, report: str) -> None:
        """Some are refused, because they would take away more than there is."""
        change = {name: self.chance.randrange(-3_000, 3_000) for name in (*COUNTS, "cost_millicents")}
        answer = await self._people.user.post(f"/token-usage/{report}/correction", change)
        if answer.status == 201:
            self._live.append(answer.json()["token_usage_report"]["id"])
        elif answer.status != 422:
            raise Differs(f"refused: {answer.body!r}")

    async def _delete(self, report: str) -> None:
        answer = await self._people.user.delete(f"/token-usage/{report}")
        if answer.status == 200:
            self._live.remove(report)
        elif answer.status != 422:
            raise Differs(f"refused: {answer.body!r}")


async def add_up(server: Server, steps: int, seed: int) -> int:
    """How many reports count in the end. Raises Differs."""
    async with service(server) as running:
        people = await team(running)
        agents: dict[str, str] = dict(people.agents)
        workers = [people.implementer, people.other, await worker(people.user, "third", agents)]
        projects = [await people.user.project(f"p-{number}") for number in range(2)]
        epics = [await people.user.epic(project, number) for project in projects for number in (1, 2)]
        stories = [await people.user.story(epic, f"{n}.{m}") for n, epic in enumerate(epics, 1) for m in range(4)]
        spender = Spender(people, workers, stories, seed)
        for _ in range(steps):
            await spender.step()
        live = await _live(people.user)
        await _compare(people, live)
        await _rebuilt(server, people.user)
        await _compare(people, live)
        return len(live)


async def _live(user: Client) -> Events:
    """The reports that count, from the log alone."""
    async with user.service.store.database.tenant_transaction(user.tenant) as tx:
        found: dict[UUID, TokenUsageReported] = {}
        async for page in replay(tx, CODEC):
            for each in page:
                if isinstance(each.event, TokenUsageReported):
                    found[each.stream.id] = each.event
                elif isinstance(each.event, TokenUsageDeleted):
                    del found[each.stream.id]
    return found


async def _compare(people: Team, live: Events) -> None:
    whole, dates = list(live.values()), "since=2000-01-01&until=2999-12-31"
    for project in {str(event.project_id) for event in whole}:
        mine = [event for event in whole if str(event.project_id) == project]
        shown = (await people.user.get(f"/analytics/projects/{project}")).json()["data"]
        _same(f"project {project}", _picked(shown), _totals(mine))
        _same("stories", shown["story_count"], len({event.story_id for event in mine}))
        _same("phases", shown["cost_by_phase"], _cost_by(mine, lambda event: event.phase))
        _same("models", {name: each["cost_millicents"] for name, each in shown["model_costs"].items()},
              _cost_by(mine, lambda event: event.model_name))  # fmt: skip
        for query in (f"project_id={project}", f"project_id={project}&{dates}"):
            await _agents(people.orchestrator, query, mine)
    await _agents(people.orchestrator, "", whole)
    for row in (await people.user.get("/analytics/models?page_size=100")).json()["data"]:
        mine = [event for event in whole if event.model_name == row["model_name"]]
        _same(row["model_name"], _picked(row), _totals(mine))
    for row in (await people.user.get("/analytics/epics?page_size=100")).json()["data"]:
        _same(row["epic_id"], _picked(row), _totals(e for e in whole if str(e.epic_id) == row["epic_id"]))
    for row in (await people.user.get("/stories?include_token_totals=true")).json()["data"]:
        mine = [event for event in whole if str(event.story_id) == row["id"]]
        _same(row["number"], _picked(row["token_totals"]), _totals(mine))
    trend = (await people.orchestrator.get("/analytics/trends")).json()["data"]
    _same("trends", sum(row["total_cost_millicents"] for row in trend), sum(e.cost_millicents for e in whole))


async def _agents(asking: Client, query: str, whole: Sequence[TokenUsageReported]) -> None:
    rows = (await asking.get(f"/analytics/agents?{query}&page_size=100")).json()["data"]
    _same("agents", {row["agent_id"] for row in rows}, {str(event.agent_id) for event in whole})
    for row in rows:
        mine = [event for event in whole if str(event.agent_id) == row["agent_id"]]
        stories = len({event.story_id for event in mine})
        _same(row["agent_name"], _picked(row), _totals(mine))
        average = int(sum(event.cost_millicents for event in mine) / stories)
        _same("stories", (row["total_stories_reported"], row["avg_cost_per_story_millicents"]), (stories, average))
    exact = [row["total_cost_millicents"] / row["total_stories_reported"] for row in rows]
    _same("ranking", exact, sorted(exact))


async def _rebuilt(server: Server, user: Client) -> None:
    """From the log; what is live has to be the same row for row."""
    async with session(server.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(user.tenant))
        tx = TenantTx(connection, user.tenant)  # type: ignore[arg-type]  # a plain connection does as well
        for projection in PROJECTIONS:
            if projection.name in ("token_usage", "token_budget"):
                for table in await rebuild(tx, CODEC, projection):
                    _same(table.table, (table.unexplained, table.missing), (0, 0))


def _totals(events: Iterable[TokenUsageReported]) -> dict[str, int]:
    sums = dict.fromkeys((*(f"total_{name}" for name in COUNTS), "total_cost_millicents", "report_count"), 0)
    for event in events:
        for name in (*COUNTS, "cost_millicents"):
            sums[f"total_{name}"] += getattr(event, name)
        sums["report_count"] += 1
    return sums


def _picked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _totals(())}


def _cost_by(events: Iterable[TokenUsageReported], what: Callable[[TokenUsageReported], str]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for event in events:
        sums[what(event)] += event.cost_millicents
    return dict(sums)


def _same(what: str, shown: object, right: object) -> None:
    if shown != right:
        raise Differs(f"{what}: {shown} is shown, {right} is right")


async def _main(steps: int, seed: int) -> None:
    async with bench_server() as server:
        print(f"seed {seed}: {await add_up(server, steps, seed)} reports count after {steps} steps, and all agree")


def main(arguments: list[str]) -> None:
    steps, seed = (*map(int, arguments), *(10_000, random.randrange(10**6))[len(arguments) :])
    uvloop.run(_main(steps, seed))


if __name__ == "__main__":
    main(sys.argv[1:])
