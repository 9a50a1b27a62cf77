"""Making the tree again from the bytes of its entries, from one signed head to the end of the log.

The database is not believed: what is signed is what the stored entries say, and only if everything that was derived
from them (leaf hashes, tiles, head row, earlier head) says the same.
"""

import re
from collections.abc import Callable, Sequence

import asyncpg

from eventstore.database.transaction import TenantTx
from eventstore.heads.tree import inclusion_proof, read_spans
from eventstore.log.append import Head
from loopctl.tlog.chain import START, Checked, Chunk, LogHead, check_entries
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.plan import Span
from loopctl.tlog.proof import check_inclusion
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import TILE_HEIGHT, TILE_WIDTH
from loopctl.tlog.tree import Frontier, TileWrite

READ_ENTRIES = """
    SELECT position, entry, leaf_hash
      FROM app.log_entry
     WHERE tenant_id = $1 AND position >= $2 AND position < $3
     ORDER BY position
     LIMIT 1024
"""

CHUNK = 1024
"""Entries read at once: 64 MiB if each is as large as an entry may be."""

ENTRY_PLACE = re.compile("entry ([0-9]+)")


class HeadRefused(Exception):
    """The stored log contradicts itself or a head that was signed. Nothing was signed, and nothing will be for this
    tenant until a human has looked: stop its signer, raise the alarm.

    ``position`` is the first entry that is known to be wrong, None where the fault is not at one entry.
    """

    def __init__(self, problem: str, position: int | None = None) -> None:
        super().__init__(problem if position is None else f"entry {position}: {problem}")
        self.problem = problem
        self.position = position


async def restart(tx: TenantTx, frontier: Frontier) -> LogHead:
    """Where a signed head left off; its last entry must be under it, and is hashed again. Raises HeadRefused."""
    if frontier.size == 0:
        return START
    last = frontier.size - 1
    (row,) = await _read(tx, last, last + 1)
    leaf = leaf_hash(row["entry"])
    try:
        check_inclusion(leaf, last, frontier.size, await inclusion_proof(tx, last, frontier.size), frontier.root())
    except TlogError as error:
        raise HeadRefused(f"the last entry of the signed head does not belong to it ({error})", last) from error
    return LogHead(frontier, leaf)


async def walk(tx: TenantTx, start: LogHead, stops: Sequence[int], passing: Callable[[LogHead], None]) -> LogHead:
    """Rederives the tree up to the last of ``stops``, ascending sizes after ``start``, and calls ``passing`` with the
    head at each. Raises HeadRefused at the first entry or tile that is wrong.
    """
    head = start
    for stop in stops:
        while head.size < stop:
            checked = await _step(tx, head, min(stop, head.size + CHUNK))
            await _compare_tiles(tx, checked)
            head = checked.head
        passing(head)
    return head


def compare(rederived: LogHead, stored: Head) -> None:
    """Raises HeadRefused when the head row is not the end of the entries."""
    if (rederived.frontier, rederived.last_leaf) != (stored.frontier, stored.last_leaf):
        raise HeadRefused(f"the head row of size {stored.size} is not what the entries come to")


async def _step(tx: TenantTx, head: LogHead, end: int) -> Checked:
    rows = await _read(tx, head.size, end)
    chunk = Chunk([row["entry"] for row in rows], b"".join([row["leaf_hash"] for row in rows]))
    try:
        return check_entries(head, chunk)
    except TlogError as error:
        found = ENTRY_PLACE.fullmatch(error.place)
        raise HeadRefused(error.problem, int(found[1]) if found else head.size) from error


async def _read(tx: TenantTx, first: int, end: int) -> list[asyncpg.Record]:
    rows = await tx.fetch(READ_ENTRIES, tx.tenant_id, first, end)
    for position, row in enumerate(rows, start=first):
        if row["position"] != position:
            raise HeadRefused("is missing", position)
    if len(rows) != end - first:
        raise HeadRefused("is missing", first + len(rows))
    return rows


async def _compare_tiles(tx: TenantTx, checked: Checked) -> None:
    if not checked.writes:
        return
    spans = [_span(write) for write in checked.writes]
    try:
        stored = await read_spans(tx, spans)
    except TlogError as error:
        raise HeadRefused(f"a tile is too short: {error}") from error
    for span, write, row in zip(spans, checked.writes, stored, strict=True):
        if b"".join(row) != write.data:
            first = span.first << TILE_HEIGHT * span.level
            raise HeadRefused(f"the tile of level {span.level} over it differs from the entries", first)


def _span(write: TileWrite) -> Span:
    return Span(write.level, write.index * TILE_WIDTH + write.offset, len(write.data) // HASH_BYTES)
