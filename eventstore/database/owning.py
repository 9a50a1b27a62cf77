"""Transactions of the tables' owner, for what only the operator on the server does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from eventstore.database.transaction import SystemTx, TenantTx
from migrations.connection import connected
from migrations.runner import BECOME_OWNER

LONGEST_QUERY_SECONDS = 600.0

SET_TENANT = "SELECT set_config('app.tenant', $1, true)"


@asynccontextmanager
async def owner_transaction(url: str, tenant_id: UUID) -> AsyncIterator[TenantTx]:
    """On a connection of its own, of the administrator or loopctl_migrator. Raises MigrationError."""
    async with connected(url, LONGEST_QUERY_SECONDS) as connection, connection.transaction():
        await connection.execute(BECOME_OWNER)
        await connection.execute(SET_TENANT, str(tenant_id))
        yield TenantTx(connection, tenant_id)  # type: ignore[arg-type]  # a plain connection does as well as a pooled one


@asynccontextmanager
async def owner_rehearsal(url: str, tenant_id: UUID) -> AsyncIterator[TenantTx]:
    """As ``owner_transaction``, and nothing of it stays."""
    async with connected(url, LONGEST_QUERY_SECONDS) as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(BECOME_OWNER)
            await connection.execute(SET_TENANT, str(tenant_id))
            yield TenantTx(connection, tenant_id)  # type: ignore[arg-type]  # as above
        finally:
            await transaction.rollback()


@asynccontextmanager
async def owner_system_transaction(url: str) -> AsyncIterator[SystemTx]:
    """As ``owner_transaction``, of no tenant."""
    async with connected(url, LONGEST_QUERY_SECONDS) as connection, connection.transaction():
        await connection.execute(BECOME_OWNER)
        yield SystemTx(connection)  # type: ignore[arg-type]  # as above
