"""Story transitions over HTTP against the service that `loopctl up` runs, beside a trivial POST (spec 07, section 3).

H is a trivial JSON POST through Litestar on the same uvicorn, one process, nothing of ours; ``bare`` is the same
without Litestar. Ours has everything on: keys, rate limits, idempotency keys, read models, the log; and PostgreSQL,
Redis and worker run on the same cores as the API and the load generator. CPU is the processes' own time for one
transition, which moves less than the rate when the machine has other work.

Each figure stands beside the one from before the write path was made anew and beside what a quiet machine of two cores
may reach at best: one transition costs 343 us there with this language and this engine.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import asyncpg
import msgspec
import psutil
from msgspec import Struct

from bench import transition_profile
from bench.limits import ONE, ROW_BYTES, single_row_seconds
from bench.live import Live, live
from bench.load import Load
from bench.shell import Server
from bench.shell import ours as echo_server
from bench.table import at_least, at_most, median, tell_machine, told
from bench.transition_load import Agent, Plan

REPETITIONS = 3
SECONDS = 3.0
AGENTS = 64
TENANTS = 16
TASKS_PER_AGENT = 120
LONE_TASKS = 1200
INSERTS = 2000


PROCESSES = ("API", "PostgreSQL", "Redis", "worker", "generator")


class Measured(Struct, frozen=True):
    """``costs`` are microseconds of processor time for one request, by process."""

    load: Load
    costs: Mapping[str, float]


class Round(Struct, frozen=True):
    """One of each, measured one after the other. ``commit`` in seconds, of a lone durable insert of one row; ``insert``
    is PostgreSQL's processor time for one of them, in microseconds."""

    bare: Measured
    limit: Measured
    one: Measured
    many: Measured
    lone_limit: Measured
    lone: Measured
    commit: float
    insert: float


