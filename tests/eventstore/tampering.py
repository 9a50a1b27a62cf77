"""What a superuser can do to a log behind everybody's back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from eventstore.database.transaction import Database
from eventstore.heads.tree import frontier_at
from tests.support.database import TestDatabase, session

if TYPE_CHECKING:
    from tests.support.database import Connection

TABLES = ("log_entry", "log_checkpoint")

CUT = (
    "DELETE FROM app.log_entry WHERE tenant_id = $1 AND position >= $2::bigint",
    "UPDATE app.log_tile SET data = substr(data, 1, (least(256, greatest(0, ($2::bigint >> (8 * level)) - index * 256))"
    " * 32)::integer) WHERE tenant_id = $1 AND ($2::bigint >> (8 * level)) > index * 256",
    "DELETE FROM app.log_tile WHERE tenant_id = $1 AND ($2::bigint >> (8 * level)) <= index * 256",
)


@asynccontextmanager
async def superuser(made: TestDatabase) -> AsyncIterator["Connection"]:
    """A transaction without the triggers that refuse changes."""
    async with session(made.admin_url) as connection, connection.transaction():
        for table in TABLES:
            await connection.execute(f"ALTER TABLE app.{table} DISABLE TRIGGER refuse_change")
        yield connection
        for table in TABLES:
            await connection.execute(f"ALTER TABLE app.{table} ENABLE ALWAYS TRIGGER refuse_change")


async def put_back(made: TestDatabase, app: Database, tenant: UUID, size: int, *, heads_too: bool) -> None:
    """The log as it was at an earlier size, without a contradiction left in it; with the heads signed since, or not."""
    async with app.tenant_transaction(tenant) as tx:
        frontier = await frontier_at(tx, size)
        last = await tx.fetchval(
            "SELECT leaf_hash FROM app.log_entry WHERE tenant_id = $1 AND position = $2", tenant, size - 1
        )
    async with superuser(made) as connection:
        for statement in CUT:
            await connection.execute(statement, tenant, size)
        await connection.execute(
            "UPDATE app.log_head SET size = $2, frontier = $3, last_leaf = $4 WHERE tenant_id = $1",
            tenant, size, frontier.data(), last or bytes(32),
        )  # fmt: skip
        await connection.execute("DELETE FROM app.audit_index WHERE tenant_id = $1 AND position >= $2", tenant, size)
        if heads_too:
            await connection.execute("DELETE FROM app.log_checkpoint WHERE tenant_id = $1 AND size > $2", tenant, size)
