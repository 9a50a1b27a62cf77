"""Makes a tenant's read model again from its log and compares it with the live one, row by row.

All of it is one transaction of the tables' owner: everybody else goes on reading the live rows until its COMMIT swaps
them for the new ones, and the tenant's head is held, so that no event comes in between.
"""

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import replay
from projections.digests import digested_tables
from projections.inline import Projection

HOLD_HEAD = "SELECT size FROM app.log_head WHERE tenant_id = $1 FOR UPDATE"


OF_TENANT = "WHERE tenant_id = $1"
LIVE = "_live"
MOST_NAMED = 20


class Rebuilt(Struct, frozen=True):
    """``unexplained`` live rows that the log does not make, ``missing`` rows that it makes and were not there; a row
    that was changed is both. ``keys`` are those of the first of them, as text."""

    table: str
    rows: int
    unexplained: int
    missing: int
    keys: tuple[str, ...]

    @property
    def was_equal(self) -> bool:
        return not self.unexplained and not self.missing


async def rebuild(tx: TenantTx, codec: Codec, projection: Projection) -> list[Rebuilt]:
    """One for each table. Leaves the rebuilt rows in place; roll back to have compared only. ``tx`` is the owner's.

    Raises LogIncomplete when the whole log cannot be read: then roll back.
    """
    await tx.fetchval(HOLD_HEAD, tx.tenant_id)
    for table in projection.tables:
        await set_aside(tx, table)
    async for page in replay(tx, codec):
        await projection.apply(tx, page)
    return [await compared(tx, table) for table in projection.tables]


async def set_aside(tx: TenantTx, table: str) -> None:
    """Each statement names the tenant: the owner of a table is bound by its row security only where that is forced."""
    live = table + LIVE
    await tx.execute(f"CREATE TABLE {live} (LIKE {table})")
    await tx.execute(f"INSERT INTO {live} SELECT * FROM {table} {OF_TENANT}", tx.tenant_id)  # noqa: S608  # our own names
    await tx.execute(f"DELETE FROM {table} {OF_TENANT}", tx.tenant_id)  # noqa: S608  # our own name


async def compared(tx: TenantTx, table: str) -> Rebuilt:
    """The table against its rows of before, which ``set_aside`` has kept and which are gone after this."""
    live = table + LIVE
    (shape,) = await digested_tables(tx, [table])
    rows = await tx.fetchval(f"SELECT count(*) FROM {table} {OF_TENANT}", tx.tenant_id)  # noqa: S608  # our own name
    unexplained, keys = await _difference(tx, live, table, shape.key)
    missing, others = await _difference(tx, table, live, shape.key)
    await tx.execute(f"DROP TABLE {live}")
    return Rebuilt(table, rows, unexplained, missing, tuple(dict.fromkeys((*keys, *others)))[:MOST_NAMED])


async def _difference(tx: TenantTx, one: str, other: str, key: str) -> tuple[int, list[str]]:
    """How many rows of the one the other has not, or not as often, and keys of the first."""
    found = await tx.fetch(
        f"""
        SELECT count(*) OVER () AS count, d.{key}::text AS key
          FROM (SELECT * FROM {one} {OF_TENANT} EXCEPT ALL SELECT * FROM {other} {OF_TENANT}) AS d
         ORDER BY d.{key}
         LIMIT {MOST_NAMED}
        """,  # noqa: S608  # our own names
        tx.tenant_id,
    )
    return (found[0]["count"] if found else 0), [row["key"] for row in found]
