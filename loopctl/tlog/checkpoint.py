"""The text that heads are signed as: origin, size, root (C2SP tlog-checkpoint), and when one head extends another."""

import re
from collections.abc import Sequence

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.proof import check_consistency
from loopctl.tlog.spelling import HASH_BYTES, base64_text, check_size, parse_decimal, parse_hash
from loopctl.tlog.vkey import LARGEST_NAME

ORIGIN = re.compile("[^\x00-\x1f\ud800-\udfff]+")


class Checkpoint(Struct, frozen=True):
    """A claim about a log. Three lines only: some witnesses refuse more, and ML-DSA signatures do not cover more."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n".encode()


def make_checkpoint(origin: str, size: int, root: bytes) -> Checkpoint:
    """Refuses what parse_checkpoint would refuse, so that no such head is ever signed."""
    check_origin(origin)
    check_size(size, "tree size")
    if len(root) != HASH_BYTES or (size == 0 and root != EMPTY_ROOT):
        raise TlogError("checkpoint_malformed", "root", "not the root of such a tree")
    return Checkpoint(origin, size, root)


def parse_checkpoint(text: bytes) -> Checkpoint:
    """``text`` of a note, its signatures yet to be checked."""
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        raise TlogError("checkpoint_malformed", "checkpoint", "not UTF-8") from None
    if len(lines) != 4 or lines[3]:
        raise TlogError("checkpoint_malformed", "checkpoint", "not exactly three lines")
    check_origin(lines[0])
    return Checkpoint(lines[0], parse_decimal(lines[1], "line 2"), parse_hash(lines[2], "line 3"))


def check_origin(origin: str) -> None:
    # Surrogates have no UTF-8; they cannot come from bytes, but from whoever makes a checkpoint.
    if ORIGIN.fullmatch(origin) is None or len(origin.encode("utf-8", "surrogatepass")) > LARGEST_NAME:
        raise TlogError("checkpoint_malformed", "line 1", "no origin, a control character in it, or too long")


def check_extends(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """``new`` is a later head of the same history as ``old``, or the same head. Both are believed to be signed."""
    if old.origin != new.origin:
        raise TlogError("origin_mismatch", "checkpoint", "heads of two logs")
    if new.size < old.size:
        raise TlogError("heads_differ", "checkpoint", f"size {new.size} after size {old.size}: the log was rolled back")
    for head in (old, new):
        if head.size == 0 and head.root != EMPTY_ROOT:
            raise TlogError("empty_root", "checkpoint", "an empty log has only one root")
    if old.size == new.size:
        if old.root != new.root:
            raise TlogError("heads_differ", "checkpoint", f"two roots for size {new.size}: the log was forked")
        if proof:
            raise TlogError("proof_invalid", "consistency proof", "equal heads need none")
        return
    if old.size == 0:  # everything extends the empty tree, so a proof of it could only be noise
        if proof:
            raise TlogError("proof_invalid", "consistency proof", "the empty tree needs none")
        return
    check_consistency(old.size, new.size, proof, old.root, new.root)
