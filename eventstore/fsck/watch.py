"""The background check of one log: its newest entries whenever it has grown, all of it in slices, twice a day.

What it remembers is in the database that it checks: that saves time and notices heads that are gone, but it is no
evidence. That is what signatures are, and heads that are kept elsewhere.
"""

from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.json import decode, encode

from eventstore.database.transaction import Database, TenantTx
from eventstore.fsck.check import LogCheck, Wanted, check_log
from loopctl.audit.fault import Finding
from loopctl.audit.position import Position

READ = """
    SELECT coalesce(h.size, -1) AS size, w.newest_size, w.position, w.whole_size, w.whole_heads, w.fault,
           w.position IS NOT NULL OR w.whole_at IS NULL OR w.whole_at < now() - make_interval(secs => $2) AS due
      FROM (SELECT $1::uuid AS tenant_id) AS asked
      LEFT JOIN app.log_head AS h USING (tenant_id)
      LEFT JOIN app.watched_log AS w USING (tenant_id)
"""

HEADS_UNTIL = """
    SELECT count(*) AS heads, coalesce(max(size), -1) AS size
      FROM app.log_checkpoint
     WHERE tenant_id = $1 AND size <= $2
"""

REMEMBER = """
    INSERT INTO app.watched_log AS w (
        tenant_id, newest_size, newest_at, position, whole_size, whole_heads, whole_at, fault)
    VALUES ($1, $2, now(), $3, $4, $5, CASE WHEN $6 THEN now() END, $7)
        ON CONFLICT (tenant_id) DO UPDATE
       SET newest_size = excluded.newest_size,
           newest_at = excluded.newest_at,
           position = excluded.position,
           whole_size = excluded.whole_size,
           whole_heads = excluded.whole_heads,
           whole_at = coalesce(excluded.whole_at, w.whole_at),
           fault = excluded.fault
"""


class Pace(Struct, frozen=True, kw_only=True):
    """How much of a log is checked how often."""

    newest: int = 10_000
    tick_seconds: int = 30
    """Between two looks at a log."""
    whole_seconds: int = 43_200
    """For a check of everything, and as long until the next begins: a change is seen within twice as much."""
    least: int = 4096
    """Entries of everything that are checked in one look."""


class Watched(Struct, frozen=True):
    """What one look at a log has found; no check when nothing was due."""

    checks: tuple[LogCheck, ...]
    fault: Finding | None


class Remembered(Struct, frozen=True):
    size: int
    newest_size: int
    position: Position | None
    whole_size: int
    whole_heads: int
    fault: Finding | None
    due: bool


async def watch_log(database: Database, tenant_id: UUID, pace: Pace) -> Watched:
    """One look. A crash in it makes the next one do the same again. Raises DatabaseUnavailable."""
    async with database.tenant_transaction(tenant_id) as tx:
        before = _remembered(await tx.fetchrow(READ, tenant_id, float(pace.whole_seconds)))
    checks = []
    if before.fault is not None or before.size != before.newest_size:
        checks.append(await check_log(database.tenant_transaction, tenant_id, Wanted(newest=pace.newest)))
    slice_ = None
    if before.due or before.fault is not None:
        most = max(pace.least, before.size * pace.tick_seconds // max(1, pace.whole_seconds))
        wanted = Wanted(resume=before.position, most=most)
        slice_ = await check_log(database.tenant_transaction, tenant_id, wanted)
        checks.append(slice_)
    if not checks:
        return Watched((), None)
    found = next((check.fault for check in checks if check.fault is not None), None)
    async with database.tenant_transaction(tenant_id) as tx:
        fault = await _remember(tx, before, slice_, found)
    return Watched(tuple(checks), fault)


async def _remember(tx: TenantTx, before: Remembered, slice_: LogCheck | None, found: Finding | None) -> Finding | None:
    """Counts the heads once everything was seen: one that is gone leaves no other trace."""
    whole = slice_ is not None and slice_.complete
    heads_size, heads, fault = before.whole_size, before.whole_heads, found
    if whole and slice_ is not None:
        still = await tx.fetchrow(HEADS_UNTIL, tx.tenant_id, before.whole_size)
        fault = found or _lost(before, 0 if still is None else still["heads"])
        if fault is None and (now := await tx.fetchrow(HEADS_UNTIL, tx.tenant_id, slice_.size)) is not None:
            heads_size, heads = now["size"], now["heads"]
    elif found is None and before.fault is not None and before.fault.code == HEADS_LOST:
        fault = before.fault  # until everything was seen again
    position = before.position if slice_ is None else None if whole else slice_.position
    newest_size = before.newest_size if found else before.size
    await tx.execute(
        REMEMBER, tx.tenant_id, newest_size, None if position is None else encode(position), heads_size, heads,
        whole and fault is None, None if fault is None else encode(fault).decode(),
    )  # fmt: skip
    return fault


HEADS_LOST = "heads_lost"


def _lost(before: Remembered, still: int) -> Finding | None:
    if still >= before.whole_heads:
        return None
    problem = f"{before.whole_heads} were stored up to this size, and {before.whole_heads - still} of them are gone"
    return Finding("heads", HEADS_LOST, f"checkpoints/{before.whole_size}", problem)


def _remembered(row: asyncpg.Record | None) -> Remembered:
    if row is None:
        raise AssertionError("a look-up that always has a row")
    return Remembered(
        size=row["size"],
        newest_size=-2 if row["newest_size"] is None else row["newest_size"],
        position=None if row["position"] is None else decode(row["position"], type=Position),
        whole_size=-1 if row["whole_size"] is None else row["whole_size"],
        whole_heads=row["whole_heads"] or 0,
        fault=None if row["fault"] is None else decode(row["fault"], type=Finding),
        due=row["due"],
    )
