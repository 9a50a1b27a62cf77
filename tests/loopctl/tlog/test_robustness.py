"""Foreign bytes, random or nearly right: a TlogError or an answer, nothing else; and proofs under mutation."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tlog_fuzz import FuzzFailure, run
from loopctl.tlog.canonical import parse_canonical_json
from loopctl.tlog.chain import START, Chunk, check_entries
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.entry import decode_entry, decode_head
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import node_hash
from loopctl.tlog.keys import first_key
from loopctl.tlog.note import parse_note
from loopctl.tlog.proof import check_consistency
from loopctl.tlog.receipt import check_receipt, parse_receipt
from loopctl.tlog.rotation import RotationStep, check_rotation, follow_rotations
from loopctl.tlog.spelling import parse_base64, parse_decimal, parse_hash
from loopctl.tlog.tile import Bundle, encode_bundle, parse_bundle, parse_tile_path, tile_path
from loopctl.tlog.tree import parse_frontier
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey
from loopctl.tlog.witness import parse_add_checkpoint, parse_size
from tests.loopctl.tlog.samples import LOG, WITNESS, WORKED, history

TRUST = Trust(first_key(LOG.key), (WITNESS.key,))
ENTRIES = history(3)
RECEIPT = WORKED["receipt_2_in_7"]["text"].encode()
NOTE = WORKED["checkpoint_7"]["note"].encode()

BYTE_READERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "note": (parse_note, NOTE),
    "checkpoint": (parse_checkpoint, parse_note(NOTE).text),
    "signed head": (lambda raw: open_checkpoint(raw, TRUST), NOTE),
    "receipt": (lambda raw: check_receipt(parse_receipt(raw), b"", TRUST), RECEIPT),
    "request to a witness": (parse_add_checkpoint, WORKED["add_checkpoint_3_to_7"]["body"].encode()),
    "size": (parse_size, b"4711\n"),
    "entry": (decode_entry, ENTRIES[2]),
    "head of an entry": (decode_head, ENTRIES[2]),
    "rotation": (lambda raw: check_rotation(decode_entry(raw), LOG.key), ENTRIES[2]),
    "rotation step": (lambda raw: follow_rotations(TRUST, [RotationStep(b"", raw)]), RECEIPT),
    "JSON": (parse_canonical_json, b'{"a":[1,2,{"b":null}],"c":"d"}'),
    "bundle": (lambda raw: parse_bundle(Bundle(0, 3), raw), encode_bundle(ENTRIES)),
    "frontier": (lambda raw: parse_frontier(3, raw), bytes(64)),
    "chunk": (lambda raw: check_entries(START, Chunk([raw])), ENTRIES[0]),
}
TEXT_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "vkey": (parse_vkey, LOG.key.text()),
    "tile path": (parse_tile_path, tile_path(Bundle(1234067, 8))),
    "number": (lambda text: parse_decimal(text, "here"), "4711"),
    "base64": (lambda text: parse_base64(text, "here"), "AAAA"),
    "hash": (lambda text: parse_hash(text, "here"), "B1Bqhf2d0vEg62lPhgEeW7RmLlxBWmKRcDPUqWJEh+c="),
}
TEXTS = st.text(st.characters() | st.sampled_from("+/=0 \n\ud800"), max_size=60)


def survives(reader: Callable[[Any], object], value: object) -> bool:
    """Whether the reader had an answer; any other error than TlogError goes on its way."""
    try:
        reader(value)
    except TlogError:
        return False
    return True


def damaged(raw: bytes, dice: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(changed) + 1)
        length = dice.choice((0, 0, 1, 1, 2, 40))
        added = dice.choice(
            (b"", bytes([dice.randrange(256)]), dice.choice((b"\n", b"\n\n", b" ", b"0", b"-", b"{", b'"')))
        )
        changed[place : place + length] = added
    return bytes(changed)


@pytest.mark.parametrize("name", BYTE_READERS)
@given(raw=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes_are_refused_or_read(name: str, raw: bytes) -> None:
    assert survives(BYTE_READERS[name][0], raw) in (True, False)


@pytest.mark.parametrize("name", TEXT_READERS)
@given(text=TEXTS)
@settings(max_examples=100, deadline=None)
def test_arbitrary_texts_are_refused_or_read(name: str, text: str) -> None:
    assert survives(TEXT_READERS[name][0], text) in (True, False)


@pytest.mark.parametrize("name", BYTE_READERS)
def test_damaged_bytes_are_refused_or_read(name: str) -> None:
    reader, good = BYTE_READERS[name]
    dice = random.Random(name)
    answers = [survives(reader, damaged(good, dice)) for _ in range(400)]
    assert answers.count(False) > 100


@pytest.mark.parametrize("name", TEXT_READERS)
def test_damaged_texts_are_refused_or_read(name: str) -> None:
    reader, good = TEXT_READERS[name]
    dice = random.Random(name)
    answers = [survives(reader, damaged(good.encode(), dice).decode(errors="surrogateescape")) for _ in range(400)]
    assert answers.count(False) > 100


def test_a_reader_that_raises_something_else_is_found() -> None:
    """The negative control of the four above."""
    with pytest.raises(ValueError, match="invalid literal"):
        survives(int, "7x")


def test_no_mutated_proof_is_accepted_and_no_true_one_refused() -> None:
    """A slice; `python -m bench.tlog_fuzz` runs a million."""
    verdicts = run(20_000, seed=20_261_121)
    assert sum(verdicts.values()) == 20_000
    assert min(verdicts[f"{name} accepted"] for name in ("inclusion", "consistency")) > 500
    assert min(verdicts[f"{name} refused"] for name in ("inclusion", "consistency")) > 5_000


def inclusion_without_an_end(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Broken: takes a hash of the path for the root when the path is too short."""
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        left = node & 1 or node == last
        computed = node_hash(sibling, computed) if left else node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if computed != root:
        raise TlogError("proof_invalid", "here", "broken")


def consistency_of_the_new_root_only(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Broken: believes whatever is said about the old tree."""
    try:
        check_consistency(old, new, proof, old_root, new_root)
    except TlogError as error:
        if error.problem != "leads to another root":
            raise


def check_that_trips(*_: object) -> None:
    raise IndexError("a proof that is too short")


@pytest.mark.parametrize("broken", [inclusion_without_an_end, check_that_trips])
def test_the_fuzzer_finds_a_broken_inclusion_check(broken: Callable[..., None]) -> None:
    with pytest.raises(FuzzFailure):
        run(20_000, seed=1, inclusion=broken)


@pytest.mark.parametrize("broken", [consistency_of_the_new_root_only, check_that_trips])
def test_the_fuzzer_finds_a_broken_consistency_check(broken: Callable[..., None]) -> None:
    with pytest.raises(FuzzFailure):
        run(20_000, seed=1, consistency=broken)
