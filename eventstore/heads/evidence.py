"""A signed head that a client shows, weighed against the log (spec 05, sections 5.2 and 5.3)."""

from datetime import datetime

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import newest_checkpoint
from eventstore.heads.claims import standing_at
from eventstore.heads.log_keys import history_of, read_log_keys
from eventstore.heads.tree import consistency_proof
from loopctl.audit import fork
from loopctl.tlog.trust import Trust, open_checkpoint

KNOWN = "SELECT EXISTS (SELECT FROM app.fork_proof WHERE tenant_id = $1 AND evidence = $2)"

KEEP = """
    INSERT INTO app.fork_proof (tenant_id, evidence, proof, found_at)
    VALUES ($1, $2, $3, clock_timestamp())
        ON CONFLICT DO NOTHING
"""

LIST = """
    SELECT evidence, proof, found_at
      FROM app.fork_proof
     WHERE tenant_id = $1
     ORDER BY found_at, evidence
     LIMIT 1000
"""


class Weighed(Struct, frozen=True):
    """``proof`` is None when the log extends the head. ``known`` when it was shown before."""

    size: int
    evidence: bytes
    proof: fork.ForkProof | None = None
    known: bool = False


async def weigh(tx: TenantTx, note: bytes) -> Weighed:
    """Raises TlogError for what is no head of this log, or signed by no key that counts for its size."""
    keys = await read_log_keys(tx)
    head = open_checkpoint(note, Trust(history_of(keys))).checkpoint
    evidence = fork.evidence_of(note)
    root = (await standing_at(tx, head.size)).root
    if root == head.root:
        return Weighed(head.size, evidence)
    known = await tx.fetchval(KNOWN, tx.tenant_id, evidence)
    vkeys, shown = [key.key.text() for key in keys], note.decode()
    newest = await newest_checkpoint(tx)
    if root is None or newest is None or newest.size < head.size:
        other = None if newest is None or newest.size >= head.size else newest.note.decode()
        return Weighed(head.size, evidence, fork.rollback(shown, other, vkeys), known)
    if newest.size == head.size:
        return Weighed(head.size, evidence, fork.same_size(shown, newest.note.decode(), vkeys), known)
    hashes = await consistency_proof(tx, head.size, newest.size)
    return Weighed(head.size, evidence, fork.inconsistent(shown, newest.note.decode(), root, hashes, vkeys), known)


async def keep_proof(tx: TenantTx, evidence: bytes, proof: bytes) -> None:
    """In the transaction of the event that halts. A row is never changed, and never deleted."""
    await tx.execute(KEEP, tx.tenant_id, evidence, proof)


async def read_proofs(tx: TenantTx) -> list[tuple[bytes, bytes, datetime]]:
    return [(row["evidence"], row["proof"], row["found_at"]) for row in await tx.fetch(LIST, tx.tenant_id)]
