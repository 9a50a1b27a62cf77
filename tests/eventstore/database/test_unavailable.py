"""Faults of the server: named, bounded in time, and over when the server is well again."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from eventstore.database.transaction import Contended, Database, DatabaseUnavailable, TenantTx, Timeouts, retrying
from tests.eventstore.projects import add
from tests.support.database import TestDatabase, session

IMPATIENT = Timeouts(connect=2, acquire=0.3, command=0.4, rollback=0.2)

if TYPE_CHECKING:
    from tests.support.database import Connection

PLACES = 4
"""Of the pool that the fixture ``server`` opens."""

PID = "SELECT pg_backend_pid()"


async def failure(server: Database, statement: str) -> DatabaseUnavailable:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with server.system_transaction() as tx:
            await tx.execute(statement)
    return caught.value


async def works(server: Database) -> bool:
    async with server.system_transaction() as tx:
        return bool(await tx.fetchval("SELECT true"))


async def whole(server: Database) -> bool:
    """Can every place of the pool be used, all at the same time? A lost one shows in no count of connections."""
    inside = asyncio.Barrier(PLACES)

    async def use() -> None:
        async with server.system_transaction():
            await inside.wait()

    async with asyncio.timeout(10):
        uses = [asyncio.ensure_future(use()) for _ in range(PLACES)]
        done, waiting = await asyncio.wait(uses, return_when=asyncio.FIRST_EXCEPTION)
        for use_of_one in waiting:
            use_of_one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return not any(use_of_one.exception() for use_of_one in done)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("53100", "exhausted"),  # disk full
        ("53200", "exhausted"),
        ("53300", "exhausted"),
        ("58030", "exhausted"),  # input/output error
        ("55P03", "timeout"),  # lock_timeout
        ("57P03", "lost"),  # starting up
        ("25P04", "timeout"),  # transaction_timeout
        ("40001", "contended"),
        ("40P01", "contended"),
    ],
)
async def test_what_the_server_cannot_do_now_is_named(server: Database, state: str, reason: str) -> None:
    found = await failure(server, f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
    assert (found.reason, found.outcome_unknown) == (reason, False)
    assert isinstance(found, Contended) == (reason == "contended")
    assert await works(server)


async def test_our_own_mistakes_are_not_called_unavailability(server: Database) -> None:
    for statement, error in (("SELECT nonsense", asyncpg.UndefinedColumnError), ("SELECT 1/0", asyncpg.DataError)):
        with pytest.raises(error):
            async with server.system_transaction() as tx:
                await tx.execute(statement)
    with pytest.raises(asyncpg.InterfaceError):
        async with server.system_transaction() as tx:
            await tx.execute("SELECT $1::int", "one", "too many")


async def test_a_slow_statement_ends_with_the_servers_limit(server: Database) -> None:
    found = await failure(server, "SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)")
    assert found.reason == "timeout"
    assert await works(server)


async def test_a_session_that_was_ended_is_replaced(sample: TestDatabase, server: Database) -> None:
    found = await failure(server, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert found.reason == "lost"
    assert await works(server)
    async with session(sample.admin_url) as connection:
        # In the pool, between two transactions: the next user must not notice.
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'loopctl_app'")
    await asyncio.sleep(0.05)
    assert await works(server)


async def test_a_session_lost_inside_the_block_fails_its_commit_as_unknown(
    sample: TestDatabase, server: Database
) -> None:
    """Many times over: asyncpg fails in three ways, by how much of the server's farewell it has read."""

    async def ended(admin: "Connection", pause: float) -> None:
        async with server.system_transaction() as tx:
            await admin.execute("SELECT pg_terminate_backend($1)", await tx.fetchval(PID))
            await asyncio.sleep(pause)

    async with session(sample.admin_url) as admin:
        for number in range(40):
            with pytest.raises(DatabaseUnavailable) as caught:
                await ended(admin, number / 20_000)
            assert (caught.value.reason, caught.value.outcome_unknown) == ("lost", True)
            assert await works(server)
    assert server.connections[1] == 0
    assert await whole(server)


async def test_a_session_lost_inside_the_block_does_not_hide_the_blocks_own_error(
    sample: TestDatabase, server: Database
) -> None:
    """Here the ROLLBACK is the first to meet the farewell."""

    async def failing(admin: "Connection", pause: float) -> None:
        async with server.system_transaction() as tx:
            await admin.execute("SELECT pg_terminate_backend($1)", await tx.fetchval(PID))
            await asyncio.sleep(pause)
            raise LookupError

    async with session(sample.admin_url) as admin:
        for number in range(40):
            with pytest.raises(LookupError):
                await failing(admin, number / 20_000)
            assert await works(server)
    assert server.connections[1] == 0
    assert await whole(server)


async def test_a_place_of_the_pool_that_was_lost_would_be_seen(sample: TestDatabase) -> None:
    """The negative control: one of the four is never given back."""
    server = await Database.connect(sample.app_url, role="loopctl_app", max_size=PLACES, timeouts=IMPATIENT)
    async with server.system_transaction():
        assert not await whole(server)
    assert await whole(server)
    await server.close()


async def test_a_frozen_server_is_waited_for_no_longer_than_allowed(sample: TestDatabase) -> None:
    """SIGSTOP to the one backend that the pool has."""
    server = await Database.connect(sample.app_url, role="loopctl_app", max_size=1, timeouts=IMPATIENT)
    async with server.system_transaction() as tx:
        pid = await tx.fetchval(PID)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        outcomes = await asyncio.gather(*(server.ping(5) for _ in range(8)), return_exceptions=True)
        took = time.monotonic() - began
    finally:
        os.kill(pid, signal.SIGCONT)
    failures = [outcome for outcome in outcomes if isinstance(outcome, DatabaseUnavailable)]
    assert {error.reason for error in failures} == {"timeout", "busy"}, outcomes
    assert took < 20, "the control waits for a minute"
    assert await works(server)
    await server.close()


