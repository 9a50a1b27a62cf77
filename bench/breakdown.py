"""Work breakdown against the limits of the same run (spec 07, section 3).

The ready queue of a project with 100,000 stories and 150,000 dependencies, 20 of them ready, against a primary-key
select over the same connection; what one confirmation costs there and in a small project; and reading stories over
HTTP against a trivial GET through Litestar on the same uvicorn.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import psutil
import uvloop
from msgspec import Struct

from api.stories.rendering import StoryRenderer
from bench.append import Bench, bench
from bench.breakdown_app import Serving
from bench.load import Load
from bench.shell import print_machine
from bench.table import at_least, at_most, told
from bench.transitions import cpu
from domain.dependency import StoryDependencyCreated
from domain.epic import EpicCreated
from domain.event import Event, JsonText, Stream
from domain.events import EVENTS
from domain.lifecycle.events import StoryBackfilled
from domain.project import ProjectCreated
from domain.story import StoryCreated
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.codec import Codec
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Store, Writer
from projections.inline import INLINE, MODELS
from projections.rows.work_queue import QueueFilter, list_ready
from tests.api.logs import NOON, nobody_follows, noon
from tests.support.guarded import guarded

REPETITIONS = 5
STORIES, EDGES, READY = 100_000, 150_000, 20
STORIES_OF_EPIC = 1000
AT_ONCE = 2000
"""Events of one command while the project is laid out."""
CONNECTIONS = 32
SECONDS = 2.0

BARS = {"one story": 0.45, "list of 50 stories": 0.28}
"""Of reads over HTTP, against G."""

BY_KEY = "SELECT * FROM app.story WHERE tenant_id = $1 AND story_id = $2"


class Laid(Struct, frozen=True):
    """``stories`` in the order of their numbers: each waits for the one READY places before it, the first for none."""

    tenant: UUID
    project: UUID
    epics: list[UUID]
    stories: list[UUID]


class Layer:
    """Writes events through the real writer, all read models included."""

    def __init__(self, database: Database) -> None:
        self._writer = Writer(
            Store(
                database=database, codec=Codec(EVENTS), models=MODELS, projections=INLINE, now=noon,
                committed=nobody_follows,
            )
        )  # fmt: skip

    async def happen(self, tenant: UUID, changes: Sequence[Change]) -> None:
        for start in range(0, len(changes), AT_ONCE):
            some = changes[start : start + AT_ONCE]
            await self._writer.submit(tenant, _command(some))

    async def lay_out(self, tenant: UUID, size: int, edges: int) -> Laid:
        project, stories = uuid4(), [uuid4() for _ in range(size)]
        epics = [uuid4() for _ in range(-(-size // STORIES_OF_EPIC))]
        laid = Laid(tenant, project, epics, stories)
        created = ProjectCreated(name="p", slug=f"p-{size}", metadata=JsonText("{}"))
        await self.happen(tenant, [_change("project", project, created), *_epics(laid), *_stories(laid)])
        await self.happen(tenant, _edges(laid, edges))
        return laid

    async def confirm(self, laid: Laid, number: int) -> None:
        done = StoryBackfilled(
            project_id=laid.project, epic_id=laid.epics[number // STORIES_OF_EPIC], agent_status_was="pending",
            verified_status_was="unverified", reason="bench",
        )  # fmt: skip
        await self.happen(laid.tenant, [_change("story", laid.stories[number], done)])


def _command(changes: Sequence[Change]) -> Command:
    return Command(
        origin=Origin(actor=("bench",), at=NOON, refuse=lambda _: Reply(422, b"")), needs=(),
        streams=[change.stream for change in changes], decide=lambda _: changes, answer=lambda *_: None, alone=True,
    )  # fmt: skip


def _change(kind: str, id_: UUID, event: Event) -> Change:
    return Change(Stream(kind, id_), event)


def _epics(laid: Laid) -> Iterator[Change]:
    for number, epic in enumerate(laid.epics, 1):
        created = EpicCreated(project_id=laid.project, number=number, title="e", metadata=JsonText("{}"))
        yield _change("epic", epic, created)


def _stories(laid: Laid) -> Iterator[Change]:
    for number, story in enumerate(laid.stories):
        major, minor = divmod(number, STORIES_OF_EPIC)
        created = StoryCreated(
            project_id=laid.project, epic_id=laid.epics[major], number=f"{major}.{minor}", title="A story",
            acceptance_criteria=JsonText('[{"id":"AC-1","description":"works"}]'), metadata=JsonText("{}"),
        )  # fmt: skip
        yield _change("story", story, created)


def _edges(laid: Laid, edges: int) -> list[Change]:
    pairs = [(number, number - back) for back in (READY, 2 * READY) for number in range(back, len(laid.stories))]
    return [
        _change(
            "story_dependency",
            uuid4(),
            StoryDependencyCreated(
                project_id=laid.project, story_id=laid.stories[one], depends_on_story_id=laid.stories[other]
            ),
        )
        for one, other in pairs[:edges]
    ]


async def timed(count: int, work: Callable[[int], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each, sorted."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        await work(number)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


def p(times: Sequence[float], share: float) -> float:
    return times[int(len(times) * share)]


async def measure_queue(on: Bench, database: Database) -> None:
    layer, tenant = Layer(database), await on.new_log()
    small = await layer.lay_out(tenant, 200, 300)
    began = time.perf_counter()
    laid = await layer.lay_out(tenant, STORIES, EDGES)
    print(f"laid out {STORIES:,} stories and {EDGES:,} dependencies in {time.perf_counter() - began:.0f} s")
    await vacuum(on.server.admin_url)
    renderer = StoryRenderer()
    ratios, by_key, queue = [], [], []
    for _ in range(REPETITIONS):
        async with database.tenant_transaction(tenant) as tx:
            by_key.append(await timed(1000, partial(one_story, tx, laid)))
            queue.append(await timed(1000, partial(ready, tx, laid, renderer)))
        ratios.append(p(queue[-1], 0.99) / p(by_key[-1], 0.99))
    beside = f"p99 {_median(queue, 0.99):.2f} ms / {_median(by_key, 0.99):.2f} ms"
    at_most(f"ready queue with its stories, {READY} ready / primary key", statistics.median(ratios), 10, beside)
    confirmed = [await timed(READY, partial(layer.confirm, where)) for where in (small, laid)]
    few, many = (p(times, 0.5) for times in confirmed)
    print(f"one confirmation, p50: {many:.2f} ms among {STORIES:,} stories = {many / few:.2f} x that among 200")


async def one_story(tx: TenantTx, laid: Laid, at: int) -> None:
    await tx.fetchrow(BY_KEY, laid.tenant, laid.stories[at * 97])


async def ready(tx: TenantTx, laid: Laid, renderer: StoryRenderer, _: int) -> None:
    found = await list_ready(tx.fetch, tx.tenant_id, QueueFilter(project_id=laid.project), 100, 0)
    assert found.total == READY == len(await renderer.listed(tx, found.rows))


def _median(runs: Sequence[Sequence[float]], share: float) -> float:
    return statistics.median(p(times, share) for times in runs)


@contextmanager
def serving(argument: str) -> Iterator[tuple[Serving, psutil.Process]]:
    command = [sys.executable, "-m", "bench.breakdown_app", argument]
    with guarded(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)) as process:
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline(), type=Serving), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def loaded(port: int, path: str, raw_key: str) -> Load:
    command = [sys.executable, "-m", "bench.load", str(port), str(CONNECTIONS), str(SECONDS), path, raw_key or "none"]
    return msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout, type=Load)


class Read(Struct, frozen=True):
    load: Load
    microseconds: float
    """Of the API's processor time, for each answer."""


