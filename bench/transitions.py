"""Story transitions over HTTP against the service that `loopctl up` runs, beside a trivial POST (spec 07, section 3).

H is a trivial JSON POST through Litestar on the same uvicorn, one process, nothing of ours; ``bare`` is the same
without Litestar. Ours has everything on: keys, rate limits, idempotency keys, read models, the log; and PostgreSQL,
Redis and worker run on the same cores as the API and the load generator. CPU is the processes' own time for one
transition, which moves less than the rate when the machine has other work.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import msgspec
import psutil
from msgspec import Struct

from bench.limits import single_row_seconds
from bench.live import Live, live
from bench.load import Load
from bench.shell import ours as echo_server
from bench.table import at_least, at_most, median, tell_machine, told
from bench.transition_load import Agent, Plan

REPETITIONS = 5
SECONDS = 3.0
AGENTS = 64
TENANTS = 16
TASKS_PER_AGENT = 120
LONE_TASKS = 1200


class Measured(Struct, frozen=True):
    """``api`` and ``postgres`` are microseconds of processor time for one request."""

    load: Load
    api: float
    postgres: float = 0.0


class Round(Struct, frozen=True):
    """One of each, measured one after the other. ``commit`` in seconds."""

    bare: Load
    limit: Load
    one: Measured
    many: Measured
    lone_limit: Load
    lone: Measured
    commit: float


class Bench:
    def __init__(self, service: Live, bare: int, trivial: int) -> None:
        """``bare`` and ``trivial`` are ports."""
        self._service = service
        self._bare = bare
        self._trivial = trivial
        self._one = service.tenant(AGENTS)
        self._many = [service.tenant(AGENTS // TENANTS) for _ in range(TENANTS)]
        self._alone = service.tenant(1)

    def round(self) -> Round:
        return Round(
            bare=echoed(self._bare, AGENTS),
            limit=echoed(self._trivial, AGENTS),
            one=self._worked(self._one.work(TASKS_PER_AGENT)),
            many=self._worked([agent for tenant in self._many for agent in tenant.work(TASKS_PER_AGENT)]),
            lone_limit=echoed(self._trivial, 1),
            lone=self._worked(self._alone.work(LONE_TASKS)),
            commit=asyncio.run(single_row_seconds(self._service.admin_url)),
        )

    def warm(self) -> None:
        for tenant in (self._one, *self._many, self._alone):
            self._worked(tenant.work(TASKS_PER_AGENT), 0.3)

    def _worked(self, agents: Sequence[Agent], seconds: float = SECONDS) -> Measured:
        api, postgres = self._service.api, processes(self._service, "postgres")
        with tempfile.NamedTemporaryFile("wb", suffix=".json") as plan:
            plan.write(msgspec.json.encode(Plan(self._service.port, list(agents))))
            plan.flush()
            before = cpu([api]), cpu(postgres)
            done = run("bench.transition_load", plan.name, str(seconds))
            after = cpu([api]), cpu(postgres)
        count = max(1.0, done.rate * (seconds + min(0.5, seconds / 4)))
        return Measured(done, *((b - a) / count * 1e6 for a, b in zip(before, after, strict=True)))


def processes(service: Live, name: str) -> list[psutil.Process]:
    """With PostgreSQL its own children, one for each connection."""
    return [each for each in service.run.family() if name in each.name()]


def cpu(of: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in of if process.is_running()))


def run(module: str, *arguments: str) -> Load:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return msgspec.json.decode(done.stdout, type=Load)


def echoed(port: int, connections: int) -> Load:
    return run("bench.load", str(port), str(connections), str(SECONDS))


def tell(rounds: Sequence[Round]) -> None:
    told("limits, 64 connections", beside("H", [each.limit for each in rounds]))
    told("  the same without Litestar", beside("bare", [each.bare for each in rounds]))
    for name, of, bar in (("1 tenant", lambda each: each.one, 0.40), ("16 tenants", lambda each: each.many, 0.25)):
        _tell_rate(rounds, name, of, bar)
    lone = median([each.lone.load.p50_ms for each in rounds])
    ratio = median([each.lone.load.p50_ms / (each.commit * 1000 + each.lone_limit.p50_ms) for each in rounds])
    commit, post = median([each.commit * 1000 for each in rounds]), median([each.lone_limit.p50_ms for each in rounds])
    at_most(
        "one agent alone, p50 / (durable commit + trivial POST)", ratio, 3,
        f"{lone:.2f} ms / ({commit:.2f} + {post:.2f} ms)",
    )  # fmt: skip


def _tell_rate(rounds: Sequence[Round], name: str, of: Callable[[Round], Measured], bar: float) -> None:
    mine = [of(each) for each in rounds]
    ratio = median([found.load.rate / each.limit.rate for found, each in zip(mine, rounds, strict=True)])
    late = median([found.load.p99_ms / each.limit.p99_ms for found, each in zip(mine, rounds, strict=True)])
    at_least(f"transitions, {name}, {AGENTS} agents / H", ratio, bar, beside("", [each.load for each in mine]))
    at_most("  its p99 / p99 of H", late, 4)
    told(
        "  processor time of one transition",
        f"API {median([each.api for each in mine]):.0f} us, "
        f"PostgreSQL {median([each.postgres for each in mine]):.0f} us",
    )


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
        bench = Bench(service, bare.port, trivial.port)
        bench.warm()
        tell([bench.round() for _ in range(repetitions)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
