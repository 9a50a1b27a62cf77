"""Making the derived part of a log anew: its tiles and the frontier in its head row, and nothing else.

What does not follow from the entries, or was signed, is never touched: a log in which that is wrong is refused, because
a repair would only hide it.
"""

from typing import Literal

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.fsck.check import Checking, Wanted
from eventstore.fsck.reading import StoredEnds
from loopctl.audit.fault import Fault, Finding
from loopctl.tlog.tile import Tile, tile_path

HOLD_HEAD = "SELECT size FROM app.log_head WHERE tenant_id = $1 FOR UPDATE"

WRITE_TILE = """
    INSERT INTO app.log_tile AS t (tenant_id, level, index, data)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, level, index) DO UPDATE
       SET data = excluded.data
     WHERE t.data <> excluded.data
"""

REMOVE_SURPLUS = """
    DELETE FROM app.log_tile AS t
     USING app.log_head AS h
     WHERE t.tenant_id = $1 AND h.tenant_id = $1 AND (h.size >> (8 * t.level)) <= t.index * 256
 RETURNING t.level, t.index
"""

WRITE_FRONTIER = "UPDATE app.log_head SET frontier = $2 WHERE tenant_id = $1 AND frontier <> $2"

MOST_LISTED = 1000


class Repair(Struct, frozen=True):
    """``refused``: with the fault, and nothing was changed. ``tiles``: those that were wrong, the first thousand."""

    verdict: Literal["good", "repaired", "refused"]
    size: int
    tiles: tuple[str, ...] = ()
    frontier: bool = False
    """Whether that of the head row was wrong."""
    fault: Finding | None = None


class RepairRefused(Exception):
    """Ends the transaction, and with it what was written in it."""

    def __init__(self, repair: Repair) -> None:
        super().__init__(str(repair.fault))
        self.repair = repair


async def repair_log(tx: TenantTx) -> Repair:
    """In one transaction of the tables' owner, during which the tenant's log does not grow. Raises Refused."""
    await tx.fetchval(HOLD_HEAD, tx.tenant_id)
    checking = Checking()
    try:
        return await _repair(checking, tx)
    except Fault as fault:
        raise RepairRefused(Repair("refused", checking.verifier.size, fault=fault.finding)) from None
    finally:
        checking.verifier.close()


async def _repair(checking: Checking, tx: TenantTx) -> Repair:
    ends = await checking.begin(tx, Wanted())
    wrong: list[str] = []
    while checking.verifier.size < ends.size:
        for tile, computed in await checking.group(tx, ends):
            await _write(tx, tile, computed, wrong)
    last_leaf, frontier, unfinished = checking.end()
    for tile, computed in unfinished:
        await _write(tx, tile, computed, wrong)
    surplus = await tx.fetch(REMOVE_SURPLUS, tx.tenant_id)
    wrong += [tile_path(Tile(row["level"], row["index"])) for row in surplus]
    other_frontier = await _write_frontier(tx, ends, last_leaf, frontier)
    verdict: Literal["good", "repaired"] = "repaired" if wrong or other_frontier else "good"
    return Repair(verdict, ends.size, tuple(wrong[:MOST_LISTED]), other_frontier)


async def _write(tx: TenantTx, tile: Tile, computed: bytes, wrong: list[str]) -> None:
    if await tx.execute(WRITE_TILE, tx.tenant_id, tile.level, tile.index, computed) == "INSERT 0 1":
        wrong.append(tile_path(tile))


async def _write_frontier(tx: TenantTx, ends: StoredEnds, last_leaf: bytes, frontier: bytes) -> bool:
    if last_leaf != ends.last_leaf:
        # The leaf in the head row may be the only trace that is left of another last entry.
        raise Fault("stored", "head_row", "head row", "remembers another last entry than there is")
    return await tx.execute(WRITE_FRONTIER, tx.tenant_id, frontier) == "UPDATE 1"
