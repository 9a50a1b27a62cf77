"""A million reports of token usage of one tenant: a project's summary and the ranking of agents over HTTP, beside a row
by its primary key; and a report beside a step of a story. `python -m bench.usage_reads 20000` has fewer.

The reports are events of the log, written as every other through the writer and the read models.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import uvloop
from msgspec import Struct

from bench.servers import bench_server
from bench.table import at_most, median, percentile, tell_machine, told
from domain.agent import AgentRegistered
from domain.epic import EpicCreated
from domain.event import Event, JsonText, Stream
from domain.lifecycle.events import StoryRejected, StoryVerified
from domain.project import ProjectCreated
from domain.story import StoryCreated
from domain.usage.events import TokenUsageReported
from eventstore.database.transaction import Database
from tests.api.logs import NOON, service
from tests.api.team import Team, team
from tests.api.work import Client
from tests.support.database import session
from tests.support.events import put

REPORTS, ASKED, WRITTEN = 1_000_000, 300, 400
TOGETHER = 20
"""Writes at once."""
PROJECTS, EPICS, STORIES, AGENTS = 5, 10, 50, 50
"""Epics of a project, stories of an epic."""
MODELS, PHASES = ("claude-opus-4", "claude-sonnet-4-5", "gpt-5", "home-made"), ("planning", "implementing", "reviewing")
AT_ONCE = 1000
TIMES_A_ROW, TIMES_A_STEP = 20, 1.2
MS = 1000
ROW = "SELECT t.* FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = $2"
TABLES = ("token_usage_report", "usage_spend", "usage_slice", "story", "verification", "metered_spend")

Happening = tuple[Stream, Event]


class Place(Struct, frozen=True):
    project_id: UUID
    epic_id: UUID
    story_id: UUID
    attempts: int


class Laid(Struct, frozen=True):
    places: list[Place]
    agents: list[UUID]


def lay_out(chance: random.Random) -> tuple[Laid, list[Happening]]:
    """Of the stories three fifths are verified; a fifth was rejected before, once or twice."""
    laid = Laid([], [uuid4() for _ in range(AGENTS)])
    events: list[Happening] = []
    for number, agent in enumerate(laid.agents):
        named: dict[str, Any] = {"name": f"worker-{number}", "agent_type": "implementer", "metadata": JsonText("{}")}
        events.append((Stream("agent", agent), AgentRegistered(**named, key_id=str(uuid4()))))
    for number in range(PROJECTS):
        project = uuid4()
        created = ProjectCreated(name="p", slug=f"p-{number}", metadata=JsonText("{}"))
        events.append((Stream("project", project), created))
        for major in range(EPICS):
            epic = uuid4()
            made = EpicCreated(project_id=project, number=major + 1, title="E", metadata=JsonText("{}"))
            events.append((Stream("epic", epic), made))
            for minor in range(STORIES):
                place = Place(project, epic, uuid4(), chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 2)))
                laid.places.append(place)
                events += _story(place, f"{major + 1}.{minor}", verified=chance.random() < 0.6)
    return laid, events


def _story(place: Place, number: str, *, verified: bool) -> Iterator[Happening]:
    stream = Stream("story", place.story_id)
    where: dict[str, Any] = {"project_id": place.project_id, "epic_id": place.epic_id}
    yield (
        stream,
        StoryCreated(**where, number=number, title="S", acceptance_criteria=JsonText("[]"), metadata=JsonText("{}")),
    )
    said: dict[str, Any] = {
        **where, "agent_status_was": "reported_done", "verified_status_was": "unverified",
        "orchestrator_agent_id": UUID(int=1),
    }  # fmt: skip
    for iteration in range(1, place.attempts + 1):
        yield stream, StoryRejected(**said, verification_id=uuid4(), iteration=iteration, reason="no")
    if verified:
        last: dict[str, Any] = {"verification_id": uuid4(), "iteration": place.attempts + 1}
        yield stream, StoryVerified(**said, **last, result="pass", summary="s")


def report(chance: random.Random, laid: Laid) -> Happening:
    place = chance.choice(laid.places)
    made = TokenUsageReported(
        project_id=place.project_id, epic_id=place.epic_id, story_id=place.story_id,
        agent_id=chance.choice(laid.agents), model_name=chance.choice(MODELS), phase=chance.choice(PHASES),  # type: ignore[arg-type]  # a name of one
        input_tokens=chance.randrange(10_000), output_tokens=chance.randrange(1_000),
        cache_read_tokens=chance.randrange(50_000), cost_millicents=chance.randrange(50_000),
        attempt=chance.randrange(place.attempts + 1),
    )  # fmt: skip
    return Stream("token_usage_report", uuid4()), made


async def fill(user: Client, url: str, chance: random.Random, reports: int) -> Laid:
    laid, events = lay_out(chance)
    for start in range(0, len(events), AT_ONCE):
        await put(user.service.store, user.tenant, *events[start : start + AT_ONCE], at=NOON)
    for start in range(0, reports, AT_ONCE):
        some = [report(chance, laid) for _ in range(min(AT_ONCE, reports - start))]
        await put(user.service.store, user.tenant, *some, at=NOON)
        if (start + AT_ONCE) % 100_000 == 0:
            print(f"{start + AT_ONCE} reports written", flush=True)
    async with session(url) as connection:
        await connection.execute("SET ROLE loopctl_owner")
        for table in TABLES:
            await connection.execute(f"VACUUM (ANALYZE) app.{table}")
    return laid


async def timed(ask: Callable[[], Awaitable[Any]], times: int) -> list[float]:
    """Milliseconds, sorted."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        answer = await ask()
        took.append((time.perf_counter() - began) * MS)
        if getattr(answer, "status", 200) not in (200, 201):
            raise ValueError(answer.body)
    return sorted(took)


