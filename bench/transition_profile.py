"""Where the time of story transitions goes: the whole application in this process, 64 agents at once (spec 07, 4).

For SQL: statements of a batch, and how long each kind keeps its batch waiting. For Python: what takes most of the
process's own time.
"""

import asyncio
import cProfile
import pstats
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from api.services import utc_now
from bench.append import bench
from bench.breakdown_app import OnUrl
from bench.table import told
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.lane import Writer
from tests.api.asgi import JSON, ask
from tests.api.logs import Service, call, service
from tests.api.transferring import new_project, send
from tests.api.work import Client, client
from tests.support.backlog import backlog

AGENTS = 64
TASKS = 15
"""Stories of each agent in each of two rounds; the second is the one that is looked at."""
SHOWN = 14

Work = tuple[str, Sequence[Any]]
"""An agent's key and its stories."""


class Timed(TenantTx):
    """Passes every statement on and notes its first words and how long it took."""

    def __init__(self, tx: TenantTx, spent: "Counter[str]", counted: "Counter[str]") -> None:
        self.tenant_id = tx.tenant_id
        self.before = tx.before
        self._tx = tx
        self._spent = spent
        self._counted = counted

    async def fetch(self, query: str, *arguments: object) -> Any:
        return await self._timed(self._tx.fetch, query, arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Any:
        return await self._timed(self._tx.fetchrow, query, arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        return await self._timed(self._tx.fetchval, query, arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        return str(await self._timed(self._tx.execute, query, arguments))

    async def _timed(self, run: Callable[..., Awaitable[Any]], query: str, arguments: Sequence[object]) -> Any:
        began = time.perf_counter_ns()
        found = await run(query, *arguments)
        name = " ".join(query.split())[:70]
        self._spent[name] += time.perf_counter_ns() - began
        self._counted[name] += 1
        return found


class TimedDatabase(Database):
    """Of what lanes ask and write."""

    spent: "Counter[str]"
    counted: "Counter[str]"
    batches: int

    def reset(self) -> None:
        self.spent, self.counted, self.batches = Counter(), Counter(), 0

    async def run_to_end(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Any]]) -> Any:
        self.batches += 1
        return await super().run_to_end(tenant_id, lambda tx: work(Timed(tx, self.spent, self.counted)))

    async def call(self, query: str, *arguments: object) -> None:
        self.batches += 1
        with self._timed(query):
            await super().call(query, *arguments)

    async def ask(self, query: str, *arguments: object) -> asyncpg.Record | None:
        with self._timed(query):
            return await super().ask(query, *arguments)

    @contextmanager
    def _timed(self, query: str) -> Iterator[None]:
        began = time.perf_counter_ns()
        yield
        name = " ".join(query.split())[:70]
        self.spent[name] += time.perf_counter_ns() - began
        self.counted[name] += 1


async def agents_of(running: Service, user: Client, count: int) -> list[str]:
    """Their raw keys."""
    made = []
    for number in range(count):
        body = {"name": f"agent-{number}", "role": "agent"}
        raw = (await user.post("/api_keys", body)).json()["api_key"]["raw_key"]
        await call(running.app, raw, "/api/v1/agents/register", "POST", {**body, "agent_type": "implementer"})
        made.append(raw)
    return made


async def tasks_of(running: Service, user: Client, slug: str, count: int) -> list[Any]:
    """New stories that wait for nobody."""
    project = await new_project(running.app, user.raw, slug)
    body = {**backlog(5, count), "story_dependencies": [], "epic_dependencies": []}
    await send(running.app, user.raw, project, body)
    pages = range(0, count, 100)
    answers = [await user.get(f"/stories?project_id={project}&limit=100&offset={offset}") for offset in pages]
    return [story for answer in answers for story in answer.json()["data"]]


async def round_of(running: Service, work: Sequence[Work]) -> None:
    async def one(raw: str, stories: Sequence[Any]) -> None:
        for story in stories:
            echo = {"story_title": story["title"], "ac_count": story["ac_count"]}
            for action, body in (("contract", echo), ("claim", {}), ("start", {}), ("request-review", {})):
                headers = {**JSON, "Authorization": f"Bearer {raw}", "Idempotency-Key": secrets.token_hex(8)}
                path = f"/api/v1/stories/{story['id']}/{action}"
                answer = await ask(running.app, path, method="POST", headers=headers, body=msgspec.json.encode(body))
                if answer.status != 200:
                    raise RuntimeError(answer.body)

    await asyncio.gather(*(one(raw, stories) for raw, stories in work))


async def profiled(running: Service, database: TimedDatabase, tenants: int) -> None:
    rounds: list[list[Work]] = [[], []]
    for _ in range(tenants):
        user = await client(running)
        keys = await agents_of(running, user, AGENTS // tenants)
        for number, work in enumerate(rounds):
            tasks = await tasks_of(running, user, f"p-{number}", TASKS * len(keys))
            work += [(raw, tasks[place :: len(keys)]) for place, raw in enumerate(keys)]
    await round_of(running, rounds[0])
    database.reset()
    profile = cProfile.Profile()
    began = time.process_time()
    profile.enable()
    await round_of(running, rounds[1])
    profile.disable()
    _tell(database, AGENTS * TASKS * 4, time.process_time() - began)
    pstats.Stats(profile).sort_stats("tottime").print_stats(SHOWN)


def _tell(database: TimedDatabase, count: int, seconds: float) -> None:
    statements = sum(database.counted.values()) / database.batches
    told("transitions of a batch", f"{count / database.batches:.1f}")
    told("statements of a batch beside BEGIN and COMMIT, where it has them", f"{statements:.1f}")
    told("processor time of a transition, profiler included", f"{seconds / count * 1e6:.0f} us")
    for name, spent in database.spent.most_common():
        each = spent / database.counted[name] / 1e6
        told(f"  {database.counted[name] / database.batches:.2f} a batch, {each:.2f} ms each", name)


async def measure(tenants: int) -> None:
    async with bench() as on:
        database = await TimedDatabase.connect(on.server.app_url, role="loopctl_app")
        database.reset()
        async with service(OnUrl("bench", on.server.app_url), remember_seconds=1.0) as plain:
            store = msgspec.structs.replace(plain.store, database=database, now=utc_now)
            async with service(
                OnUrl("bench", on.server.app_url), remember_seconds=1.0, submit=Writer(store).submit
            ) as running:
                await profiled(running, database, tenants)
        await database.close()


def main(_: Sequence[str]) -> int:
    for tenants in (1, 16):
        print(f"{tenants} tenant(s), {AGENTS} agents")
        uvloop.run(measure(tenants))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
