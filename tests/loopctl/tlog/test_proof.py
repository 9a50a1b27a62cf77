"""Inclusion and consistency: our vectors, those of others, and every small tree against the definition."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT, leaf_hash, node_hash
from loopctl.tlog.plan import consistency_plan, inclusion_plan, prove_consistency, prove_inclusion, read_root
from loopctl.tlog.proof import check_consistency, check_inclusion
from tests.loopctl.tlog.samples import (
    DATA,
    LEAVES,
    ROOTS,
    WORKED,
    Reference,
    hashes,
    reader,
    rejects,
    some_leaves,
    vectors,
)

LARGEST_TREE = 300
OTHERS = vectors("proof-vectors")["cases"]
TWELVE_BYTES = "consistency/additional/sizes-are-equal-one-and-proof-is-empty"
"""Its roots are dummies of 12 bytes and it wants them accepted; every hash has to have 32."""


def test_leaf_and_node_hashes_are_those_of_certificate_transparency() -> None:
    assert [leaf_hash(data) for data in DATA] == LEAVES
    assert node_hash(LEAVES[0], LEAVES[1]).hex() == WORKED["node_of_leaves_0_and_1"]
    assert EMPTY_ROOT.hex() == WORKED["empty_root"]


def test_roots_of_all_sizes_are_those_of_certificate_transparency() -> None:
    assert [read_root(reader(LEAVES), size) for size in range(9)] == ROOTS


@pytest.mark.parametrize("case", WORKED["inclusion"], ids=lambda case: f"{case['index']} in {case['size']}")
def test_worked_inclusion_proofs_are_made_and_accepted(case: dict[str, Any]) -> None:
    path, index, size = hashes(case["path"]), case["index"], case["size"]
    assert prove_inclusion(reader(LEAVES), index, size) == path
    check_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("case", WORKED["consistency"], ids=lambda case: f"{case['old']} to {case['new']}")
def test_worked_consistency_proofs_are_made_and_accepted(case: dict[str, Any]) -> None:
    proof, old, new = hashes(case["proof"]), case["old"], case["new"]
    assert prove_consistency(reader(LEAVES), old, new) == proof
    check_consistency(old, new, proof, ROOTS[old], ROOTS[new])


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case["name"])
def test_the_vectors_of_transparency_dev_are_judged_alike(case: dict[str, Any]) -> None:
    assert refused(lambda: _check_other(case)) == (case["wantErr"] or case["name"] == TWELVE_BYTES)


def test_there_are_196_vectors_and_one_exception() -> None:
    assert len(OTHERS) == 196
    exception = next(case for case in OTHERS if case["name"] == TWELVE_BYTES)
    assert not exception["wantErr"]
    with rejects("hash_length"):
        _check_other(exception)


def test_every_inclusion_proof_of_small_trees_follows_the_definition() -> None:
    reference = Reference(some_leaves(LARGEST_TREE))
    for size in range(1, LARGEST_TREE + 1):
        for index in range(size):
            path = prove_inclusion(reference.read, index, size)
            assert list(path) == reference.path(index, 0, size)
            assert len(path) <= (size - 1).bit_length()
            check_inclusion(reference.leaves[index], index, size, path, reference.root(0, size))


def test_every_consistency_proof_of_small_trees_follows_the_definition() -> None:
    reference = Reference(some_leaves(LARGEST_TREE))
    for new in range(1, LARGEST_TREE + 1):
        for old in range(1, new + 1):
            proof = prove_consistency(reference.read, old, new)
            assert list(proof) == reference.proof(old, 0, new, True)
            assert len(proof) <= (new - 1).bit_length() + 1
            check_consistency(old, new, proof, reference.root(0, old), reference.root(0, new))


def test_a_proof_does_not_fit_the_tree_one_leaf_larger_or_smaller() -> None:
    """The negative control of the two above: every proof is refused against its neighbours' roots."""
    reference = Reference(some_leaves(40))
    for size in range(2, 40):
        for index in range(size - 1):
            path = prove_inclusion(reference.read, index, size)
            for other in (size - 1, size + 1):
                root = reference.root(0, other)
                assert refused(
                    lambda: check_inclusion(reference.leaves[index], index, other, path, root)  # noqa: B023 # called at once
                )


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, -1), (0, 2**63), (2**64, 2**65)])
def test_a_leaf_outside_the_tree_is_neither_proven_nor_believed(index: int, size: int) -> None:
    with rejects("size_out_of_range"):
        inclusion_plan(index, size)
    with rejects("size_out_of_range"):
        check_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3), (0, 0), (1, 2**63)])
def test_sizes_out_of_order_are_neither_proven_nor_believed(old: int, new: int) -> None:
    with rejects("size_out_of_range"):
        consistency_plan(old, new)
    with rejects("size_out_of_range"):
        check_consistency(old, new, [], LEAVES[0], LEAVES[0])


@pytest.mark.parametrize("short", [b"", LEAVES[0][:31], LEAVES[0] + b"\x00"])
def test_every_hash_has_to_have_32_bytes(short: bytes) -> None:
    path = prove_inclusion(reader(LEAVES), 5, 8)
    proof = prove_consistency(reader(LEAVES), 3, 7)
    attempts: list[Callable[[], None]] = [
        lambda: check_inclusion(short, 5, 8, path, ROOTS[8]),
        lambda: check_inclusion(LEAVES[5], 5, 8, path, short),
        lambda: check_inclusion(LEAVES[5], 5, 8, (*path[:2], short), ROOTS[8]),
        lambda: check_consistency(3, 7, proof, short, ROOTS[7]),
        lambda: check_consistency(3, 7, proof, ROOTS[3], short),
        lambda: check_consistency(3, 7, (short, *proof[1:]), ROOTS[3], ROOTS[7]),
    ]
    for attempt in attempts:
        with rejects("hash_length"):
            attempt()


def test_the_hashes_of_a_proof_are_read_in_one_go() -> None:
    asked = []

    def read(subtrees: Any) -> list[bytes]:
        asked.append(list(subtrees))
        return Reference(LEAVES).read(subtrees)

    prove_consistency(read, 3, 7)
    assert len(asked) == 1


def test_a_plan_wants_as_many_hashes_as_it_asked_for() -> None:
    plan = inclusion_plan(2, 7)
    with pytest.raises(ValueError, match="as many hashes"):
        plan.fold(LEAVES[: len(plan.subtrees()) - 1])


def refused(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except TlogError:
        return True
    return False


def _check_other(case: dict[str, Any]) -> None:
    proof = [base64.b64decode(each) for each in case["proof"] or []]
    if "leafIdx" in case:
        leaf, root = base64.b64decode(case["leafHash"] or ""), base64.b64decode(case["root"] or "")
        check_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
    else:
        old, new = base64.b64decode(case["root1"] or ""), base64.b64decode(case["root2"] or "")
        check_consistency(case["size1"], case["size2"], proof, old, new)
