"""Rebuilding a read model from the log, in the transaction that would swap it."""

import sys
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import uvloop

from bench.append import Bench, bench
from bench.table import at_least, median, tell_machine, told
from domain.event import JsonText, Recorded, Stream
from domain.project import ProjectCreated
from eventstore.database.transaction import TenantTx
from eventstore.log.append import NewEvent, append, encode_batch, read_head
from eventstore.log.read import replay
from projections.inline import Projection
from projections.rebuild import rebuild
from projections.rows.projects import PROJECTS
from tests.eventstore.growing import opened_log
from tests.eventstore.writing import CODEC, NOON

EVENTS = 100_000
BATCH = 5_000
REPETITIONS = 3


async def measure() -> None:
    async with bench() as on:
        await tell_machine(on.server.admin_url)
        tenant = await opened_log(on.database)
        for _ in range(EVENTS // BATCH):
            await _projects(on, tenant)
        rates = []
        for _ in range(REPETITIONS):
            began = time.perf_counter()
            await _rebuild(on, tenant, compared=False)
            rates.append(EVENTS / (time.perf_counter() - began))
        at_least("rebuild of a read model, thousand events/s", median(rates) / 1000, 100)
        began = time.perf_counter()
        await _rebuild(on, tenant, compared=True)
        told("  with the comparison row by row", f"{EVENTS / (time.perf_counter() - began):,.0f} events/s")


async def _rebuild(on: Bench, tenant: UUID, *, compared: bool) -> None:
    connection = await asyncpg.connect(on.server.migrator_url, command_timeout=60)
    async with connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        tx = TenantTx(connection, tenant)  # type: ignore[arg-type]  # a plain connection does as well as a pooled one
        if compared:
            (found,) = await rebuild(tx, CODEC, Projection("project", ("app.project",), _apply))
            assert found.was_equal
            assert found.rows == EVENTS
        else:
            await tx.execute("DELETE FROM app.project WHERE tenant_id = $1", tenant)
            await _applied(tx)
    await connection.close()


async def _apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await PROJECTS.apply(tx, recorded)


async def _applied(tx: TenantTx) -> None:
    async for page in replay(tx, CODEC):
        await PROJECTS.apply(tx, page)


async def _projects(on: Bench, tenant: UUID) -> None:
    async with on.database.tenant_transaction(tenant) as tx:
        head = await read_head(tx)
        events = []
        for position in range(head.size, head.size + BATCH):
            event = ProjectCreated(name=f"Project {position}", slug=f"project-{position}", metadata=JsonText("{}"))
            recorded = Recorded(position, Stream("project", uuid4()), 0, NOON, ("test",), event)
            events.append(NewEvent(recorded, None, CODEC.encode(event)))
        written = encode_batch(head, events, at=NOON)
        await append(tx, written)
        await PROJECTS.apply(tx, written.recorded)


def main(_: list[str]) -> int:
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
