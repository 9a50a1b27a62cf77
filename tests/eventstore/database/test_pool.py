"""Nothing of a transaction outlives it. LeanConnection has no reset query, so this is what it stands on."""

import asyncio
import random
from uuid import UUID, uuid4

import pytest
from msgspec import Struct, structs

from eventstore.database.transaction import SystemTx
from tests.eventstore.projects import add, ids
from tests.support.database import TestDatabase, connected

ROUNDS = 400

LEFT = """
    SELECT coalesce(current_setting('app.tenant', true), '') AS tenant,
           (SELECT count(*) FROM pg_settings WHERE source = 'session') AS settings,
           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
           (SELECT count(*) FROM pg_listening_channels()) AS channels,
           (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()) AS tables
"""


class Left(Struct, frozen=True):
    """What the session still has of an earlier transaction."""

    tenant: str
    settings: int
    locks: int
    channels: int
    tables: int


CLEAN = Left("", 0, 0, 0, 0)


async def left(tx: SystemTx) -> Left:
    row = await tx.fetchrow(LEFT)
    assert row is not None
    return Left(*row.values())


async def test_two_tenants_on_two_connections_never_meet(sample: TestDatabase) -> None:
    """Interleaved at random, with rollbacks and cancellations; each session is looked at after each release."""
    server = await connected(sample.app_url, role="loopctl_app", min_size=2, max_size=2)
    own: dict[UUID, set[UUID]] = {uuid4(): set(), uuid4(): set()}
    dice = random.Random(23)

    async def visit(tenant: UUID, fate: float, pause: float) -> None:
        async with server.tenant_transaction(tenant) as tx:
            seen = await ids(tx)
            assert seen <= own[tenant], "a row of the other tenant"
            added = await add(tx)
            own[tenant].add(added)
            await asyncio.sleep(pause)
            if fate < 0.2:
                raise LookupError
        async with server.system_transaction() as tx:
            assert await ids(tx) == set()
            assert await left(tx) == CLEAN

    async def client(tenant: UUID) -> None:
        for _ in range(ROUNDS // 8):
            fate, pause = dice.random(), dice.random() / 500
            try:
                # Two connections for eight clients: some wait, and the cancelled ones give back in any state.
                async with asyncio.timeout(pause / 2 if fate > 0.9 else 30):
                    await visit(tenant, fate, pause)
            except (LookupError, TimeoutError):
                pass

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(client(list(own)[number % 2]))
    for _ in range(2):
        async with server.system_transaction() as one, server.system_transaction() as other:
            assert (await left(one), await left(other)) == (CLEAN, CLEAN)
    await server.close()


@pytest.mark.parametrize(
    ("statement", "trace"),
    [
        ("SELECT set_config('app.tenant', '{tenant}', false)", "tenant"),
        ("SET work_mem = '8MB'", "settings"),
        ("SELECT pg_advisory_lock(1)", "locks"),
        ("LISTEN woken", "channels"),
    ],
)
async def test_what_would_outlive_a_transaction_is_seen(sample: TestDatabase, statement: str, trace: str) -> None:
    """The negative control: each way to break the promise, once."""
    server = await connected(sample.app_url, role="loopctl_app", max_size=1)
    tenant = uuid4()
    async with server.tenant_transaction(tenant) as tx:
        added = await add(tx)
        await tx.execute(statement.format(tenant=tenant))
    async with server.system_transaction() as tx:
        found = await left(tx)
        assert getattr(found, trace) == (str(tenant) if trace == "tenant" else 1)
        assert structs.replace(found, **{trace: getattr(CLEAN, trace)}) == CLEAN
        assert await ids(tx) == ({added} if trace == "tenant" else set())
    await server.close()