async def measure_reads(people: Team, database: Database, laid: Laid, chance: random.Random) -> None:
    """In turns, so that whatever else the machine does meets all."""
    user, project = people.user, laid.places[0].project_id

    async def row() -> Any:
        async with database.tenant_transaction(user.tenant) as tx:
            return await tx.fetchrow(ROW, user.tenant, chance.choice(laid.places).story_id)

    looks: dict[str, Callable[[], Awaitable[Any]]] = {
        "summary of a project": lambda: user.get(f"/analytics/projects/{project}"),
        "ranking of agents": lambda: people.orchestrator.get("/analytics/agents?page_size=100"),
        "ranking of agents of a project": lambda: people.orchestrator.get(f"/analytics/agents?project_id={project}"),
        "a story over HTTP": lambda: user.get(f"/stories/{chance.choice(laid.places).story_id}"),
    }
    took: dict[str, list[float]] = {"row": [], **{name: [] for name in looks}}
    for _ in range(ASKED):
        took["row"] += await timed(row, 1)
        for name, look in looks.items():
            took[name] += await timed(look, 1)
    rows = sorted(took.pop("row"))
    told("a row by its primary key", f"p50 {percentile(rows, 0.5):.2f} ms, p99 {percentile(rows, 0.99):.2f} ms")
    for name, values in took.items():
        some = sorted(values)
        beside = f"times, p99 {percentile(some, 0.99):.1f} ms; p50 {percentile(some, 0.5):.1f} ms, "
        beside += f"{percentile(some, 0.5) / percentile(rows, 0.5):.1f} times"
        at_most(f"{name} / a row, p99", percentile(some, 0.99) / percentile(rows, 0.99), TIMES_A_ROW, beside)
    for path in ("/analytics/models", "/analytics/trends", "/analytics/model-mix"):
        began = time.perf_counter()
        answer = await people.orchestrator.get(path)
        told(f"{path}, which adds up the reports", f"{answer.status} in {(time.perf_counter() - began) * MS:.0f} ms")


def usage_of(story: str) -> dict[str, Any]:
    return {"story_id": story, "model_name": "claude-sonnet-4-5", "input_tokens": 100, "output_tokens": 10}


async def measure_writes(people: Team) -> None:
    """A report and a step, in turns; then many at once of each."""
    user, worker = people.user, people.implementer
    epic = await user.epic(await user.project())
    stories = [await user.story(epic, f"1.{number + 1}") for number in range(WRITTEN)]
    shown = [(await user.get(f"/stories/{story}")).json()["story"] for story in stories]
    echoes = {
        each["id"]: {"story_title": each["title"], "ac_count": len(each["acceptance_criteria"])} for each in shown
    }

    def reports(story: str) -> Awaitable[Any]:
        return worker.post("/token-usage", usage_of(story))

    def steps(story: str) -> Awaitable[Any]:
        return worker.post(f"/stories/{story}/contract", echoes[story])

    lone, some = stories[: WRITTEN // 2], stories[WRITTEN // 2 :]
    took: dict[str, list[float]] = {"report": [], "step": []}
    for story in lone:
        took["report"] += await timed(lambda s=story: reports(s), 1)  # type: ignore[misc]  # a lambda's default
        took["step"] += await timed(lambda s=story: steps(s), 1)  # type: ignore[misc]  # a lambda's default
    one, other = median(took["report"]), median(took["step"])
    at_most("a report / a step of a story", one / other, TIMES_A_STEP, f"{one:.2f} and {other:.2f} ms, medians")
    await asyncio.gather(*(reports(story) for story in some))
    spent: dict[str, list[float]] = {"report": [], "step": []}
    for start in range(0, len(some), TOGETHER):
        for name, act in (("report", reports), ("step", steps)):
            began = time.perf_counter()
            answers = await asyncio.gather(*(act(story) for story in some[start : start + TOGETHER]))
            spent[name].append((time.perf_counter() - began) * MS / len(answers))
    one, other = median(spent["report"]), median(spent["step"])
    what = f"the same, {TOGETHER} at once"
    at_most(what, one / other, TIMES_A_STEP, f"{one:.2f} and {other:.2f} ms each, medians")


async def run(reports: int) -> None:
    chance = random.Random(7)
    async with bench_server() as server, service(server, remember_seconds=60) as running:
        await tell_machine(server.admin_url)
        people = await team(running)
        began = time.perf_counter()
        laid = await fill(people.user, server.migrator_url, chance, reports)
        told("reports", f"{reports} in {time.perf_counter() - began:.0f} s")
        await measure_reads(people, running.store.database, laid, chance)
        await measure_writes(people)


def main(arguments: Sequence[str]) -> None:
    uvloop.run(run(int(arguments[0]) if arguments else REPORTS))


if __name__ == "__main__":
    main(sys.argv[1:])
