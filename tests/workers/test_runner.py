"""Jobs between Dramatiq's threads and the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from eventstore.database.transaction import Database
from tests.support.database import TestDatabase
from tests.workers.processes import until
from workers.actors import Actor, Outcome, Timing, Tools
from workers.metrics import JobMetrics
from workers.registry import ACTORS
from workers.runner import Runner


class Bench:
    """A runner whose counts can be read."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self.runner = Runner(Tools(database, Timing()), JobMetrics(self._registry))

    def entry(self, run: Callable[[Tools, UUID], Awaitable[Outcome]], seconds: float = 5.0) -> Callable[[str], None]:
        return self.runner.entry(Actor("tried", run, time_limit_seconds=seconds))

    def counted(self, outcome: str) -> float:
        return self._registry.get_sample_value("loopctl_jobs_total", {"actor": "tried", "outcome": outcome}) or 0.0

    def durations(self) -> float:
        return self._registry.get_sample_value("loopctl_job_seconds_count", {"actor": "tried"}) or 0.0


@pytest.fixture
def database(lasting_database: TestDatabase) -> TestDatabase:
    return lasting_database


@pytest.fixture
async def bench(worker_database: Database) -> Bench:
    return Bench(worker_database)


async def in_a_thread(entry: Callable[[str], None], row_id: str | None = None) -> None:
    await asyncio.to_thread(entry, row_id or str(uuid4()))


async def succeed(_: Tools, __: UUID) -> Outcome:
    return "done"


async def break_down(_: Tools, __: UUID) -> Outcome:
    raise ZeroDivisionError


async def endless(_: Tools, __: UUID) -> Outcome:
    await asyncio.sleep(60)
    return "done"


async def test_a_job_that_ends_well_is_counted_with_its_time(bench: Bench) -> None:
    await in_a_thread(bench.entry(succeed))
    assert (bench.counted("done"), bench.durations()) == (1, 1)


async def test_a_job_that_raises_is_counted_and_harms_nobody(bench: Bench) -> None:
    await in_a_thread(bench.entry(break_down))
    assert bench.counted("failed") == 1


async def test_a_job_that_takes_too_long_is_ended(bench: Bench) -> None:
    await in_a_thread(bench.entry(endless, seconds=0.1))
    assert bench.counted("timed_out") == 1


async def test_a_message_whose_id_is_none_is_dropped(bench: Bench) -> None:
    await in_a_thread(bench.entry(succeed), "../../etc/passwd")
    assert bench.counted("failed") == 1


async def test_an_interrupted_job_has_let_go_when_interrupt_returns(bench: Bench) -> None:
    let_go = asyncio.Event()

    async def tidy(_: Tools, __: UUID) -> Outcome:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            let_go.set()
        return "done"

    async with asyncio.TaskGroup() as group:
        group.create_task(in_a_thread(bench.entry(tidy)))
        await until(lambda: bench.runner.busy)
        await bench.runner.interrupt()
        assert let_go.is_set()
    assert bench.counted("interrupted") == 1


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.name)
def test_an_actor_takes_one_id_and_nothing_else(actor: Actor) -> None:
    assert [actor.run.__annotations__[name] for name in actor.run.__code__.co_varnames[:2]] == [Tools, UUID]
    assert actor.run.__code__.co_argcount == 2
