"""The entries of one group out of their file, and which of them is the first that is not as it was recorded."""

from loopctl.audit.fault import Fault
from loopctl.tlog.chain import SEQUENCE
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.spelling import HASH_BYTES
from loopctl.tlog.tile import TILE_WIDTH, Bundle, parse_bundle


def read_entries(bundle: Bundle, raw: bytes, leaves: bytes | None) -> list[bytes]:
    try:
        return parse_bundle(bundle, raw)
    except TlogError:
        raise _locate(bundle, raw, leaves) from None


def _locate(bundle: Bundle, raw: bytes, leaves: bytes | None) -> Fault:
    """A length that was changed moves everything after it: the first entry that is not itself tells where."""
    first = bundle.index * TILE_WIDTH
    start = 0
    for offset in range(bundle.width):
        stop = start + 2 + int.from_bytes(raw[start : start + 2], "big")
        entry = raw[start + 2 : stop]
        if start + 2 > len(raw) or stop > len(raw):
            return _fault(first + offset, "is missing or cut off")
        if leaves is None:
            itself = entry.startswith(SEQUENCE % (first + offset)) and entry.endswith(b"}")
        else:
            itself = leaf_hash(entry) == leaves[HASH_BYTES * offset : HASH_BYTES * (offset + 1)]
        if not itself:
            return _fault(first + offset, "does not have the leaf hash that was recorded for it, or is another entry")
        start = stop
    return _fault(first + bundle.width, "more bytes than entries")


def _fault(position: int, problem: str) -> Fault:
    return Fault("entries", "entry_bytes", f"entry {position}", problem)
