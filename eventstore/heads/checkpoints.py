"""Signed heads as they are stored, byte for byte as published, and how they are read and written."""

from datetime import datetime, timedelta

import asyncpg
from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.log.append import Head, NoLog
from loopctl.tlog.tree import parse_frontier

READ_ENDS = """
    SELECT h.size AS log_size, h.last_leaf, h.frontier AS log_frontier, clock_timestamp() AS now,
           c.size, c.root, c.frontier, c.note, c.signed_at
      FROM app.log_head AS h
      LEFT JOIN LATERAL (
               SELECT size, root, frontier, note, signed_at
                 FROM app.log_checkpoint
                WHERE tenant_id = h.tenant_id
                ORDER BY size DESC
                LIMIT 1
           ) AS c ON true
     WHERE h.tenant_id = $1
"""

READ_AT = """
    SELECT size, root, frontier, note, signed_at
      FROM app.log_checkpoint
     WHERE tenant_id = $1 AND size = $2
"""

STORE = """
    INSERT INTO app.log_checkpoint (tenant_id, size, root, frontier, note, signed_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, size) DO NOTHING
"""

SHORTEST_INTERVAL = timedelta(seconds=1)


class StoredHead(Struct, frozen=True):
    """As published. ``note`` byte for byte."""

    size: int
    root: bytes
    frontier: bytes
    note: bytes
    signed_at: datetime


class Ends(Struct, frozen=True):
    """Where the log ends, where its signed part ends, and the database's time."""

    log: Head
    signed: StoredHead | None
    now: datetime

    @property
    def grown(self) -> bool:
        return self.signed is None or self.signed.size != self.log.size

    @property
    def due(self) -> bool:
        """A clock that went back is for the signer to find, not a reason to wait in silence."""
        if self.signed is None:
            return True
        return self.grown and not timedelta(0) <= self.now - self.signed.signed_at < SHORTEST_INTERVAL


async def newest_checkpoint(tx: TenantTx) -> StoredHead | None:
    """The newest that is stored, whatever the log has become since; None before the first. Raises NoLog."""
    return (await read_ends(tx)).signed


async def checkpoint_at(tx: TenantTx, size: int) -> StoredHead | None:
    """The one that was signed for this size, if one was."""
    row = await tx.fetchrow(READ_AT, tx.tenant_id, size)
    return None if row is None else _stored(row)


async def read_ends(tx: TenantTx) -> Ends:
    """Raises NoLog."""
    row = await tx.fetchrow(READ_ENDS, tx.tenant_id)
    if row is None:
        raise NoLog
    log = Head(row["last_leaf"], parse_frontier(row["log_size"], row["log_frontier"]))
    return Ends(log, None if row["size"] is None else _stored(row), row["now"])


async def store(tx: TenantTx, head: StoredHead) -> bool:
    """False when there is one for this size already."""
    tag = await tx.execute(STORE, tx.tenant_id, head.size, head.root, head.frontier, head.note, head.signed_at)
    return tag == "INSERT 0 1"


def _stored(row: asyncpg.Record) -> StoredHead:
    return StoredHead(row["size"], row["root"], row["frontier"], row["note"], row["signed_at"])
