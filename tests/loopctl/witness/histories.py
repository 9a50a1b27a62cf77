"""Two histories of one log that begin alike, their heads, and a witness of it."""

from collections.abc import Callable
from pathlib import Path

from loopctl.tlog.checkpoint import Checkpoint, make_checkpoint
from loopctl.tlog.signer import LogSigner, sign_checkpoint
from loopctl.tlog.witness import AddCheckpoint
from loopctl.witness.answering import Witness
from loopctl.witness.state import State
from tests.loopctl.tlog.samples import COSIGNED_AT, LOG, ORIGIN, WITNESS, Reference, some_leaves

LONGEST = 20
PARTS_AT = 7
TRUE = Reference(some_leaves(LONGEST))
OTHER = Reference([*some_leaves(PARTS_AT), *(b"\1" * 32 for _ in range(LONGEST - PARTS_AT))])


def head(size: int, history: Reference = TRUE, origin: str = ORIGIN) -> Checkpoint:
    return make_checkpoint(origin, size, history.root(0, size))


def proof(old: int, new: int, history: Reference = TRUE) -> tuple[bytes, ...]:
    return tuple(history.proof(old, 0, new, True)) if 0 < old < new else ()


def sent(old: int, new: int, history: Reference = TRUE, signer: LogSigner = LOG) -> bytes:
    """The body of add-checkpoint."""
    note = sign_checkpoint(make_checkpoint(signer.key.name, new, history.root(0, new)), [signer])
    return AddCheckpoint(old, proof(old, new, history), note.encode()).encode()


def witness_in(directory: Path, clock: Callable[[], float] = lambda: float(COSIGNED_AT)) -> Witness:
    return Witness(WITNESS, {ORIGIN: [LOG.key]}, State(directory), clock)
