"""Signing the heads of a tenant's log (spec 05, sections 4.1 and 4.3, R11): never two that contradict each other.

A head is signed under a lock on the tenant's heads, on top of the last one, after everything between the two was made
again from the entries. It leaves the process only after the transaction that stored it: callers publish after COMMIT.
"""

from collections.abc import Sequence
from datetime import datetime

from eventstore.catalog.check import CONFIRMED
from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import Ends, StoredHead, checkpoint_at, read_ends, store
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.log_keys import log_signers, read_key_history
from eventstore.heads.overlap import end_overlaps
from eventstore.heads.rederive import HeadRefused, compare, restart, walk
from eventstore.heads.tree import consistency_proof
from eventstore.keys.keyring import Keyring
from loopctl.tlog.chain import LogHead
from loopctl.tlog.checkpoint import Checkpoint, check_extends, make_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import KeyHistory
from loopctl.tlog.signer import sign_checkpoint
from loopctl.tlog.tree import EMPTY, Frontier, parse_frontier
from loopctl.tlog.trust import Trust, open_checkpoint

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('loopctl/heads/' || $1::text, 0))"


class ClockBehind(Exception):
    """The database's clock shows a time before the last head. Nothing is signed until it has caught up."""


async def current_checkpoint(tx: TenantTx, keyring: Keyring, last_signed: LastSigned | None = None) -> StoredHead:
    """The head of the whole log as it is now, signed at once if it was not. An empty log has one too.

    Publish it after the commit. Raises HeadRefused, ClockBehind, NoLog, NoLogKey, Sealed, DoesNotOpen.
    """
    ends = await read_ends(tx)
    if ends.signed is not None and not ends.grown and await _is_remembered(tx, last_signed, ends.signed):
        return ends.signed
    return await _sign(tx, keyring, last_signed)


async def confirm_growth(tx: TenantTx) -> None:
    """In a transaction of its own before one that signs, where PostgreSQL waits for a standby: after its commit the
    standby has every entry that is not signed yet.

    A head of entries that a failover takes back would be a proof against us, and nothing would be signed on top of it.
    """
    if (await read_ends(tx)).grown:
        await tx.fetchval(CONFIRMED)


async def sign_if_due(tx: TenantTx, keyring: Keyring, last_signed: LastSigned | None = None) -> StoredHead | None:
    """For the worker: signs when the log has grown and the last head is a second old; None when it was not due.

    One statement when there is nothing to do. Raises as `current_checkpoint`.
    """
    ends = await read_ends(tx)
    if ends.signed is not None and not ends.due:
        if not ends.grown and not await _is_remembered(tx, last_signed, ends.signed):
            await _sign(tx, keyring, last_signed)  # checks what is remembered, and remembers what others have signed
        return None
    return await _sign(tx, keyring, last_signed)


async def _is_remembered(tx: TenantTx, last_signed: LastSigned | None, signed: StoredHead) -> bool:
    return last_signed is None or await last_signed.read(tx.tenant_id) == signed.note


async def _sign(tx: TenantTx, keyring: Keyring, last_signed: LastSigned | None) -> StoredHead:
    """A crash before the last line leaves nothing that anybody has seen; one between it and COMMIT leaves a remembered
    head that the next signer must come to again.
    """
    # 1. Alone, and on what others have signed in the meantime.
    await tx.execute(LOCK, str(tx.tenant_id))
    ends = await read_ends(tx)
    if ends.signed is not None and not ends.grown and await _is_remembered(tx, last_signed, ends.signed):
        return ends.signed
    history = await read_key_history(tx)
    # 2. The last head is one that we signed, and the log has not gone back behind it or behind what is remembered.
    start = _check_signed(ends.signed, history)
    if ends.log.size < start.size:
        raise HeadRefused(f"the log was cut to size {ends.log.size} after a head of size {start.size}", ends.log.size)
    remembered = await _check_remembered(tx, last_signed, history, ends)
    if ends.grown and ends.signed is not None and ends.now < ends.signed.signed_at:
        raise ClockBehind(f"The clock shows {ends.now}, the last head was signed at {ends.signed.signed_at}.")
    # 3. The tree again from the entries, with a look at every size that a head is or was needed for.
    heads = _sizes_to_sign(history, ends)
    wanted = {*heads, *([remembered.size] if remembered else [])}
    stops = sorted(size for size in wanted if size > start.size)
    passed = {start.size: await restart(tx, start)}
    end = await walk(tx, passed[start.size], stops, lambda head: passed.update({head.size: head}))
    # 4. It is the tree that the head row speaks of, and that was signed before a crash.
    compare(end, ends.log)
    if remembered is not None and remembered.size in passed:
        _check_same_root(remembered, passed[remembered.size])
    # 5. Only now the signatures; only after the row the note outside the database.
    newest = ends.signed
    for size in heads:
        newest = await _sign_and_store(tx, keyring, history, passed[size], ends.now)
    if newest is None:
        raise AssertionError("the first head is always signed")
    await end_overlaps(tx, history, newest)
    if last_signed is not None:
        await last_signed.store(tx.tenant_id, newest.note)
    return newest


