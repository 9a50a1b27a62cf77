"""What the index of the audit trail costs an append, and the change feed against a trivial GET (spec 07, section 3)."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID, uuid4

import msgspec
import uvloop

from bench.append import Bench, bench
from bench.breakdown import loaded, serving
from bench.changes_app import Following
from bench.load import Load
from bench.shell import print_machine
from domain.event import Event, Stream
from domain.lifecycle.events import StoryClaimed, StoryUnclaimed
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import InlineProjection, Writer
from projections.inline import INLINE
from projections.rows import audit_index
from tests.eventstore.writing import NOON, store
from tests.support.events import new_project, new_story, put
from tests.support.guarded import guarded

REPETITIONS = 5
CALLERS = 64
COMMANDS = 6400
AGENT = UUID(int=9)
WITHOUT = tuple(apply for apply in INLINE if apply is not audit_index.apply)
ACTOR = (f"api_key:{uuid4()}", "agent:worker-1")


async def transitions(on: Bench, projections: tuple[InlineProjection, ...]) -> float:
    """Claims and unclaims of 64 stories a second, each a command of its own, all other read models written."""
    whole = msgspec.structs.replace(store(on.database), projections=projections)
    tenant, project = await on.new_log(), new_project()
    stories = [new_story(project[0], str(number)) for number in range(CALLERS)]
    await put(whole, tenant, project, *stories, at=NOON)
    writer = Writer(whole)

    async def call(story: Stream) -> None:
        for number in range(COMMANDS // CALLERS):
            await writer.submit(tenant, _command(story, _event(project[0].id, number)))

    began = time.perf_counter()
    await asyncio.gather(*(call(stream) for stream, _ in stories))
    return COMMANDS / (time.perf_counter() - began)


def _event(project: UUID, number: int) -> Event:
    if number % 2:
        return StoryUnclaimed(
            project_id=project, epic_id=UUID(int=3), agent_status_was="assigned", agent_id=AGENT,
            assigned_agent_id_was=AGENT,
        )  # fmt: skip
    return StoryClaimed(
        project_id=project, epic_id=UUID(int=3), agent_status_was="contracted", agent_id=AGENT,
        contracted_by_agent_id=AGENT,
    )  # fmt: skip


def _command(story: Stream, event: Event) -> Command:
    return Command(
        origin=Origin(actor=ACTOR, at=NOON, refuse=lambda _: Reply(422, b"")), needs=(), streams=(story,),
        decide=lambda _: [Change(story, event)], answer=lambda *_: None,
    )  # fmt: skip


async def measure_index(on: Bench) -> None:
    with_index, without = [], []
    for _ in range(REPETITIONS):
        without.append(await transitions(on, WITHOUT))
        with_index.append(await transitions(on, INLINE))
    ratio = statistics.median(one / other for one, other in zip(with_index, without, strict=True))
    print(
        f"transitions in process, {CALLERS} callers: with the index {statistics.median(with_index):,.0f}/s = "
        f"{ratio:.2f} x without ({statistics.median(without):,.0f}/s)"
    )


@contextmanager
def following(url: str) -> Iterator[Following]:
    command = [sys.executable, "-m", "bench.changes_app", url]
    with guarded(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)) as process:
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline(), type=Following)
        finally:
            process.terminate()
            process.wait(timeout=30)


def measure_feed(url: str) -> None:
    with ExitStack() as running:
        trivial, _ = running.enter_context(serving("trivial"))
        ours = running.enter_context(following(url))
        asked = {
            "trivial GET (G)": (trivial.port, trivial.story, ""),
            "feed, 100 entries": (ours.port, ours.page, ours.raw_key),
            "by project and action": (ours.port, ours.filtered, ours.raw_key),
        }
        found: dict[str, list[Load]] = {name: [] for name in asked}
        for _ in range(REPETITIONS):
            for name, place in asked.items():
                found[name].append(loaded(*place))
    limits = found["trivial GET (G)"]
    for name, loads in found.items():
        ratio = statistics.median(load.rate / limit.rate for load, limit in zip(loads, limits, strict=True))
        print(
            f"{name:24}{statistics.median(load.rate for load in loads):9,.0f} req/s = {ratio:.2f} x G, "
            f"p99 {statistics.median(load.p99_ms for load in loads):.1f} ms, {sum(load.wrong for load in loads)} wrong"
        )


async def measure() -> None:
    async with bench() as on:
        await measure_index(on)
        await asyncio.to_thread(measure_feed, on.server.app_url)


def main(_: list[str]) -> int:
    print_machine()
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
