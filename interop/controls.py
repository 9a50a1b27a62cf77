"""The negative controls: what was true, with one bit flipped or one hash too few or too many. All must be refused."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from interop.cases import (
    ALL_KEYS,
    LARGE_TILE,
    Case,
    Consistency,
    Cosignature,
    Inclusion,
    Question,
    checkpoint,
    consistency,
    fork_questions,
    inclusion,
    receipt,
    receipt_file,
    tiles,
)
from interop.folders import flipped_copy
from interop.log import LARGE_SIZES, ORIGIN, SMALL, WITNESS, SignedHead, large_log, signed_head, small_log
from loopctl.tlog.note import SignatureLine
from loopctl.tlog.tile import Bundle, Tile, tile_at

EVERY_BYTE = (3, 39, 40, 105, 130)
"""Sizes whose heads are altered byte by byte: one line or two, with a cosignature or without."""
ALTERED_HASH = b"\x80" + bytes(31)


def controls(folder: Path, large_folder: Path) -> Iterator[Question]:
    for size in range(SMALL + 1):
        yield from _heads(signed_head(size), every=1 if size in EVERY_BYTE else 29)
        yield from _cosignatures(signed_head(size))
    for size in range(1, SMALL + 1):
        for index in range(size):
            what, proof = altered_inclusion(inclusion(small_log(), index, size), index + size)
            yield Question(f"leaf {index} in {size}, {what}", accept=False, case=proof)
        for old in range(1, size + 1):
            what, change = altered_consistency(consistency(small_log(), old, size), old + size)
            yield Question(f"{old} before {size}, {what}", accept=False, case=change)
    for index in range(SMALL):
        yield from _receipts(index)
    yield from _small_tiles(folder)
    yield from _large_tiles(large_folder)
    yield from fork_questions(accept=False)


def _heads(signed: SignedHead, every: int) -> Iterator[Question]:
    """Every ``every``-th byte of the text, key ids and log signatures with its lowest bit flipped."""
    note = signed.note
    for place in range(0, len(note.text), every):
        changed = replace(note, text=flipped(note.text, place)).encode()
        yield Question(
            f"head {signed.head.size}, byte {place} of the text flipped",
            accept=False,
            case=checkpoint(signed, ALL_KEYS, changed),
            # Its line ends are Python's; the vertical tab that a flipped line feed becomes is one.
            lenient=("tlog-scales",) if note.text[place : place + 1] == b"\n" else (),
        )
    for number, line in enumerate(note.lines):
        if line.name != WITNESS.key.name:
            for place in range(0, len(line.signature), every):
                lines = (*note.lines[:number], _flipped_line(line, place), *note.lines[number + 1 :])
                case = checkpoint(signed, ALL_KEYS, replace(note, lines=lines).encode())
                about = f"head {signed.head.size}, byte {place} of signature {number} flipped"
                yield Question(about, accept=False, case=case)


def _cosignatures(signed: SignedHead) -> Iterator[Question]:
    """A byte of the time or the signature, another one in each head, and a character of the origin."""
    note, size = signed.note, signed.head.size
    last = note.lines[-1]
    if last.name != WITNESS.key.name:
        return
    changed = {
        "line flipped": replace(note, lines=(*note.lines[:-1], _flipped_line(last, size))),
        "text flipped": replace(note, text=flipped(note.text, size % len(ORIGIN))),
    }
    for what, other in changed.items():
        # The time that is asked for is the one in the line, so that only the signature can give the change away.
        time = int.from_bytes(other.lines[-1].signature[:8], "big")
        case = Cosignature(WITNESS.key.text(), other.encode(), time)
        yield Question(f"cosigned head {size}, {what}", accept=False, case=case)


def _flipped_line(line: SignatureLine, place: int) -> SignatureLine:
    return replace(line, signature=flipped(line.signature, place))


def altered_inclusion(proof: Inclusion, number: int) -> tuple[str, Inclusion]:
    changes = [
        ("root flipped", replace(proof, root=flipped(proof.root, number))),
        ("leaf flipped", replace(proof, leaf=flipped(proof.leaf, number))),
        ("one hash too many", replace(proof, path=(*proof.path, ALTERED_HASH))),
    ]
    if proof.path:
        changes += [
            ("path flipped", replace(proof, path=flipped_path(proof.path, number))),
            ("one hash too few", replace(proof, path=proof.path[:-1])),
        ]
    return changes[number % len(changes)]


def altered_consistency(proof: Consistency, number: int) -> tuple[str, Consistency]:
    changes = [
        ("old root flipped", replace(proof, old_root=flipped(proof.old_root, number))),
        ("new root flipped", replace(proof, new_root=flipped(proof.new_root, number))),
        ("one hash too many", replace(proof, path=(*proof.path, ALTERED_HASH))),
    ]
    if proof.path:
        changes += [
            ("path flipped", replace(proof, path=flipped_path(proof.path, number))),
            ("one hash too few", replace(proof, path=proof.path[:-1])),
        ]
    return changes[number % len(changes)]


def _receipts(index: int) -> Iterator[Question]:
    """Each still a well-formed file."""
    true = receipt(index, SMALL)
    changed: list[tuple[str, Case]] = [
        ("path flipped", receipt_file(replace(true, path=flipped_path(true.path, index)), index)),
        ("of its neighbour", receipt_file(replace(true, index=index ^ 1), index)),
        ("entry of its neighbour", receipt_file(true, index ^ 1)),
        ("under an older head", receipt_file(replace(true, checkpoint=signed_head(129).note.encode()), index)),
    ]
    for what, case in changed:
        yield Question(f"receipt of {index}, {what}", accept=False, case=case)


def _small_tiles(folder: Path) -> Iterator[Question]:
    """For every size its one partial tile, or its one bundle, with a bit flipped somewhere."""
    sizes = range(1, SMALL + 1)
    hashes = [(tile_at(0, 0, size), 37 * size % (32 * size)) for size in sizes]
    # The last byte of a bundle is the last of an entry, not of a length.
    bundles = [(Bundle(0, size), -1) for size in sizes]
    for what, flips in (("tile", hashes), ("bundle", bundles)):
        copy = flipped_copy(folder, folder.with_name(f"{folder.name}-{what}"), flips)
        for size in sizes:
            yield Question(f"{what} of {size} flipped", accept=False, case=tiles(small_log(), size, copy))


def _large_tiles(folder: Path) -> Iterator[Question]:
    """One file after the other, on each level, full and partial."""
    size = LARGE_SIZES[-1]
    flips: list[tuple[Tile | Bundle, int]] = [
        (tile_at(0, LARGE_TILE, size), 32 * 200 + 7),
        (tile_at(0, 273, size), 32 * 111 + 31),
        (tile_at(1, 0, size), 32 * LARGE_TILE + 3),
        (tile_at(1, 1, size), 32 * 16),
        (tile_at(2, 0, size), 0),
        (Bundle(LARGE_TILE), -1),
    ]
    for number, flip in enumerate(flips):
        copy = flipped_copy(folder, folder.with_name(f"{folder.name}-{number}"), [flip])
        yield Question(f"tiles of {size}, {flip[0]} flipped", accept=False, case=tiles(large_log(), size, copy))


def flipped_path(path: tuple[bytes, ...], number: int) -> tuple[bytes, ...]:
    place = number % len(path)
    return (*path[:place], flipped(path[place], number), *path[place + 1 :])


def flipped(value: bytes, place: int) -> bytes:
    changed = bytearray(value)
    changed[place % len(value)] ^= 1
    return bytes(changed)
