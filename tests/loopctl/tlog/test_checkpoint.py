"""Checkpoints and who has to have signed them: the worked ones bit by bit, and every way to get it wrong."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from loopctl.tlog.checkpoint import Checkpoint, check_extends, make_checkpoint, parse_checkpoint
from loopctl.tlog.cosignature import checkpoint_message, subtree_message
from loopctl.tlog.errors import Code, TlogError
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.keys import KeyEpoch, first_key, key_history
from loopctl.tlog.note import Note, SignatureLine, parse_note
from loopctl.tlog.plan import prove_consistency
from loopctl.tlog.signer import Cosigner, LogSigner, sign_checkpoint
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import KeyType, verifier_key
from tests.loopctl.tlog.samples import (
    COSIGNED_AT,
    LEAVES,
    LOG,
    ORIGIN,
    ROOTS,
    SECOND,
    WITNESS,
    WORKED,
    head,
    private_key,
    reader,
    rejects,
)

SEVEN = make_checkpoint(ORIGIN, 7, ROOTS[7])
WORKED_SEVEN = WORKED["checkpoint_7"]
NOTE = WORKED_SEVEN["note"].encode()
ONLY_LOG = Trust(first_key(LOG.key))
WITNESSED = Trust(first_key(LOG.key), (WITNESS.key,), 1)


def test_the_worked_checkpoint_is_signed_bit_by_bit() -> None:
    note = sign_checkpoint(SEVEN, [LOG])
    cosigned = Note(note.text, (*note.lines, WITNESS.cosign(SEVEN, COSIGNED_AT)))
    assert cosigned.encode() == NOTE
    assert len(NOTE) == WORKED_SEVEN["note_length"]
    assert sha256(NOTE).hexdigest() == WORKED_SEVEN["note_sha256"]
    assert len(note.text) == WORKED_SEVEN["text_length"]
    assert sha256(note.text).hexdigest() == WORKED_SEVEN["text_sha256"]
    assert note.lines[0].signature.hex() == WORKED_SEVEN["signature"]
    assert sign_checkpoint(make_checkpoint(ORIGIN, 3, ROOTS[3]), [LOG]).encode().decode() == WORKED["checkpoint_3"]


def test_the_worked_cosignature_is_made_bit_by_bit() -> None:
    signature = WITNESS.cosign(SEVEN, COSIGNED_AT).signature
    assert signature[:8].hex() == WORKED_SEVEN["cosignature_time_bytes"]
    assert signature[8:].hex() == WORKED_SEVEN["cosignature"]
    message = checkpoint_message(COSIGNED_AT, SEVEN.text())
    assert sha256(message).hexdigest() == WORKED_SEVEN["cosignature_message_sha256"]


def test_the_worked_checkpoint_opens_with_its_time() -> None:
    opened = open_checkpoint(NOTE, WITNESSED)
    assert opened.checkpoint == SEVEN
    assert [line.key for line in opened.signatures] == [LOG.key]
    assert [(line.key, line.time) for line in opened.cosignatures] == [(WITNESS.key, COSIGNED_AT)]


def test_every_single_bit_flip_of_a_witnessed_checkpoint_is_noticed() -> None:
    """Under a policy that wants both lines; without one, the unflipped note, the check can also say yes."""
    assert open_checkpoint(NOTE, WITNESSED)
    for bit in range(8 * len(NOTE)):
        flipped = bytearray(NOTE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TlogError):
            open_checkpoint(bytes(flipped), WITNESSED)


@given(st.text(min_size=1, max_size=60), st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_that_can_be_made_is_read_back(origin: str, size: int, root: bytes) -> None:
    try:
        checkpoint = make_checkpoint(origin, size, root if size else EMPTY_ROOT)
    except TlogError:
        assert any(character < " " for character in origin)
        return
    assert parse_checkpoint(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "", "o\n1\n", "o\n1\n{root}", "o\n1\n{root}\n\n", "o\n1\n{root}\nextension\n", "\n1\n{root}\n",
        "o\n01\n{root}\n",
        "o\n 1\n{root}\n", "o\n+1\n{root}\n", "o\n1_0\n{root}\n", "o\n-1\n{root}\n", "o\n\n{root}\n", "o\n1\n\n",
        "o\n9223372036854775808\n{root}\n", "o\n1\n{root}AAAA\n", "o\n1\nAAAA\n", "o\r\n1\n{root}\n",
        "o\n\u0661\n{root}\n",
    ],
)  # fmt: skip # one text beside the other
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    root = NOTE.decode().split("\n")[2]
    assert parse_checkpoint(f"o\n1\n{root}\n".encode()).size == 1
    with pytest.raises(TlogError):
        parse_checkpoint(text.format(root=root).encode())


def test_a_root_that_cannot_be_is_never_signed() -> None:
    for size, root in ((0, ROOTS[1]), (3, ROOTS[3][:31]), (-1, ROOTS[3]), (2**63, ROOTS[3])):
        with pytest.raises(TlogError):
            make_checkpoint(ORIGIN, size, root)


def test_an_empty_log_with_leaves_in_its_root_is_not_believed() -> None:
    assert open_checkpoint(head(0, EMPTY_ROOT), ONLY_LOG)
    forged = sign_checkpoint(Checkpoint(ORIGIN, 0, ROOTS[1]), [LOG]).encode()
    with rejects("empty_root"):
        open_checkpoint(forged, ONLY_LOG)


def test_the_head_of_another_log_is_not_believed() -> None:
    other = LogSigner("other.example/log", private_key(0))
    note = sign_checkpoint(make_checkpoint("other.example/log", 7, ROOTS[7]), [other]).encode()
    with rejects("origin_mismatch"):
        open_checkpoint(note, ONLY_LOG)
    with rejects("origin_mismatch"):
        LOG.sign_head(make_checkpoint("other.example/log", 7, ROOTS[7]))


def test_cosignatures_alone_do_not_make_a_head() -> None:
    note = parse_note(NOTE)
    with rejects("signature_missing"):
        open_checkpoint(Note(note.text, note.lines[1:]).encode(), WITNESSED)


def test_the_quorum_counts_cosigners_and_not_their_lines() -> None:
    note = parse_note(NOTE)
    twice = Note(note.text, (*note.lines, WITNESS.cosign(SEVEN, COSIGNED_AT + 1))).encode()
    other = Cosigner("witness.example/w2", private_key(0x80))
    both = Note(note.text, (*note.lines, other.cosign(SEVEN, COSIGNED_AT))).encode()
    two = Trust(first_key(LOG.key), (WITNESS.key, other.key), 2)
    for raw in (NOTE, twice):
        with rejects("cosignatures_missing"):
            open_checkpoint(raw, two)
    assert len(open_checkpoint(both, two).cosignatures) == 2


@pytest.mark.parametrize("signature", [b"", bytes(8), bytes(71), bytes(73)])
def test_a_cosignature_has_one_length(signature: bytes) -> None:
    with pytest.raises(TlogError):
        open_checkpoint(_cosigned(WITNESS.key.key_id, signature), WITNESSED)


def test_a_cosignature_has_a_time() -> None:
    signature = WITNESS.cosign(SEVEN, COSIGNED_AT).signature
    assert open_checkpoint(_cosigned(WITNESS.key.key_id, signature), WITNESSED)
    for time in (0, 2**63):
        with rejects("cosignature_malformed"):
            open_checkpoint(_cosigned(WITNESS.key.key_id, time.to_bytes(8, "big") + signature[8:]), WITNESSED)
    with rejects("signature_invalid"):
        later = (COSIGNED_AT + 1).to_bytes(8, "big") + signature[8:]
        open_checkpoint(_cosigned(WITNESS.key.key_id, later), WITNESSED)
    with pytest.raises(ValueError, match="after the epoch"):
        WITNESS.cosign(SEVEN, 0)


def test_a_post_quantum_cosignature_counts_and_covers_name_time_and_tree() -> None:
    private = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
    key = verifier_key("witness.example/w1", KeyType.ML_DSA_44, private.public_key().public_bytes_raw())
    trust = Trust(first_key(LOG.key), (key,), 1)

    def line(name: str, time: int, checkpoint: Checkpoint) -> bytes:
        signature = private.sign(subtree_message(name, time, checkpoint.text()))
        return _cosigned(key.key_id, COSIGNED_AT.to_bytes(8, "big") + signature)

    opened = open_checkpoint(line(key.name, COSIGNED_AT, SEVEN), trust)
    assert [(each.key, each.time) for each in opened.cosignatures] == [(key, COSIGNED_AT)]
    other = make_checkpoint(ORIGIN, 8, ROOTS[8])
    for wrong in (("w2", COSIGNED_AT, SEVEN), (key.name, COSIGNED_AT + 1, SEVEN), (key.name, COSIGNED_AT, other)):
        with rejects("signature_invalid"):
            open_checkpoint(line(*wrong), trust)


def test_a_key_counts_for_the_sizes_of_its_time_only() -> None:
    """First key up to size 5, second from 4 on: an overlap of two sizes."""
    trust = Trust(key_history([KeyEpoch(LOG.key, 0, 5), KeyEpoch(SECOND.key, 4)]))
    for size, signer, counts in (
        (3, LOG, True),
        (5, LOG, True),
        (6, LOG, False),
        (3, SECOND, False),
        (4, SECOND, True),
    ):
        raw = head(size, ROOTS[size], signer)
        if counts:
            assert [line.key for line in open_checkpoint(raw, trust).signatures] == [signer.key]
        else:
            with rejects("key_retired"):
                open_checkpoint(raw, trust)
    both = open_checkpoint(head(6, ROOTS[6], LOG, SECOND), trust)
    assert [line.key for line in both.signatures] == [SECOND.key]


def test_a_forged_line_of_a_retired_key_spoils_the_head_too() -> None:
    trust = Trust(key_history([KeyEpoch(LOG.key, 0, 5), KeyEpoch(SECOND.key, 4)]))
    note = parse_note(head(6, ROOTS[6], SECOND))
    forged = SignatureLine(ORIGIN, LOG.key.key_id, bytes(64))
    with rejects("signature_invalid"):
        open_checkpoint(Note(note.text, (*note.lines, forged)).encode(), trust)


@pytest.mark.parametrize(
    ("epochs"),
    [
        [],
        [KeyEpoch(LOG.key, 0, 10)],
        [KeyEpoch(LOG.key, 0, 10), KeyEpoch(SECOND.key, 11)],
        [KeyEpoch(LOG.key, 0, 10), KeyEpoch(SECOND.key, 0)],
        [KeyEpoch(LOG.key, 5, None), KeyEpoch(SECOND.key, 3)],
        [KeyEpoch(LOG.key, 0, 10), KeyEpoch(LOG.key, 10)],
        [KeyEpoch(WITNESS.key, 0)],
        [KeyEpoch(LOG.key, 0, 10), KeyEpoch(LogSigner("other", private_key(0x40)).key, 10)],
    ],
)
def test_a_history_of_keys_without_order_is_refused(epochs: list[KeyEpoch]) -> None:
    with rejects("key_malformed"):
        key_history(epochs)


def test_both_keys_sign_while_they_overlap() -> None:
    keys = key_history([KeyEpoch(LOG.key, 0), KeyEpoch(SECOND.key, 10)])
    assert [keys.counting(size) for size in (9, 10, 1000)] == [(LOG.key,), *[(LOG.key, SECOND.key)] * 2]
    assert [key_history(keys.epochs).origin, keys.newest] == [ORIGIN, SECOND.key]


def test_a_later_head_extends_an_earlier_one_with_a_proof() -> None:
    for old in range(9):
        for new in range(old, 9):
            proof = prove_consistency(reader(LEAVES), old, new) if old else ()
            check_extends(_head(old), _head(new), proof)


@pytest.mark.parametrize(
    ("old", "new", "proof", "code"),
    [
        ((3, 3), (2, 2), (), "heads_differ"),  # rolled back
        ((3, 3), (3, 2), (), "heads_differ"),  # forked
        ((3, 3), (3, 3), ROOTS[:1], "proof_invalid"),
        ((0, 0), (3, 3), ROOTS[:1], "proof_invalid"),
        ((0, 1), (3, 3), (), "empty_root"),
        ((0, 0), (0, 1), (), "empty_root"),
        ((3, 3), (7, 7), (), "proof_invalid"),
    ],
)
def test_a_head_that_does_not_extend_is_refused(
    old: tuple[int, int], new: tuple[int, int], proof: tuple[bytes, ...], code: Code
) -> None:
    """Sizes and whose roots they show."""
    with rejects(code):
        check_extends(
            Checkpoint(ORIGIN, old[0], ROOTS[old[1]]), Checkpoint(ORIGIN, new[0], ROOTS[new[1]]), tuple(proof)
        )


def test_heads_of_two_logs_are_never_one_history() -> None:
    with rejects("origin_mismatch"):
        check_extends(_head(3), Checkpoint("other", 3, ROOTS[3]), ())


def _head(size: int) -> Checkpoint:
    return make_checkpoint(ORIGIN, size, ROOTS[size])


def _cosigned(key_id: bytes, signature: bytes) -> bytes:
    note = sign_checkpoint(SEVEN, [LOG])
    line = SignatureLine("witness.example/w1", key_id, signature or b"\x00")
    return Note(note.text, (*note.lines, line)).encode()
