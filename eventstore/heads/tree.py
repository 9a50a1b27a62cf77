"""Hashes of a tenant's tree out of PostgreSQL: proofs, roots, tiles, bundles, receipts (spec 05, section 4.3).

Level 0 is the leaf hashes of the entries themselves, the levels above are stored tiles. A proof is one statement,
whatever the size of the tree; the size is the caller's choice, and heads that others hold are the ones to choose.
"""

from collections.abc import Sequence

from eventstore.database.transaction import TenantTx
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import subtree_root
from loopctl.tlog.plan import Plan, Span, Subtree, consistency_plan, frontier_subtrees, inclusion_plan, span
from loopctl.tlog.receipt import Receipt
from loopctl.tlog.spelling import HASH_BYTES, check_size
from loopctl.tlog.tile import Bundle, Tile, encode_bundle
from loopctl.tlog.tree import EMPTY, Frontier

READ_SPANS = """
    SELECT CASE WHEN level = 0
                THEN (SELECT string_agg(e.leaf_hash, '' ORDER BY e.position)
                        FROM app.log_entry AS e
                       WHERE e.tenant_id = $1 AND e.position >= first AND e.position < first + count)
                ELSE (SELECT substr(t.data, (first % 256)::integer * 32 + 1, count * 32)
                        FROM app.log_tile AS t
                       WHERE t.tenant_id = $1 AND t.level = wanted.level AND t.index = first / 256)
           END AS hashes
      FROM unnest($2::smallint[], $3::bigint[], $4::integer[]) WITH ORDINALITY AS wanted (level, first, count, place)
     ORDER BY place
"""

READ_BUNDLE = """
    SELECT entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND position >= $2 AND position < $3
     ORDER BY position
     LIMIT 256
"""


async def read_hashes(tx: TenantTx, subtrees: Sequence[Subtree]) -> list[bytes]:
    """Roots of complete subtrees, in the order asked for, in one statement. Raises TlogError beyond the log's end."""
    spans = [span(subtree) for subtree in subtrees]
    return [subtree_root(row) for row in await read_spans(tx, spans)]


async def inclusion_proof(tx: TenantTx, index: int, size: int) -> tuple[bytes, ...]:
    """That the entry at ``index`` is in the tree of ``size``. Raises TlogError when there is no such entry or size."""
    return await _prove(tx, inclusion_plan(index, size), size)


async def consistency_proof(tx: TenantTx, old: int, new: int) -> tuple[bytes, ...]:
    """That the tree of size ``new`` begins with that of size ``old``, from 1. Raises TlogError for other sizes."""
    return await _prove(tx, consistency_plan(old, new), new)


async def frontier_at(tx: TenantTx, size: int) -> Frontier:
    """As it was when the log had this size. Raises TlogError when the log never had."""
    if size == 0:
        return EMPTY
    return Frontier(size, tuple(await read_hashes(tx, frontier_subtrees(size))))


async def receipt(tx: TenantTx, position: int, size: int, checkpoint: bytes) -> Receipt:
    """For the entry at ``position``, under a signed head of ``size``; `Receipt.encode` makes the tlog-proof text."""
    return Receipt(position, await inclusion_proof(tx, position, size), checkpoint)


async def read_tile(tx: TenantTx, tile: Tile) -> bytes | None:
    """None when the tree has not come so far. A narrower tile is the beginning of the wider one."""
    first = tile.index << 8
    check_size(first + tile.width << 8 * tile.level, "tile")
    (found,) = await tx.fetch(READ_SPANS, tx.tenant_id, [tile.level], [first], [tile.width])
    data: bytes | None = found["hashes"]
    return data if data is not None and len(data) == tile.width * HASH_BYTES else None


async def read_bundle(tx: TenantTx, bundle: Bundle) -> bytes | None:
    """The entries under a tile of level 0, as served; None when the log has not come so far."""
    first = bundle.index << 8
    check_size(first + bundle.width, "bundle")
    rows = await tx.fetch(READ_BUNDLE, tx.tenant_id, first, first + bundle.width)
    return encode_bundle([row["entry"] for row in rows]) if len(rows) == bundle.width else None


async def _prove(tx: TenantTx, plan: Plan, size: int) -> tuple[bytes, ...]:
    """The last leaf is read too, so that a tree that the log has not reached is refused even where it costs no hash."""
    *hashes, _ = await read_hashes(tx, [*plan.subtrees(), Subtree(0, size - 1)])
    return plan.fold(hashes)


async def read_spans(tx: TenantTx, spans: Sequence[Span]) -> list[list[bytes]]:
    """The hashes of each, as stored. Raises TlogError for those that are not there."""
    rows = await tx.fetch(
        READ_SPANS, tx.tenant_id, [each.level for each in spans], [each.first for each in spans],
        [each.count for each in spans],
    )  # fmt: skip
    return [_split(each, row["hashes"] or b"") for each, row in zip(spans, rows, strict=True)]


def _split(wanted: Span, data: bytes) -> list[bytes]:
    if len(data) != wanted.count * HASH_BYTES:
        place = f"level {wanted.level}, element {wanted.first}"
        raise TlogError("size_out_of_range", place, "not in the log, or lost from it")
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]
