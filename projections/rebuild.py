"""Makes a tenant's read model again from its log and compares it with the live one, row by row.

All of it is one transaction of the tables' owner: everybody else goes on reading the live rows until its COMMIT swaps
them for the new ones, and the tenant's head is held, so that no event comes in between.
"""

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import replay
from projections.inline import Projection

HOLD_HEAD = "SELECT size FROM app.log_head WHERE tenant_id = $1 FOR UPDATE"


OF_TENANT = "WHERE tenant_id = $1"
LIVE = "_live"


class Rebuilt(Struct, frozen=True):
    """``unexplained`` live rows that the log does not make, ``missing`` rows that it makes and were not there."""

    table: str
    rows: int
    unexplained: int
    missing: int

    @property
    def was_equal(self) -> bool:
        return not self.unexplained and not self.missing


async def rebuild(tx: TenantTx, codec: Codec, projection: Projection) -> list[Rebuilt]:
    """One for each table. Leaves the rebuilt rows in place; roll back to have compared only. ``tx`` is the owner's."""
    await tx.fetchval(HOLD_HEAD, tx.tenant_id)
    for table in projection.tables:
        await _set_aside(tx, table)
    async for page in replay(tx, codec):
        await projection.apply(tx, page)
    return [await _compared(tx, table) for table in projection.tables]


async def _set_aside(tx: TenantTx, table: str) -> None:
    """Each statement names the tenant: the owner of a table is bound by its row security only where that is forced."""
    live = table + LIVE
    await tx.execute(f"CREATE TABLE {live} (LIKE {table})")
    await tx.execute(f"INSERT INTO {live} SELECT * FROM {table} {OF_TENANT}", tx.tenant_id)  # noqa: S608  # our own names
    await tx.execute(f"DELETE FROM {table} {OF_TENANT}", tx.tenant_id)  # noqa: S608  # our own name


async def _compared(tx: TenantTx, table: str) -> Rebuilt:
    live = table + LIVE
    rows = await tx.fetchval(f"SELECT count(*) FROM {table} {OF_TENANT}", tx.tenant_id)  # noqa: S608  # our own name
    unexplained = await _difference(tx, live, table)
    missing = await _difference(tx, table, live)
    await tx.execute(f"DROP TABLE {live}")
    return Rebuilt(table, rows, unexplained, missing)


async def _difference(tx: TenantTx, one: str, other: str) -> int:
    """Rows of the one that the other has not, or not as often."""
    rows = f"SELECT * FROM {one} {OF_TENANT} EXCEPT ALL SELECT * FROM {other} {OF_TENANT}"  # noqa: S608  # our own names
    count: int = await tx.fetchval(f"SELECT count(*) FROM ({rows}) AS difference", tx.tenant_id)  # noqa: S608  # as above
    return count
