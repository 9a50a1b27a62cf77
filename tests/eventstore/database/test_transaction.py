"""One transaction: its end, its errors, and what it does not hand out."""

import traceback
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest

from eventstore.database.transaction import Database, SystemTx, TenantTx, TransactionAborted, WrongRole
from migrations.errors import MigrationError
from migrations.roles import with_role
from migrations.runner import migrate
from tests.eventstore.projects import add, ids
from tests.support.database import TestDatabase, connected


async def test_it_commits_at_the_end_of_the_block(server: Database, ann: UUID) -> None:
    async with server.tenant_transaction(ann) as tx:
        added = await add(tx)
    async with server.tenant_transaction(ann) as tx:
        assert await ids(tx) == {added}


async def test_an_exception_rolls_it_back_and_passes(server: Database, ann: UUID) -> None:
    async def failing() -> None:
        async with server.tenant_transaction(ann) as tx:
            await add(tx)
            raise LookupError

    with pytest.raises(LookupError):
        await failing()
    async with server.tenant_transaction(ann) as tx:
        assert await ids(tx) == set()


async def test_a_refused_statement_keeps_its_own_error(server: Database, ann: UUID) -> None:
    with pytest.raises(asyncpg.NotNullViolationError):
        async with server.tenant_transaction(ann) as tx:
            await tx.execute("INSERT INTO app.sample_project (tenant_id, project_id) VALUES ($1, $1)", ann)


async def test_a_swallowed_error_does_not_look_like_a_commit(server: Database, ann: UUID) -> None:
    async def careless() -> None:
        async with server.tenant_transaction(ann) as tx:
            await add(tx)
            with suppress(asyncpg.DivisionByZeroError):
                await tx.fetchval("SELECT 1 / 0")

    with pytest.raises(TransactionAborted):
        await careless()
    async with server.tenant_transaction(ann) as tx:
        assert await ids(tx) == set()


async def test_it_cannot_be_used_after_its_end(server: Database) -> None:
    async with server.system_transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="over"):
        await tx.fetch("SELECT 1")


async def test_it_has_no_public_attribute_that_leads_to_the_connection(server: Database, ann: UUID) -> None:
    async with server.tenant_transaction(ann) as tenant_tx, server.system_transaction() as system_tx:
        statements = {"fetch", "fetchrow", "fetchval", "execute"}
        assert {name for name in dir(tenant_tx) if not name.startswith("_")} == {*statements, "before", "tenant_id"}
        assert {name for name in dir(system_tx) if not name.startswith("_")} == statements


async def test_a_tenants_transaction_and_one_of_none_are_not_interchangeable(server: Database, ann: UUID) -> None:
    async with server.tenant_transaction(ann) as tenant_tx, server.system_transaction() as system_tx:
        assert not isinstance(tenant_tx, SystemTx)
        assert not isinstance(system_tx, TenantTx)


async def test_it_takes_uuids_and_gives_them_back(server: Database, ann: UUID) -> None:
    async with server.system_transaction() as tx:
        assert await tx.fetchval("SELECT $1::uuid", ann) == ann


async def test_the_limits_of_the_role_hold(server: Database) -> None:
    async with server.system_transaction() as tx:
        rows = await tx.fetch(
            "SELECT name, setting FROM pg_settings WHERE source = 'user' AND name LIKE '%timeout' ORDER BY name LIMIT 9"
        )
    assert {row["name"]: int(row["setting"]) for row in rows} == {
        "statement_timeout": 5_000,
        "lock_timeout": 2_000,
        "idle_in_transaction_session_timeout": 10_000,
        "transaction_timeout": 60_000,
    }


async def test_beginning_and_setting_the_tenant_is_one_round_trip(sample: TestDatabase, ann: UUID) -> None:
    """Counted at the protocol: BEGIN with the tenant, the query, COMMIT, and nothing on the way back to the pool."""
    server = await connected(sample.app_url, role="loopctl_app", max_size=1)
    async with server.tenant_transaction(ann) as tx:
        await tx.execute("SELECT 1")
    (connection,) = server._pool._free
    before = connection._protocol.queries_count  # type: ignore[attr-defined]  # what asyncpg counts is not public
    async with server.tenant_transaction(ann) as tx:
        await tx.execute("SELECT 1")
    assert connection._protocol.queries_count - before == 3  # type: ignore[attr-defined]  # as above
    await server.close()


@pytest.mark.parametrize("whose", ["admin_url", "migrator_url", "worker_url", "backup_url"])
async def test_an_address_of_another_role_is_refused(sample: TestDatabase, whose: str) -> None:
    with pytest.raises(WrongRole, match="loopctl_app"):
        await connected(getattr(sample, whose), role="loopctl_app")


UNREADABLE = [
    "postgresql://loopctl_app:hun/ter2@127.0.0.1:1/loopctl",
    "postgresql://loopctl_app:hun#ter2@127.0.0.1:1/loopctl",
    "postgresql://loopctl_app:hun?ter2@127.0.0.1:1/loopctl",
    "mysql://loopctl_app:hunter2@127.0.0.1/loopctl",
    "postgresql://loopctl_app:hunter2@127.0.0.1:99999/loopctl",
]


@pytest.mark.parametrize("url", UNREADABLE)
async def test_an_unreadable_address_is_refused_without_quoting_it(url: str) -> None:
    """asyncpg's own messages show the password from its first special character on, or up to it."""
    with pytest.raises(WrongRole, match="percent-encoded") as refusal:
        await connected(url, role="loopctl_app")
    shown = "".join(traceback.format_exception(refusal.value))
    assert "hun" not in shown
    assert "ter2" not in shown
    with pytest.raises(MigrationError, match="percent-encoded"):
        await migrate(url)


async def test_who_is_not_let_in_is_told_why(sample: TestDatabase) -> None:
    for url, reason in (
        (with_role(sample.app_url, "loopctl_app", "wrong"), "password authentication failed"),
        (sample.app_url.replace(f"/{sample.name}?", "/nowhere?"), "does not exist"),
    ):
        with pytest.raises(WrongRole, match=f"does not let loopctl_app in: .*{reason}"):
            await connected(url, role="loopctl_app", min_size=0)