def _check_signed(signed: StoredHead | None, history: KeyHistory) -> Frontier:
    """The frontier of the last head, if its note, root and frontier agree and a key of the log signed them."""
    if signed is None:
        return EMPTY
    try:
        frontier = parse_frontier(signed.size, signed.frontier)
        opened = open_checkpoint(signed.note, Trust(history)).checkpoint
    except TlogError as error:
        raise HeadRefused(f"the stored head of size {signed.size} does not open ({error})") from error
    if {(opened.size, opened.root), (signed.size, signed.root), (frontier.size, frontier.root())} != {
        (signed.size, signed.root)
    }:
        raise HeadRefused(f"the stored head of size {signed.size} is not the one that was signed")
    return frontier


async def _check_remembered(
    tx: TenantTx, last_signed: LastSigned | None, history: KeyHistory, ends: Ends
) -> Checkpoint | None:
    """What is remembered outside must be the last head, an earlier one, or one whose COMMIT a crash has prevented."""
    note = await last_signed.read(tx.tenant_id) if last_signed is not None else None
    if note is None:
        return None
    try:
        remembered = open_checkpoint(note, Trust(history)).checkpoint
    except TlogError as error:
        raise HeadRefused(f"the head that is remembered outside the database does not open ({error})") from error
    if remembered.size > ends.log.size:
        raise HeadRefused(
            f"a head of size {remembered.size} was signed: the database was put back to an older state", ends.log.size
        )
    if ends.signed is not None and remembered.size <= ends.signed.size:
        await _check_is_earlier(tx, remembered, Checkpoint(history.origin, ends.signed.size, ends.signed.root))
    return remembered


async def _check_is_earlier(tx: TenantTx, remembered: Checkpoint, signed: Checkpoint) -> None:
    try:
        proof = await consistency_proof(tx, remembered.size, signed.size) if 0 < remembered.size < signed.size else ()
        check_extends(remembered, signed, proof)
    except TlogError as error:
        raise HeadRefused(f"the last head does not extend the remembered one of size {remembered.size}") from error


def _check_same_root(remembered: Checkpoint, rederived: LogHead) -> None:
    if rederived.frontier.root() != remembered.root:
        raise HeadRefused(f"another root was signed for size {remembered.size}")


def _sizes_to_sign(history: KeyHistory, ends: Ends) -> Sequence[int]:
    """The log's size, if it has grown, and before it each size at which a new key began: the boundary checkpoints."""
    if not ends.grown:
        return ()
    after = -1 if ends.signed is None else ends.signed.size
    boundaries = {epoch.first_size for epoch in history.epochs[1:] if after < epoch.first_size <= ends.log.size}
    return sorted({*boundaries, ends.log.size})


async def _sign_and_store(
    tx: TenantTx, keyring: Keyring, history: KeyHistory, head: LogHead, at: datetime
) -> StoredHead:
    """The primary key decides if somebody has signed without our lock: then theirs counts, if it is the same head."""
    root = head.frontier.root()
    checkpoint = make_checkpoint(history.origin, head.size, root)
    note = sign_checkpoint(checkpoint, await log_signers(tx, keyring, head.size)).encode()
    made = StoredHead(head.size, root, head.frontier.data(), note, at)
    if await store(tx, made):
        return made
    winner = await checkpoint_at(tx, head.size)
    if winner is None or winner.root != root:
        raise HeadRefused(f"another root is stored for size {head.size}")
    _check_signed(winner, history)
    return winner
