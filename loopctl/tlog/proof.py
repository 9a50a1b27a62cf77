"""Checking proofs in constant memory (RFC 9162, sections 2.1.3.2 and 2.1.4.2). Both checks raise or return nothing."""

from collections.abc import Sequence

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import node_hash
from loopctl.tlog.spelling import check_hashes, check_size

INCLUSION = "inclusion proof"
CONSISTENCY = "consistency proof"


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """``leaf`` is a leaf hash and lies at ``index`` of the tree with this size and root."""
    # 1. Every hash has 32 bytes and the leaf can be in the tree.
    check_hashes(INCLUSION, leaf, root, *proof)
    check_size(size, INCLUSION)
    if not 0 <= index < size:
        raise TlogError("size_out_of_range", INCLUSION, f"no leaf {index} in a tree of size {size}")
    # 2. Climb: `node` and `last` are the positions of the leaf's subtree and of the rightmost one on each level.
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise TlogError("proof_invalid", INCLUSION, "too long")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            node, last = _skip_lone_nodes(node, last)
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    # 3. The climb has reached the top, and the top is the root.
    if last != 0:
        raise TlogError("proof_invalid", INCLUSION, "too short")
    if computed != root:
        raise TlogError("proof_invalid", INCLUSION, "leads to another root")


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """The tree of size ``old`` is the beginning of the tree of size ``new``; 1 <= old <= new.

    About the empty tree no proof can say anything: see `checkpoint.check_extends`.
    """
    # 1. Every hash has 32 bytes and the sizes are in order.
    check_hashes(CONSISTENCY, old_root, new_root, *proof)
    check_size(new, CONSISTENCY)
    if not 1 <= old <= new:
        raise TlogError("size_out_of_range", CONSISTENCY, f"no tree of size {old} before one of size {new}")
    # 2. Equal sizes need no proof and allow none.
    if old == new:
        if proof or old_root != new_root:
            raise TlogError("proof_invalid", CONSISTENCY, "equal sizes need equal roots and an empty proof")
        return
    if not proof:
        raise TlogError("proof_invalid", CONSISTENCY, "empty")
    # 3. Climb from the subtree that ends the old tree; a complete old tree is that subtree itself.
    complete = old & (old - 1) == 0
    start, rest = (old_root, proof) if complete else (proof[0], proof[1:])
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    computed_old, computed_new = _climb(node, last, start, rest)
    # 4. One climb has rebuilt both roots.
    if computed_old != old_root or computed_new != new_root:
        raise TlogError("proof_invalid", CONSISTENCY, "leads to another root")


def _climb(node: int, last: int, start: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    older = newer = start
    for sibling in proof:
        if last == 0:
            raise TlogError("proof_invalid", CONSISTENCY, "too long")
        if node & 1 or node == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            node, last = _skip_lone_nodes(node, last)
        else:
            newer = node_hash(newer, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise TlogError("proof_invalid", CONSISTENCY, "too short")
    return older, newer


def _skip_lone_nodes(node: int, last: int) -> tuple[int, int]:
    """Climbs past the levels on which the rightmost node has no sibling, which cost no hash."""
    while node and not node & 1:
        node, last = node >> 1, last >> 1
    return node, last
