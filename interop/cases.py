"""What a foreign checker is asked, and the questions that it has to answer with yes."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from interop.forks import claims
from interop.log import (
    LARGE_SIZES,
    ORIGIN,
    SIGNERS,
    SMALL,
    WITNESS,
    Log,
    SignedHead,
    crowded_head,
    large_log,
    signed_head,
    small_log,
)
from loopctl.tlog.plan import prove_consistency, prove_inclusion
from loopctl.tlog.receipt import Receipt
from loopctl.tlog.tile import TILE_WIDTH


class Checkpoint(Struct, frozen=True, tag="checkpoint", tag_field="kind"):
    """With these keys, the note opens and says this."""

    keys: tuple[str, ...]
    note: bytes
    origin: str
    size: int
    root: bytes


class Cosignature(Struct, frozen=True, tag="cosignature", tag_field="kind"):
    """The note has a line by this cosigner, with this time."""

    key: str
    note: bytes
    time: int


class Inclusion(Struct, frozen=True, tag="inclusion", tag_field="kind"):
    index: int
    size: int
    leaf: bytes
    path: tuple[bytes, ...]
    root: bytes


class Consistency(Struct, frozen=True, tag="consistency", tag_field="kind"):
    old: int
    new: int
    path: tuple[bytes, ...]
    old_root: bytes
    new_root: bytes


class ReceiptFile(Struct, frozen=True, tag="receipt", tag_field="kind"):
    keys: tuple[str, ...]
    receipt: bytes
    entry: bytes


class Tiles(Struct, frozen=True, tag="tiles", tag_field="kind"):
    """The tiles in the folder are those of the tree, and the entries at these positions are in it."""

    folder: str
    size: int
    root: bytes
    positions: tuple[int, ...]


class Fork(Struct, frozen=True, tag="fork", tag_field="kind"):
    """With these keys, the file proves that a log has contradicted itself, or has signed beyond what it shows."""

    keys: tuple[str, ...]
    proof: bytes


Case = Checkpoint | Cosignature | Inclusion | Consistency | ReceiptFile | Tiles | Fork


class Question(Struct, frozen=True):
    about: str
    accept: bool
    """Whether the answer must be yes."""
    case: Case
    lenient: tuple[str, ...] = ()
    """Checkers that are known to say yes where they should not (docs/interop.md)."""


ALL_KEYS = tuple(signer.key.text() for signer in SIGNERS)
LARGE_TILE = 5
"""Of level 0 in the large log: one that is full, and read whole."""


def questions(folder: Path, large_folder: Path) -> Iterator[Question]:
    """All of them true, but for heads shown to keys that have not signed them. The folders hold tiles."""
    for size in range(SMALL + 1):
        yield from _heads(signed_head(size))
    for number, signer in enumerate(SIGNERS):
        case = checkpoint(crowded_head(), (signer.key.text(),))
        yield Question(f"head of two changes with key {number} alone", accept=True, case=case)
    for size in range(1, SMALL + 1):
        yield from _proofs(small_log(), size)
        yield Question(f"tiles of {size}", accept=True, case=tiles(small_log(), size, folder))
    for index in range(SMALL):
        yield Question(f"receipt of {index}", accept=True, case=receipt_file(receipt(index, SMALL), index))
    for size in LARGE_SIZES:
        yield Question(f"tiles of {size}", accept=True, case=tiles(large_log(), size, large_folder))
    yield from fork_questions(accept=True)


def fork_questions(*, accept: bool) -> Iterator[Question]:
    for claim in claims():
        if claim.accept == accept:
            yield Question(claim.about, accept=accept, case=Fork(claim.keys, claim.proof.encode()))


def _heads(signed: SignedHead) -> Iterator[Question]:
    """Each counting key alone is enough, all keys together are too, and no other key is."""
    size = signed.head.size
    for number, signer in enumerate(SIGNERS):
        alone = checkpoint(signed, (signer.key.text(),))
        yield Question(f"head {size} with key {number} alone", accept=signer in signed.signers, case=alone)
    yield Question(f"head {size} with all keys", accept=True, case=checkpoint(signed, ALL_KEYS))
    for line in signed.note.lines:
        if line.name == WITNESS.key.name:
            time = int.from_bytes(line.signature[:8], "big")
            case = Cosignature(WITNESS.key.text(), signed.note.encode(), time)
            yield Question(f"cosigned head {size}", accept=True, case=case)


def _proofs(log: Log, size: int) -> Iterator[Question]:
    for index in range(size):
        yield Question(f"leaf {index} in {size}", accept=True, case=inclusion(log, index, size))
    for old in range(1, size + 1):
        yield Question(f"{old} before {size}", accept=True, case=consistency(log, old, size))


def checkpoint(signed: SignedHead, keys: tuple[str, ...], note: bytes | None = None) -> Checkpoint:
    return Checkpoint(keys, note or signed.note.encode(), ORIGIN, signed.head.size, signed.head.root)


def inclusion(log: Log, index: int, size: int) -> Inclusion:
    path = prove_inclusion(log.reader(size), index, size)
    return Inclusion(index, size, log.leaves[index], path, log.root(size))


def consistency(log: Log, old: int, new: int) -> Consistency:
    path = prove_consistency(log.reader(new), old, new)
    return Consistency(old, new, path, log.root(old), log.root(new))


def receipt(index: int, size: int) -> Receipt:
    path = prove_inclusion(small_log().reader(size), index, size)
    return Receipt(index, path, signed_head(size).note.encode())


def receipt_file(shown: Receipt, index: int) -> ReceiptFile:
    return ReceiptFile(ALL_KEYS, shown.encode(), small_log().entries[index])


def tiles(log: Log, size: int, folder: Path) -> Tiles:
    """All positions, or in a large tree those at its end, those of one full tile, and some between."""
    some = set(range(size))
    if size > 1000:
        tile = range(LARGE_TILE * TILE_WIDTH, (LARGE_TILE + 1) * TILE_WIDTH)
        some = {*range(0, size, 997), *tile, *range(size - 300, size)}
    return Tiles(str(folder), size, log.root(size), tuple(sorted(some)))
