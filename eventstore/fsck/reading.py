"""What is stored of a log, page by page. Nothing in here believes what it reads."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.heads.tree import read_tile
from loopctl.audit.fault import Fault
from loopctl.audit.tiles import check_tile
from loopctl.tlog.tile import TILE_WIDTH, Tile, tile_path

# One statement, so that it is one moment: entries, tiles and the head row move together.
ENDS = """
    SELECT h.size, h.last_leaf, h.frontier,
           (SELECT coalesce(max(e.position) + 1, 0) FROM app.log_entry AS e WHERE e.tenant_id = $1) AS entries,
           (SELECT coalesce(max(c.size), -1) FROM app.log_checkpoint AS c WHERE c.tenant_id = $1) AS signed,
           t.level, t.index
      FROM app.log_head AS h
      LEFT JOIN LATERAL (
               SELECT level, index
                 FROM app.log_tile
                WHERE tenant_id = h.tenant_id
                  AND length(data) <> 32 * least(256, greatest(0, (h.size >> (8 * level)) - index * 256))
                ORDER BY level, index
                LIMIT 1
           ) AS t ON true
     WHERE h.tenant_id = $1
"""

ENTRIES = """
    SELECT position, stream_id, stream_version, leaf_hash, entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND position >= $2 AND position < $3
     ORDER BY position
     LIMIT 256
"""

HEADS = """
    SELECT size, root, frontier, note
      FROM app.log_checkpoint
     WHERE tenant_id = $1 AND size > $2 AND size <= $3
     ORDER BY size
     LIMIT 257
"""


class StoredEnds(Struct, frozen=True):
    """``signed``: size of the newest head, -1 when there is none. ``frontier`` as stored, whatever it is."""

    size: int
    last_leaf: bytes
    frontier: bytes
    signed: int
    misfit: Tile | None
    """The first stored tile that is not as long as it is in a tree of this size."""


class Row(Struct, frozen=True):
    """An entry with what stands beside it."""

    stream_id: UUID
    stream_version: int
    leaf_hash: bytes
    entry: bytes


class HeadRow(Struct, frozen=True):
    size: int
    root: bytes
    frontier: bytes
    note: bytes


async def read_ends(tx: TenantTx) -> StoredEnds:
    """Raises Fault when head row, entries and heads do not end together."""
    row = await tx.fetchrow(ENDS, tx.tenant_id)
    if row is None:
        raise Fault("stored", "head_missing", "head row", "is missing")
    misfit = None if row["level"] is None else Tile(row["level"], row["index"])
    ends = StoredEnds(row["size"], row["last_leaf"], row["frontier"], row["signed"], misfit)
    if row["entries"] < ends.size:
        problem = f"is missing: the head row has size {ends.size}"
        raise Fault("entries", "entry_missing", f"entry {row['entries']}", problem)
    if row["entries"] > ends.size:
        problem = f"comes after the end that the head row knows, {ends.size}"
        raise Fault("entries", "entry_surplus", f"entry {ends.size}", problem)
    if ends.signed > ends.size:
        problem = f"is missing: a head of size {ends.signed} was signed"
        raise Fault("entries", "entry_missing", f"entry {ends.size}", problem)
    return ends


async def read_rows(tx: TenantTx, first: int, end: int) -> list[Row]:
    """At most 256. Raises Fault for the first that is not there."""
    found = await tx.fetch(ENTRIES, tx.tenant_id, first, end)
    positions = [row["position"] for row in found]
    if positions != list(range(first, end)):
        position = next(
            (place for place, here in enumerate(positions, start=first) if place != here), first + len(found)
        )
        raise Fault("entries", "entry_missing", f"entry {position}", "is missing")
    return [_row(row) for row in found]


async def read_heads(tx: TenantTx, after: int, through: int) -> Sequence[HeadRow]:
    rows = await tx.fetch(HEADS, tx.tenant_id, after, through)
    return [HeadRow(row["size"], row["root"], row["frontier"], row["note"]) for row in rows]


async def compare_tile(tx: TenantTx, tile: Tile, computed: bytes) -> None:
    """Of level 1 and higher. Raises Fault when the stored one is another, or too short."""
    recorded = await read_tile(tx, tile)
    if recorded is None:
        raise Fault("tiles", "tile_missing", tile_path(Tile(tile.level, tile.index)), "is missing or cut short")
    check_tile(tile, computed, recorded)


def _row(row: asyncpg.Record) -> Row:
    return Row(row["stream_id"], row["stream_version"], row["leaf_hash"], row["entry"])


def group_end(first: int, size: int) -> int:
    """Where the group that begins at ``first`` ends in a log of ``size``."""
    return min(first + TILE_WIDTH, size)
