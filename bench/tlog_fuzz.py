"""Mutations of true proofs: a check may accept only what is true, and raise nothing but TlogError.

`python -m bench.tlog_fuzz [count] [seed]` runs the full campaign, a million cases by default; the tests run a slice.
Sizes always come with their own roots, as they do in a signed head: a root alone does not say of how many leaves it is,
so a proof also "fits" some other sizes with the same root, and only the signature keeps the two together.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import leaf_hash, node_hash
from loopctl.tlog.plan import Subtree, prove_consistency, prove_inclusion, read_root
from loopctl.tlog.proof import check_consistency, check_inclusion

LARGEST_TREE = 600
STRANGE_SIZES = (-1, 0, 1, 2**31, 2**62, 2**63 - 1, 2**63, 2**64)
NO_ROOT = bytes(32)


class Claim(Struct, frozen=True):
    """``first`` is a leaf index with its leaf hash (inclusion), or an old size with its root (consistency)."""

    first: int
    first_hash: bytes
    size: int
    root: bytes
    proof: tuple[bytes, ...]


class Subject(Struct, frozen=True):
    """One of the two checks with what is true about it."""

    name: str
    check: Callable[[Claim], None]
    truth: Callable[[int, int], Claim]


class FuzzFailure(AssertionError):
    """A false claim was accepted, a true one refused, or something else than TlogError was raised."""


def run(
    count: int,
    seed: int,
    inclusion: Callable[..., None] = check_inclusion,
    consistency: Callable[..., None] = check_consistency,
) -> Counter[str]:
    """How often each verdict was given. The checks are arguments so that broken ones can show that this finds them."""
    dice = random.Random(seed)
    forest = Forest()
    subjects = (
        Subject(
            "inclusion",
            lambda claim: inclusion(claim.first_hash, claim.first, claim.size, claim.proof, claim.root),
            forest.inclusion,
        ),
        Subject(
            "consistency",
            lambda claim: consistency(claim.first, claim.size, claim.proof, claim.first_hash, claim.root),
            forest.consistency,
        ),
    )
    verdicts: Counter[str] = Counter()
    for number in range(count):
        verdicts[_attempt(dice, forest, subjects[number % 2])] += 1
    return verdicts


class Forest:
    """All trees up to the largest size, which share their complete subtrees."""

    def __init__(self) -> None:
        self.leaves = [leaf_hash(b"%d" % number) for number in range(LARGEST_TREE)]
        self._subtrees: dict[Subtree, bytes] = {}
        self.roots = [read_root(self._read, size) for size in range(LARGEST_TREE + 1)]

    def inclusion(self, index: int, size: int) -> Claim:
        proof = prove_inclusion(self._read, index, size)
        return Claim(index, self.leaves[index], size, self.roots[size], proof)

    def consistency(self, index: int, size: int) -> Claim:
        """From the tree that ends with leaf ``index``."""
        proof = prove_consistency(self._read, index + 1, size)
        return Claim(index + 1, self.roots[index + 1], size, self.roots[size], proof)

    def root(self, size: int) -> bytes:
        return self.roots[size] if 0 <= size <= LARGEST_TREE else NO_ROOT

    def _read(self, subtrees: Sequence[Subtree]) -> list[bytes]:
        for subtree in subtrees:
            if subtree not in self._subtrees:
                self._subtrees[subtree] = self._hash(subtree)
        return [self._subtrees[subtree] for subtree in subtrees]

    def _hash(self, subtree: Subtree) -> bytes:
        if subtree.level == 0:
            return self.leaves[subtree.index]
        children = [Subtree(subtree.level - 1, 2 * subtree.index + side) for side in (0, 1)]
        left, right = self._read(children)
        return node_hash(left, right)


def main(argv: list[str]) -> int:
    count, seed = (*map(int, argv), *(1_000_000, 1)[len(argv) :])
    print(dict(sorted(run(count, seed).items())))
    return 0


def _attempt(dice: random.Random, forest: Forest, subject: Subject) -> str:
    size = dice.randint(1, LARGEST_TREE)
    true = subject.truth(dice.randrange(size), size)
    claim = _mutated(dice, forest, true, subject.name) if dice.random() < 0.95 else true
    try:
        subject.check(claim)
        accepted = True
    except TlogError:
        accepted = False
    except Exception as error:
        raise FuzzFailure(f"{subject.name} raised {error!r} on {claim}") from error
    if accepted != _is_true(claim, subject):
        raise FuzzFailure(f"{subject.name} {'accepted' if accepted else 'refused'} {claim}")
    return f"{subject.name} {'accepted' if accepted else 'refused'}"


def _is_true(claim: Claim, subject: Subject) -> bool:
    index = claim.first if subject.name == "inclusion" else claim.first - 1
    return 0 <= index < claim.size <= LARGEST_TREE and claim == subject.truth(index, claim.size)


def _mutated(dice: random.Random, forest: Forest, true: Claim, name: str) -> Claim:
    match dice.randrange(8):
        case 0:
            return replace(true, first_hash=_hash(dice, forest, true.first_hash))
        case 1:
            return replace(true, root=_flipped(dice, true.root))
        case 2:
            size = _number(dice, true.size)
            return replace(true, size=size, root=forest.root(size))
        case 3:
            first = _number(dice, true.first)
            changed = replace(true, first=first)
            return changed if name == "inclusion" else replace(changed, first_hash=forest.root(first))
        case _:
            added = _hash(dice, forest, dice.choice([true.root, true.first_hash, *true.proof]))
            return replace(true, proof=_mutated_proof(dice, forest, list(true.proof), added))


def _mutated_proof(dice: random.Random, forest: Forest, proof: list[bytes], added: bytes) -> tuple[bytes, ...]:
    match dice.randrange(4):
        case 0:
            del proof[dice.randrange(len(proof) + 1) :]
        case 1:
            proof.insert(dice.randrange(len(proof) + 1), added)
        case 2:
            dice.shuffle(proof)
        case _:
            proof = [_hash(dice, forest, each) if dice.random() < 0.3 else each for each in proof]
    return tuple(proof)


def _number(dice: random.Random, number: int) -> int:
    near = (number - 1, number + 1, number ^ 1 << dice.randrange(10), number // 2, number * 2)
    return dice.choice((*near, dice.randrange(LARGEST_TREE), dice.choice(STRANGE_SIZES)))


def _hash(dice: random.Random, forest: Forest, value: bytes) -> bytes:
    return dice.choice(
        (
            value,
            _flipped(dice, value),
            dice.choice(forest.leaves),
            dice.choice(forest.roots),
            value[:-1],
            value + b"\x00",
            b"",
        )
    )


def _flipped(dice: random.Random, value: bytes) -> bytes:
    bit = dice.randrange(256)
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(32, "big")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