class Bench:
    def __init__(self, service: Live, bare: Server, trivial: Server) -> None:
        self._service = service
        self._bare = bare
        self._trivial = trivial
        self._one = service.tenant(AGENTS)
        self._many = [service.tenant(AGENTS // TENANTS) for _ in range(TENANTS)]
        self._alone = service.tenant(1)

    def round(self) -> Round:
        commit, insert = self._insert()
        return Round(
            bare=echoed(self._bare, AGENTS),
            limit=echoed(self._trivial, AGENTS),
            one=self._worked(self._one.work(TASKS_PER_AGENT)),
            many=self._worked([agent for tenant in self._many for agent in tenant.work(TASKS_PER_AGENT)]),
            lone_limit=echoed(self._trivial, 1),
            lone=self._worked(self._alone.work(LONE_TASKS)),
            commit=commit,
            insert=insert,
        )

    def warm(self) -> None:
        for tenant in (self._one, *self._many, self._alone):
            self._worked(tenant.work(TASKS_PER_AGENT), 0.3)

    def _insert(self) -> tuple[float, float]:
        return asyncio.run(durable_insert(self._service))

    def _worked(self, agents: Sequence[Agent], seconds: float = SECONDS) -> Measured:
        return worked(self._service, agents, seconds)


def worked(service: Live, agents: Sequence[Agent], seconds: float) -> Measured:
    """What the agents' transitions take for so long."""
    watched = {
        "API": [service.api],
        "PostgreSQL": processes(service, "postgres"),
        "Redis": [*processes(service, "redis"), *processes(service, "valkey")],
        "worker": [service.run.child("-m", "workers")],
    }
    with tempfile.NamedTemporaryFile("wb", suffix=".json") as plan:
        plan.write(msgspec.json.encode(Plan(service.port, list(agents))))
        plan.flush()
        before = {name: cpu(of) for name, of in watched.items()} | {"generator": children_seconds()}
        done = run("bench.transition_load", plan.name, str(seconds))
        after = {name: cpu(of) for name, of in watched.items()} | {"generator": children_seconds()}
    count = max(1.0, done.rate * (seconds + min(0.5, seconds / 4)))
    return Measured(done, {name: (after[name] - before[name]) / count * 1e6 for name in PROCESSES})


def processes(service: Live, name: str) -> list[psutil.Process]:
    """With PostgreSQL its own children, one for each connection."""
    return [each for each in service.run.family() if name in each.name()]


def cpu(of: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in of if process.is_running()))


async def durable_insert(service: Live) -> tuple[float, float]:
    """Median seconds of one, and PostgreSQL's processor time for one in microseconds."""
    await single_row_seconds(service.admin_url, 1)
    connection = await asyncpg.connect(service.admin_url)
    row, seconds, postgres = bytes(ROW_BYTES), [], processes(service, "postgres")
    before = cpu(postgres)
    for _ in range(INSERTS):
        began = time.perf_counter()
        await connection.execute(ONE, row)
        seconds.append(time.perf_counter() - began)
    used = cpu(postgres) - before
    await connection.close()
    return median(seconds), used / INSERTS * 1e6


def children_seconds() -> float:
    """Of children that have ended: the load generators."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def run(module: str, *arguments: str) -> Load:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return msgspec.json.decode(done.stdout, type=Load)


def echoed(server: Server, connections: int) -> Measured:
    before = server.cpu_seconds()
    done = run("bench.load", str(server.port), str(connections), str(SECONDS))
    return Measured(done, {"API": (server.cpu_seconds() - before) / max(1.0, done.rate * SECONDS) * 1e6})


def tell(rounds: Sequence[Round]) -> None:
    told("limits, 64 connections", beside("H", [each.limit.load for each in rounds]))
    told("  the same without Litestar", beside("bare", [each.bare.load for each in rounds]))
    one, many = Bars(0.27, 0.34, 170, 2, "was 0.20, 229 us"), Bars(0.16, 0.20, 300, 5, "was 0.12, 463 us")
    for name, of, bars in (("1 tenant", lambda each: each.one, one), ("16 tenants", lambda each: each.many, many)):
        _tell_rate(rounds, name, of, bars)
    lone = median([each.lone.load.p50_ms for each in rounds])
    ratio = median([each.lone.load.p50_ms / (each.commit * 1000 + each.lone_limit.load.p50_ms) for each in rounds])
    commit, post = (
        median([each.commit * 1000 for each in rounds]),
        median([each.lone_limit.load.p50_ms for each in rounds]),
    )
    at_most(
        "one agent alone, p50 / (durable commit + trivial POST)", ratio, 5,
        f"{lone:.2f} ms / ({commit:.2f} + {post:.2f} ms); was 11, stretch 3",
    )  # fmt: skip
    told("  processor time of one transition", by_process([each.lone for each in rounds]))


class Bars(Struct, frozen=True):
    """What must hold on two quiet cores; ``was`` is from before."""

    rate: float
    stretch: float
    api: float
    postgres: float
    was: str


def _tell_rate(rounds: Sequence[Round], name: str, of: Callable[[Round], Measured], bars: Bars) -> None:
    mine = [of(each) for each in rounds]
    ratio = median([found.load.rate / each.limit.load.rate for found, each in zip(mine, rounds, strict=True)])
    late = median([found.load.p99_ms / each.limit.load.p99_ms for found, each in zip(mine, rounds, strict=True)])
    at_least(
        f"transitions, {name}, {AGENTS} agents / H", ratio, bars.rate,
        f"{beside('', [each.load for each in mine])}; {bars.was}, stretch {bars.stretch:g}",
    )  # fmt: skip
    at_most("  its p99 / p99 of H", late, 4, "was 5.9 and 8.3, stretch 3")
    at_most("  processor time of the API, us", median([each.costs["API"] for each in mine]), bars.api)
    inserted = median([found.costs["PostgreSQL"] / each.insert for found, each in zip(mine, rounds, strict=True)])
    at_most("  processor time of PostgreSQL / of a durable single-row insert", inserted, bars.postgres)
    told("  processor time of one transition", by_process(mine))


def by_process(measured: Sequence[Measured]) -> str:
    costs = {name: median([each.costs[name] for each in measured]) for name in PROCESSES}
    return ", ".join(f"{name} {cost:.0f}" for name, cost in costs.items()) + f" us, all {sum(costs.values()):.0f}"


def beside(name: str, loads: Sequence[Load]) -> str:
    wrong = sum(load.wrong for load in loads)
    return (
        f"{name} {median([load.rate for load in loads]):,.0f}/s, p50 {median([load.p50_ms for load in loads]):.1f} ms, "
        f"p99 {median([load.p99_ms for load in loads]):.1f} ms{f', {wrong} WRONG' if wrong else ''}".strip()
    )


def main(arguments: Sequence[str]) -> int:
    repetitions = int(arguments[0]) if arguments else REPETITIONS
    with ExitStack() as running:
        bare, trivial = (running.enter_context(echo_server(name)) for name in ("bare", "litestar"))
        service = running.enter_context(live())
        asyncio.run(tell_machine(service.admin_url))
        bench = Bench(service, bare, trivial)
        bench.warm()
        tell([bench.round() for _ in range(repetitions)])
    transition_profile.main([])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
