"""Requests are cancelled at any moment. What was acknowledged is there, and the pool is whole afterwards."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest

from eventstore.database.transaction import Database, TenantTx
from tests.eventstore.projects import add, ids
from tests.support.database import TestDatabase, connected, session

CLIENTS, ROUNDS = 4, 100

Insert = Callable[[Database, UUID, set[UUID]], Awaitable[None]]

STUCK = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"


async def acknowledged_after_commit(server: Database, tenant: UUID, acknowledged: set[UUID]) -> None:
    async with server.tenant_transaction(tenant) as tx:
        added = await add(tx)
    acknowledged.add(added)


async def acknowledged_too_early(server: Database, tenant: UUID, acknowledged: set[UUID]) -> None:
    async with server.tenant_transaction(tenant) as tx:
        acknowledged.add(await add(tx))
        await asyncio.sleep(0.001)


async def cancelled_at_random(server: Database, tenant: UUID, insert: Insert) -> tuple[set[UUID], int]:
    """What was acknowledged, and how many were cancelled."""
    dice = random.Random(7)
    acknowledged: set[UUID] = set()
    cancelled = 0
    patience = 0.006  # seconds; finds its way to where half of them are cancelled, however fast the machine is

    async def client() -> None:
        nonlocal cancelled, patience
        for _ in range(ROUNDS):
            task = asyncio.ensure_future(insert(server, tenant, acknowledged))
            await asyncio.sleep(dice.random() * patience)
            met = task.cancel()
            cancelled += met
            patience *= 1.1 if met else 1 / 1.1
            await asyncio.sleep(dice.random() * 0.0005)
            task.cancel()  # again, while it cleans up
            with suppress(asyncio.CancelledError):
                await task

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return acknowledged, cancelled


async def rows(server: Database, tenant: UUID) -> set[UUID]:
    async with server.tenant_transaction(tenant) as tx:
        return await ids(tx)


async def test_what_was_acknowledged_is_there_whenever_the_caller_was_cancelled(
    sample: TestDatabase, server: Database, ann: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, cancelled = await cancelled_at_random(server, ann, acknowledged_after_commit)
    stored = await rows(server, ann)
    assert acknowledged <= stored
    assert cancelled > 10, "too few cancellations to mean anything"
    assert len(acknowledged) > 10
    async with session(sample.admin_url) as connection, asyncio.timeout(20):
        while await connection.fetchval(STUCK):  # a rollback goes on beside the one who was cancelled twice
            await asyncio.sleep(0.02)
    await asyncio.gather(*(rows(server, ann) for _ in range(20)))  # every connection of the pool still works
    assert caplog.messages == [], "asyncpg found a connection that was given back inside a transaction"


async def test_an_acknowledgement_before_the_commit_would_be_caught(server: Database, ann: UUID) -> None:
    """The negative control."""
    acknowledged, _ = await cancelled_at_random(server, ann, acknowledged_too_early)
    assert acknowledged - await rows(server, ann)


async def test_a_shielded_transaction_outlives_its_caller(sample: TestDatabase, server: Database, ann: UUID) -> None:
    leaving = await connected(sample.app_url, role="loopctl_app")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(tx: TenantTx) -> UUID:
        begun.set()
        await go_on.wait()
        return await add(tx)

    caller = asyncio.ensure_future(leaving.run_to_end(ann, work))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await rows(server, ann) == set()
    go_on.set()
    await leaving.close()  # waits for it
    assert len(await rows(server, ann)) == 1


async def test_a_shielded_transaction_that_has_not_begun_is_not_lost_by_closing(
    sample: TestDatabase, server: Database, ann: UUID
) -> None:
    leaving = await connected(sample.app_url, role="loopctl_app")
    caller = asyncio.ensure_future(leaving.run_to_end(ann, add))
    await asyncio.sleep(0)
    caller.cancel()
    await leaving.close()
    assert len(await rows(server, ann)) == 1


async def test_a_shielded_transaction_gives_its_result_and_its_errors(server: Database, ann: UUID) -> None:
    added = await server.run_to_end(ann, add)
    assert await rows(server, ann) == {added}

    async def failing(tx: TenantTx) -> None:
        await add(tx)
        raise LookupError

    with pytest.raises(LookupError):
        await server.run_to_end(ann, failing)
    assert await rows(server, ann) == {added}


async def test_a_call_outlives_its_caller(sample: TestDatabase, server: Database, ann: UUID) -> None:
    leaving = await connected(sample.app_url, role="loopctl_app")
    caller = asyncio.ensure_future(leaving.call(SLOW_INSERT, ann, ann))
    await asyncio.sleep(0.05)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await rows(server, ann) == set()
    await leaving.close()  # waits for it
    assert await rows(server, ann) == {ann}


SLOW_INSERT = """
    WITH bound AS MATERIALIZED (SELECT app.bind_tenant($1), pg_sleep(0.3))
    INSERT INTO app.sample_project (tenant_id, project_id, name) SELECT $1, $2, 'x' FROM bound
"""
