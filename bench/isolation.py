"""Two tenants ask at the same time, over fewer connections than there are requests, and each sees only its own.

    make soak ARGS="isolation 100000 [seed]"

Directly on a pool of two connections, and through pgbouncer, which gives each transaction one of two. The control
sets the tenant for the session instead of the transaction, and must go red.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import Database, TenantTx
from migrations.roles import bootstrap
from migrations.runner import migrate
from tests.api.asgi import Answer
from tests.api.logs import service
from tests.api.work import Client, client
from tests.contract.evidencing import CI_TRUST
from tests.support import pgbouncer
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, TestDatabase, created_database

AT_ONCE = 6
STORIES = 5
WRITES = 0.1
"""Share of the requests that change something; none in the control, where each would be an error in the log."""


class SessionTenant(Database):
    """The mistake: a tenant that is set outside of the transaction stays on a connection that others get next."""

    @asynccontextmanager
    async def tenant_transaction(self, tenant_id: UUID) -> AsyncIterator[TenantTx]:
        connection = await self._pool.take()
        await connection.execute(f"SET app.tenant = '{tenant_id}'")
        self._pool.give_back(connection)
        async with self._block("BEGIN", partial(TenantTx, tenant_id=tenant_id)) as tx:
            yield tx


class Tenant(Struct, frozen=True):
    asking: Client
    project: str
    stories: Sequence[str]
    marker: str
    """In everything that is this tenant's."""


class Report(Struct):
    asked: int = 0
    foreign: int = 0
    """Answers with something of the other tenant's."""
    wrong: int = 0
    """Answers without one's own, or with an error."""
    later: int = 0
    """Exports that were put off, because another one of the same key was under way."""
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.asked} requests in {self.seconds:.0f} s ({self.asked / self.seconds:.0f}/s), "
            f"{self.foreign} with rows of the other tenant, {self.wrong} without one's own, "
            f"{self.later} put off"
        )


async def campaign(
    database: TestDatabase, count: int, seed: int, connect: Callable[..., Any] | None = None, writes: float = WRITES
) -> Report:
    """``connect`` makes the application's pool; default two connections. What is there is made without it."""
    async with service(database) as plain:
        tenants = [await prepared(await client(plain), marker) for marker in ("anns-own", "bobs-own")]
    report, began = Report(), time.monotonic()
    chances = random.Random(seed)
    async with service(database, connect=connect or partial(Database.connect, max_size=2)) as started:
        asking = [Tenant(Client(started, each.asking.tenant, each.asking.raw), *_rest(each)) for each in tenants]
        requests = ((chances.random(), own, other) for _ in range(count // 2) for own, other in _both(asking))
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(_ask_on(requests, report, writes))
    report.seconds = time.monotonic() - began
    return report


TOO_MANY_AT_ONCE = 429


def _rest(tenant: Tenant) -> tuple[str, Sequence[str], str]:
    return tenant.project, tenant.stories, tenant.marker


def _both(tenants: Sequence[Tenant]) -> Iterator[tuple[Tenant, Tenant]]:
    yield tenants[0], tenants[1]
    yield tenants[1], tenants[0]


async def prepared(asking: Client, marker: str) -> Tenant:
    project = await asking.project(marker)
    epic = await asking.epic(project)
    stories = [await asking.story(epic, f"1.{number}", description=marker) for number in range(1, STORIES + 1)]
    trusted = await asking.send("PUT", f"/projects/{project}/ci-trust", {**CI_TRUST, "workflow": f"{marker}/ci.yml"})
    assert trusted.status == 200, trusted.body
    return Tenant(asking, project, stories, marker)


async def _ask_on(requests: Iterator[tuple[float, Tenant, Tenant]], report: Report, writes: float) -> None:
    for chance, own, other in requests:
        answer = await _ask(chance, own, writes)
        report.asked += 1
        foreign = (other.marker.encode(), str(other.asking.tenant).encode())
        report.foreign += any(text in answer.body for text in foreign)
        put_off = answer.status == TOO_MANY_AT_ONCE
        report.later += put_off
        report.wrong += not put_off and (answer.status != 200 or own.marker.encode() not in answer.body)


async def _ask(chance: float, own: Tenant, writes: float) -> Answer:
    story = f"/stories/{own.stories[int(chance * 1000) % STORIES]}"
    if chance < writes:
        return await own.asking.patch(story, {"description": f"{own.marker} {chance}"})
    project = f"/projects/{own.project}"
    reads = (story, "/projects", project, f"{project}/export", f"{project}/ci-trust")
    return await own.asking.get(reads[int(chance * 10_000) % len(reads)])


@asynccontextmanager
async def _database(admin_url: str) -> AsyncIterator[TestDatabase]:
    async with created_database(admin_url) as made:
        await bootstrap(made.admin_url, PASSWORDS)
        await migrate(made.migrator_url)
        yield made


def through(url: str, kind: type[Database] = Database) -> Callable[..., Any]:
    """To another address than the database's own."""

    async def connect(_: str, **how: Any) -> Database:
        return await kind.connect(url, max_size=AT_ONCE, **how)

    return connect


async def soak(admin_url: str, count: int, seed: int) -> int:
    async with _database(admin_url) as database:
        reports = {"directly": await campaign(database, count, seed)}
        mistaken = partial(SessionTenant.connect, max_size=2)
        controls = {"directly": await campaign(database, min(count, 2000), seed, mistaken, writes=0)}
        if pgbouncer.find():
            with pgbouncer.pgbouncer(database) as url:
                reports["pgbouncer"] = await campaign(database, count, seed, through(url))
                control = await campaign(database, min(count, 2000), seed, through(url, SessionTenant), writes=0)
                controls["pgbouncer"] = control
        else:
            print("pgbouncer is not installed: only directly")
    for name, report in reports.items():
        print(f"{name}: {report}, seed {seed}")
    for name, report in controls.items():
        print(f"control, the tenant set for the session, {name}: {report}")
    green = not any(report.foreign or report.wrong for report in reports.values())
    return 0 if green and all(report.foreign or report.wrong for report in controls.values()) else 1


def main(arguments: Sequence[str]) -> int:
    count = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    with tempfile.TemporaryDirectory(prefix="loopctl-isolation-") as folder, own_postgres(Path(folder)) as url:
        return asyncio.run(soak(url, count, seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
