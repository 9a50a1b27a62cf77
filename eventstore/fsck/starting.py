"""Where a check begins that leaves out what is old."""

from collections.abc import Sequence

from eventstore.database.transaction import TenantTx
from eventstore.fsck.reading import StoredEnds, read_rows
from eventstore.heads.log_keys import LogKey
from eventstore.heads.tree import frontier_at, read_tile
from loopctl.audit.fault import Fault, faults
from loopctl.audit.position import Position
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.tile import TILE_HEIGHT, TILE_WIDTH, TOP_LEVEL, Tile, tile_path

NEWEST_HEAD_UNTIL = "SELECT coalesce(max(size), -1) FROM app.log_checkpoint WHERE tenant_id = $1 AND size <= $2"


def newest_start(ends: StoredEnds, count: int) -> int:
    """A multiple of 256 with at least ``count`` entries behind it, and the newest signed head: that one is what shows
    the tree before it to be the signed one, though it is taken from the stored tiles."""
    wanted = max(0, min(ends.size - count, ends.signed - 1))
    return wanted // TILE_WIDTH * TILE_WIDTH


async def position_at(tx: TenantTx, size: int, keys: Sequence[LogKey]) -> Position | None:
    """As the database has it; None for the beginning. Raises Fault when something of it is not there."""
    if size == 0:
        return None
    with faults("tiles", f"the tree of size {size}"):
        frontier = await frontier_at(tx, size)
    (last,) = await read_rows(tx, size - 1, size)
    return Position(
        size=size,
        frontier=frontier.data(),
        last_leaf=leaf_hash(last.entry),
        tiles=tuple([(tile.level, await _row(tx, tile)) for tile in _unfinished(size)]),
        keys=tuple((key.key.text(), key.first_size) for key in keys if key.first_size <= size),
        signed=await tx.fetchval(NEWEST_HEAD_UNTIL, tx.tenant_id, size),
    )


def _unfinished(size: int) -> list[Tile]:
    tiles = []
    for level in range(1, TOP_LEVEL + 1):
        index, width = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
        if width:
            tiles.append(Tile(level, index, width))
    return tiles


async def _row(tx: TenantTx, tile: Tile) -> bytes:
    data = await read_tile(tx, tile)
    if data is None:
        raise Fault("tiles", "tile_missing", tile_path(Tile(tile.level, tile.index)), "is missing or cut short")
    return data