def measured(serving: tuple[Serving, psutil.Process], path: str) -> Read:
    where, process = serving
    before = cpu([process])
    load = loaded(where.port, path, where.raw_key)
    return Read(load, (cpu([process]) - before) / max(1.0, load.rate * SECONDS) * 1e6)


def measure_reads(url: str) -> None:
    with ExitStack() as running:
        trivial, ours = (running.enter_context(serving(argument)) for argument in ("trivial", url))
        asked = {
            "trivial GET (G)": (trivial, trivial[0].story),
            "one story": (ours, ours[0].story),
            "list of 50 stories": (ours, ours[0].stories),
        }
        found: dict[str, list[Read]] = {name: [] for name in asked}
        for _ in range(REPETITIONS):
            for name, (of, path) in asked.items():
                found[name].append(measured(of, path))
    limits = found["trivial GET (G)"]
    for name, reads in found.items():
        tell(name, reads, limits)


def tell(name: str, reads: Sequence[Read], limits: Sequence[Read]) -> None:
    loads = [read.load for read in reads]
    ratio = statistics.median(load.rate / limit.load.rate for load, limit in zip(loads, limits, strict=True))
    rate, p99 = (statistics.median(getattr(load, each) for load in loads) for each in ("rate", "p99_ms"))
    microseconds, wrong = statistics.median(read.microseconds for read in reads), sum(load.wrong for load in loads)
    beside = f"{rate:,.0f} req/s, p99 {p99:.1f} ms, API {microseconds:.0f} µs, {wrong} wrong"
    if name in BARS:
        at_least(f"{name} / G", ratio, BARS[name], beside)
    else:
        told(name, beside)


async def vacuum(url: str) -> None:
    """As PostgreSQL does by itself within a minute of so many changes."""
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM (ANALYZE) app.work_queue")
    await connection.close()


async def measure() -> None:
    async with bench() as on:
        url = on.server.app_url
        await measure_queue(on, on.database)
        await asyncio.to_thread(measure_reads, url)


def main(_: list[str]) -> int:
    print_machine()
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
