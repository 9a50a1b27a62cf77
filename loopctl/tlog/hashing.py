"""The three hashes of the tree (RFC 6962, section 2.1), and what an erasable payload leaves in its entry."""

from collections.abc import Sequence
from hashlib import sha256

from loopctl.tlog.spelling import HASH_BYTES

EMPTY_ROOT = sha256(b"").digest()
NO_LEAF = bytes(HASH_BYTES)
"""``prev`` of the first entry, which has no leaf before it."""

PAYLOAD = b"loopctl/payload/v1\n"
SALT_BYTES = 16


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def row_above(row: Sequence[bytes]) -> list[bytes]:
    """The hashes one level up, for an even number of neighbours of which the first is a left child.

    A loop of its own instead of node_hash: offline verification spends a third of its time here.
    """
    each = iter(row)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=True)]


def subtree_root(row: Sequence[bytes]) -> bytes:
    """Root of a complete subtree from its 2^k hashes at one level."""
    while len(row) > 1:
        row = row_above(row)
    return row[0]


def payload_commitment(salt: bytes, payload: bytes) -> bytes:
    """What an entry carries in place of a payload that must stay erasable; ``salt`` has 16 bytes of its own.

    Of fixed length: if it varied, a byte could move between salt and payload without changing the commitment.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"the salt has {SALT_BYTES} bytes")
    return sha256(PAYLOAD + salt + payload).digest()
