"""Receipts and requests to witnesses: the worked ones bit by bit, one spelling each, every flip noticed."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import first_key
from loopctl.tlog.plan import prove_consistency, prove_inclusion
from loopctl.tlog.receipt import Receipt, check_leaf_receipt, check_receipt, parse_receipt
from loopctl.tlog.trust import Trust
from loopctl.tlog.witness import (
    AddCheckpoint,
    encode_size,
    origin_id,
    parse_add_checkpoint,
    parse_size,
)
from tests.loopctl.tlog.samples import DATA, LEAVES, LOG, ORIGIN, ROOTS, WITNESS, WORKED, head, reader, rejects

NOTE = WORKED["checkpoint_7"]["note"].encode()
TRUST = Trust(first_key(LOG.key), (WITNESS.key,), 1)
TEXT = WORKED["receipt_2_in_7"]["text"].encode()
BODY = WORKED["add_checkpoint_3_to_7"]["body"].encode()
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)
SIZES = st.integers(0, 2**63 - 1)


def test_the_worked_receipt_is_made_bit_by_bit_and_checks() -> None:
    receipt = Receipt(2, prove_inclusion(reader(LEAVES), 2, 7), NOTE)
    assert receipt.encode() == TEXT
    assert sha256(TEXT).hexdigest() == WORKED["receipt_2_in_7"]["sha256"]
    assert parse_receipt(TEXT) == receipt
    assert check_receipt(receipt, DATA[2], TRUST).checkpoint.size == 7
    assert check_leaf_receipt(receipt, LEAVES[2], TRUST).checkpoint.root == ROOTS[7]


def test_every_leaf_of_every_small_tree_gets_a_receipt_that_checks() -> None:
    trust = Trust(first_key(LOG.key))
    for size in range(1, 9):
        for index in range(size):
            receipt = Receipt(index, prove_inclusion(reader(LEAVES), index, size), head(size, ROOTS[size]))
            assert check_receipt(parse_receipt(receipt.encode()), DATA[index], trust).checkpoint.size == size
            with rejects("proof_invalid"):
                check_receipt(receipt, DATA[index] + b"!", trust)


def test_every_single_bit_flip_of_a_receipt_is_noticed() -> None:
    for bit in range(8 * len(TEXT)):
        flipped = bytearray(TEXT)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TlogError):
            check_receipt(parse_receipt(bytes(flipped)), DATA[2], TRUST)


def test_every_single_bit_flip_of_the_entry_is_noticed() -> None:
    receipt = parse_receipt(Receipt(7, prove_inclusion(reader(LEAVES), 7, 8), head(8, ROOTS[8])).encode())
    trust = Trust(first_key(LOG.key))
    check_receipt(receipt, DATA[7], trust)
    for bit in range(8 * len(DATA[7])):
        flipped = bytearray(DATA[7])
        flipped[bit // 8] ^= 1 << bit % 8
        with rejects("proof_invalid"):
            check_receipt(receipt, bytes(flipped), trust)


@given(st.builds(Receipt, SIZES, HASHES, st.binary(max_size=300), st.binary(max_size=300)))
def test_every_receipt_is_read_back(receipt: Receipt) -> None:
    assert parse_receipt(receipt.encode()) == receipt


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"index 2", b"index 02"), (b"index 2", b"index +2"), (b"index 2", b"index  2"), (b"index 2\n", b""),
        (b"index 2", b"Index 2"), (b"index 2", b"extra \nindex 2"), (b"index 2", b"extra AA\nindex 2"),
        (b"index 2", b"index 2\nindex 2"), (b"@v1", b"@v2"), (b"@v1\n", b"@v1\r\n"), (b"@v1", b"@v1 "),
        (b"index 2", b"index 9223372036854775808"), (b"\n\n", b"\n"), (b"index 2\n", b"index 2\n\xff\n"),
        (b"index 2", b"extra AAAA\nextra AAAA\nindex 2"), (b"index 2\n", b"index 2\nAAAA\n"),
    ],
)  # fmt: skip # one change beside the other
def test_a_second_spelling_of_a_receipt_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(TlogError):
        check_receipt(parse_receipt(TEXT.replace(old, new)), DATA[2], TRUST)


def test_extra_data_is_kept_and_proves_nothing() -> None:
    with_hint = parse_receipt(TEXT.replace(b"index 2", b"extra aGludA==\nindex 2"))
    assert with_hint.extra == b"hint"
    assert check_receipt(with_hint, DATA[2], TRUST) == check_receipt(parse_receipt(TEXT), DATA[2], TRUST)


def test_a_path_has_at_most_63_hashes() -> None:
    assert len(parse_receipt(Receipt(0, (LEAVES[0],) * 63, b"").encode()).path) == 63
    with rejects("receipt_malformed"):
        parse_receipt(Receipt(0, (LEAVES[0],) * 64, b"").encode())


def test_the_worked_request_to_a_witness_is_made_bit_by_bit() -> None:
    request = AddCheckpoint(3, prove_consistency(reader(LEAVES), 3, 7), head(7, ROOTS[7]))
    assert request.encode() == BODY
    assert sha256(BODY).hexdigest() == WORKED["add_checkpoint_3_to_7"]["sha256"]
    assert parse_add_checkpoint(BODY) == request
    assert origin_id(ORIGIN) == WORKED["origin_sha256"]


@given(st.builds(AddCheckpoint, SIZES, HASHES, st.binary(max_size=300)))
def test_every_request_to_a_witness_is_read_back(request: AddCheckpoint) -> None:
    assert parse_add_checkpoint(request.encode()) == request


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old 3", b"old 03"), (b"old 3", b"old -3"), (b"old 3", b"Old 3"), (b"old 3\n", b""), (b"\n\n", b"\n"),
        (b"old 3\n", b"old 3\nAAAA\n"), (b"old 3\n", b"old 3\n\xff\n"), (b"old 3\n", b"old 3\r\n"),
        (b"old 3\n", b"old 3\n" + b"ApjRIpBtz8EIkstTpzmS/FufST6kybrbJ7eRtBJ6f+c=\n" * 60),
    ],
)  # fmt: skip # one change beside the other
def test_a_second_spelling_of_a_request_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(TlogError):
        parse_add_checkpoint(BODY.replace(old, new, 1))


@given(SIZES)
def test_the_size_that_a_witness_answers_is_read_back(size: int) -> None:
    assert parse_size(encode_size(size)) == size


@pytest.mark.parametrize("body", [b"", b"7", b"7\n\n", b"07\n", b" 7\n", b"\xb2\n", b"x\n"])
def test_another_answer_than_a_size_is_refused(body: bytes) -> None:
    with pytest.raises(TlogError):
        parse_size(body)