async def test_without_the_limit_a_frozen_server_would_hold_its_caller(sample: TestDatabase) -> None:
    """The negative control: the same fault with a command timeout of a minute."""
    patient = Timeouts(command=60)
    server = await Database.connect(sample.app_url, role="loopctl_app", max_size=1, timeouts=patient)
    async with server.system_transaction() as tx:
        pid = await tx.fetchval(PID)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await server.system_transaction().__aenter__()
    finally:
        os.kill(pid, signal.SIGCONT)
    await server.close()


async def test_when_every_connection_is_taken_it_says_busy(sample: TestDatabase) -> None:
    server = await Database.connect(sample.app_url, role="loopctl_app", max_size=1, timeouts=IMPATIENT)
    async with server.system_transaction():
        with pytest.raises(DatabaseUnavailable) as caught:
            await works(server)
        assert caught.value.reason == "busy"
        assert server.connections == (1, 1)
    assert await works(server)
    await server.close()


async def test_no_server_is_unavailable_and_not_a_crash() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database.connect("postgresql://loopctl_app:x@127.0.0.1:1/nothing", role="loopctl_app")
    assert caught.value.reason == "lost"


async def lock_in_opposite_order(server: Database, tenant: UUID, *, patiently: bool) -> list[BaseException | None]:
    """Two transactions lock the same two rows, each the other's second row first: a deadlock for certain."""
    async with server.tenant_transaction(tenant) as tx:
        rows = [await add(tx), await add(tx)]
    both_hold_one = asyncio.Barrier(2)

    async def both(order: list[UUID]) -> None:
        tries = 0

        async def once() -> None:
            nonlocal tries
            tries += 1
            async with server.tenant_transaction(tenant) as tx:
                await lock(tx, order[0])
                if tries == 1:
                    await both_hold_one.wait()
                await lock(tx, order[1])

        await (retrying(once) if patiently else once())

    return [*await asyncio.gather(both(rows), both(rows[::-1]), return_exceptions=True)]


async def lock(tx: TenantTx, project_id: UUID) -> None:
    assert await tx.fetchval("SELECT true FROM app.sample_project WHERE project_id = $1 FOR UPDATE", project_id)


@pytest.fixture
async def alert_server(sample: TestDatabase) -> AsyncIterator[Database]:
    """Looks for deadlocks after 20 ms instead of a second."""
    async with session(sample.admin_url) as connection:
        await connection.execute(f"ALTER DATABASE {sample.name} SET deadlock_timeout = '20ms'")
    server = await Database.connect(sample.app_url, role="loopctl_app")
    yield server
    await server.close()


async def test_a_deadlock_does_not_surface_through_retrying(alert_server: Database, ann: UUID) -> None:
    assert await lock_in_opposite_order(alert_server, ann, patiently=True) == [None, None]


async def test_a_deadlock_surfaces_without_it(alert_server: Database, ann: UUID) -> None:
    """The negative control."""
    outcomes = await lock_in_opposite_order(alert_server, ann, patiently=False)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Contended", "NoneType"]


async def test_a_table_changed_by_a_migration_under_a_prepared_statement_is_worth_a_retry(
    sample: TestDatabase, server: Database
) -> None:
    async def read() -> list[asyncpg.Record]:
        async with server.system_transaction() as tx:
            return await tx.fetch("SELECT * FROM app.key_check")

    await read()
    async with session(sample.admin_url) as connection:
        await connection.execute("ALTER TABLE app.key_check ADD COLUMN extra text")
    with pytest.raises(Contended):
        await read()
    async with session(sample.admin_url) as connection:
        await connection.execute("ALTER TABLE app.key_check DROP COLUMN extra")
    await retrying(read)


async def test_retrying_gives_up_after_three_retries_with_growing_pauses() -> None:
    tries, pauses = 0, list[float]()

    async def always() -> None:
        nonlocal tries
        tries += 1
        raise Contended

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(Contended):
        await retrying(always, sleep=sleep, jitter=lambda: 0.5)
    assert tries == 4
    assert pauses == [0.01, 0.02, 0.04]


async def test_retrying_repeats_nothing_but_collisions() -> None:
    tries = 0

    async def lost() -> None:
        nonlocal tries
        tries += 1
        raise DatabaseUnavailable("lost", outcome_unknown=True)

    with pytest.raises(DatabaseUnavailable):
        await retrying(lost)
    assert tries == 1


async def test_a_call_that_is_lost_may_have_happened(server: Database) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        await server.call("SELECT pg_terminate_backend(pg_backend_pid())")
    assert (caught.value.reason, caught.value.outcome_unknown) == ("lost", True)
    assert await works(server)


async def test_a_call_that_the_server_refused_has_not_happened(sample: TestDatabase, server: Database) -> None:
    """Two seconds: the role's lock_timeout."""
    async with session(sample.admin_url) as other, other.transaction():
        await other.execute("LOCK TABLE app.schema_migration")
        with pytest.raises(DatabaseUnavailable) as caught:
            await server.call("SELECT FROM app.schema_migration")
    assert (caught.value.reason, caught.value.outcome_unknown) == ("timeout", False)
    assert await works(server)


async def test_a_call_that_never_got_a_connection_has_not_happened(sample: TestDatabase) -> None:
    small = await Database.connect(sample.app_url, role="loopctl_app", max_size=1, timeouts=Timeouts(acquire=0.05))
    async with small.system_transaction():
        with pytest.raises(DatabaseUnavailable) as caught:
            await small.call("SELECT 1")
    assert (caught.value.reason, caught.value.outcome_unknown) == ("busy", False)
    await small.close()
