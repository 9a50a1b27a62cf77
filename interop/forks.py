"""Fork proofs: a log that has signed two histories, and proofs that are none, one change away from the true ones.

No library knows the format. Each checker takes the file apart and has its library open the heads and check the proof
of consistency; what is asked of them is in docs/interop.md.
"""

from collections.abc import Iterator
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from interop.log import ORIGIN, SEEDS, SIGNERS, SMALL, Log, signers_at, small_log
from loopctl.audit.fork import ForkProof, inconsistent, rollback, same_size
from loopctl.tlog.checkpoint import Checkpoint, make_checkpoint
from loopctl.tlog.plan import prove_consistency
from loopctl.tlog.signer import LogSigner, sign_checkpoint
from loopctl.tlog.spelling import base64_text

PARTED = 50
"""The first entry that the other history has another of."""
SIZES = (51, 52, 63, 64, 65, 97, 128, 129, 130)
BEFORE = (1, 7, 50)
"""Sizes at which both histories are one."""
NEIGHBOUR = LogSigner(f"{ORIGIN}2", Ed25519PrivateKey.from_private_bytes(SEEDS[0]))
"""Another log. Its key is given as well, so that only the names tell the heads apart."""
KEYS = tuple(signer.key.text() for signer in (*SIGNERS, NEIGHBOUR))


class Claim(Struct, frozen=True):
    about: str
    accept: bool
    proof: ForkProof
    keys: tuple[str, ...] = KEYS


@cache
def other_log() -> Log:
    entries = small_log().entries
    return Log([*entries[:PARTED], *(b"other " + entry for entry in entries[PARTED:])])


def note(log: Log, size: int) -> str:
    return _signed(log.head(size))


def _signed(head: Checkpoint) -> str:
    return sign_checkpoint(head, signers_at(head.size)).encode().decode()


def forked(old: int, new: int) -> ForkProof:
    """``old`` entries of the one history, ``new`` of the other, which has had another root at that size."""
    other = other_log()
    path = prove_consistency(other.reader(new), old, new)
    return inconsistent(note(small_log(), old), note(other, new), other.root(old), path, list(KEYS))


def claims() -> Iterator[Claim]:
    for size in SIZES:
        proof = same_size(note(small_log(), size), note(other_log(), size), list(KEYS))
        yield Claim(f"two heads of size {size}", accept=True, proof=proof)
        yield from _forged_pairs(size, proof)
    for old, new in ((old, new) for old in SIZES for new in SIZES if old < new):
        proof = forked(old, new)
        yield Claim(f"{old} is not before {new}", accept=True, proof=proof)
        yield from _forged(old, new, proof)
    for old in BEFORE:
        yield Claim(f"both histories agree at {old}", accept=False, proof=forked(old, SMALL))
    yield from _rollbacks()


def _forged_pairs(size: int, proof: ForkProof) -> Iterator[Claim]:
    a = proof.note_a
    changed = {
        "the same head twice": replace(proof, note_b=a),
        "one head alone": replace(proof, note_b=None),
        "another size": replace(proof, note_b=note(other_log(), size - 1)),
        "a root that nobody has signed": replace(proof, note_a=a.replace(a.split("\n")[2], base64_text(bytes(32)))),
        "heads of two logs": replace(proof, note_a=_of_another_log(size)),
        "another kind": replace(proof, kind="inconsistent"),
    }
    for what, forged in changed.items():
        yield Claim(f"two heads of size {size}, {what}", accept=False, proof=forged)
    strangers = tuple(each.key.text() for each in SIGNERS if each not in signers_at(size))
    yield Claim(f"two heads of size {size}, no key that has signed them", accept=False, proof=proof, keys=strangers)


def _forged(old: int, new: int, proof: ForkProof) -> Iterator[Claim]:
    path = proof.consistency_proof
    honest = prove_consistency(small_log().reader(new), old, new)
    extends = inconsistent(
        note(small_log(), old), note(small_log(), new), small_log().root(old), honest, list(KEYS)
    )  # fmt: skip
    changed = {
        "a later head that extends it": extends,
        "a root that leads nowhere": replace(proof, root_at_size_a=base64_text(b"\1" * 32)),
        "a proof of the other history": replace(proof, consistency_proof=[*map(base64_text, honest)]),
        "a hash too many": replace(proof, consistency_proof=[*path, base64_text(bytes(32))]),
        "a hash too few": replace(proof, consistency_proof=path[:-1]),
        "the heads the other way": replace(proof, note_a=proof.note_b or "", note_b=proof.note_a),
        "no root": replace(proof, root_at_size_a=None),
    }
    for what, forged in changed.items():
        yield Claim(f"{old} is not before {new}, {what}", accept=False, proof=forged)


def _rollbacks() -> Iterator[Claim]:
    """A head beyond what is shown: a contradiction only as long as nothing shown extends it."""
    for size in SIZES:
        ahead, keys = note(small_log(), size), list(KEYS)
        yield Claim(f"{size} of which nothing is shown", accept=True, proof=rollback(ahead, None, keys))
        behind = rollback(ahead, note(other_log(), size - 1), keys)
        yield Claim(f"{size} beyond {size - 1}", accept=True, proof=behind)
        level = replace(behind, note_b=note(small_log(), size))
        yield Claim(f"{size} beyond itself", accept=False, proof=level)
        unsigned = replace(behind, note_a=ahead.partition("\n\n")[0] + "\n\n")
        yield Claim(f"{size} beyond {size - 1}, unsigned", accept=False, proof=unsigned)


def _of_another_log(size: int) -> str:
    head = make_checkpoint(NEIGHBOUR.key.name, size, small_log().root(size))
    return sign_checkpoint(head, [NEIGHBOUR]).encode().decode()
