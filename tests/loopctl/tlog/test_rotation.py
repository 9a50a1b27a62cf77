"""Three changes of key in one log: a verifier with the first vkey reaches the newest head, and no thief does."""

from collections.abc import Callable
from functools import cache

import pytest
from msgspec import Struct
from msgspec.structs import replace

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.chain import Chunk, verify_entries
from loopctl.tlog.checkpoint import Checkpoint, check_extends, make_checkpoint
from loopctl.tlog.entry import Entry, decode_entry, encode_entry
from loopctl.tlog.errors import Code, TlogError
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.keys import first_key
from loopctl.tlog.note import Note, parse_note
from loopctl.tlog.plan import prove_consistency, prove_inclusion
from loopctl.tlog.receipt import Receipt, parse_receipt
from loopctl.tlog.rotation import (
    ROTATION_TYPE,
    RotationStep,
    check_rotation,
    follow_rotations,
    rotation_data,
    sign_rotation,
)
from loopctl.tlog.signer import ROTATION, LogSigner, authenticated_encoding, sign_checkpoint
from loopctl.tlog.trust import Trust, open_checkpoint
from tests.loopctl.tlog.samples import (
    COSIGNED_AT,
    LOG,
    ORIGIN,
    SECOND,
    THIRD,
    WITNESS,
    Reference,
    an_entry,
    private_key,
    rejects,
)

FOURTH = LogSigner(ORIGIN, private_key(0xA0))
SIGNERS = [LOG, SECOND, THIRD, FOURTH]
LENGTH = 10_000
BOUNDARIES = [2_000, 5_000, 9_000]
"""Sizes of the log right after each rotation."""
ONLY_FIRST = Trust(first_key(LOG.key))


class Log(Struct, frozen=True):
    entries: list[bytes]
    tree: Reference

    def head(self, size: int) -> Checkpoint:
        return make_checkpoint(ORIGIN, size, self.tree.root(0, size))

    def signed(self, size: int, *signers: LogSigner) -> bytes:
        return sign_checkpoint(self.head(size), signers).encode()

    def step(self, number: int, note: bytes | None = None) -> RotationStep:
        size = BOUNDARIES[number]
        boundary = note or self.signed(size, SIGNERS[number], SIGNERS[number + 1])
        receipt = Receipt(size - 1, prove_inclusion(self.tree.read, size - 1, size), boundary)
        consistency = prove_consistency(self.tree.read, BOUNDARIES[number - 1], size) if number else ()
        return RotationStep(self.entries[size - 1], receipt.encode(), consistency)

    def steps(self) -> list[RotationStep]:
        return [self.step(number) for number in range(len(BOUNDARIES))]


@cache
def the_log() -> Log:
    entries: list[bytes] = []
    before = NO_LEAF
    for position in range(LENGTH):
        entry = an_entry(position, before)
        if position + 1 in BOUNDARIES:
            number = BOUNDARIES.index(position + 1)
            entry = rotated(entry, SIGNERS[number], SIGNERS[number + 1])
        entries.append(encode_entry(entry))
        before = leaf_hash(entries[-1])
    return Log(entries, Reference([leaf_hash(entry) for entry in entries]))


def rotated(entry: Entry, old: LogSigner, new: LogSigner, reason: str = "scheduled") -> Entry:
    core = replace(entry, type=ROTATION_TYPE, data=canonical_json(rotation_data(old.key, new.key, reason)))
    return sign_rotation(core, old, new)


def test_the_first_vkey_reaches_the_newest_head_offline() -> None:
    log = the_log()
    followed = follow_rotations(ONLY_FIRST, log.steps())
    assert followed.trust.history.keys == tuple(signer.key for signer in SIGNERS)
    assert [epoch.last_size for epoch in followed.trust.history.epochs] == [*BOUNDARIES, None]
    assert [rotation.boundary.size for rotation in followed.rotations] == BOUNDARIES
    newest = open_checkpoint(log.signed(LENGTH, FOURTH), followed.trust)
    assert followed.head is not None
    check_extends(followed.head, newest.checkpoint, prove_consistency(log.tree.read, followed.head.size, LENGTH))


def test_every_historic_head_still_opens_after_three_rotations() -> None:
    log, trust = the_log(), follow_rotations(ONLY_FIRST, the_log().steps()).trust
    edges = [0, *BOUNDARIES, LENGTH]
    for signer, first, last in zip(SIGNERS, edges, edges[1:], strict=False):
        for size in (first + 1, (first + last) // 2, last):
            assert open_checkpoint(log.signed(size, signer), trust).checkpoint == log.head(size)


def test_a_boundary_opens_under_either_key_alone() -> None:
    log = the_log()
    boundary = log.signed(2_000, LOG, SECOND)
    for key in (LOG.key, SECOND.key):
        assert [line.key for line in open_checkpoint(boundary, Trust(first_key(key))).signatures] == [key]


def test_a_history_with_rotations_is_an_unbroken_chain() -> None:
    log = the_log()
    checked = list(verify_entries([Chunk(log.entries)]))
    assert checked[-1].head.frontier.root() == log.tree.root(0, LENGTH)


def test_a_retired_key_cannot_sign_beyond_its_last_size() -> None:
    log, trust = the_log(), follow_rotations(ONLY_FIRST, the_log().steps()).trust
    assert open_checkpoint(log.signed(2_000, LOG), trust)
    with rejects("key_retired"):
        open_checkpoint(log.signed(2_001, LOG), trust)
    assert open_checkpoint(log.signed(2_001, LOG), ONLY_FIRST)  # which is why a verifier has to follow


def test_a_forged_small_head_by_a_stolen_retired_key_is_no_prefix() -> None:
    log, trust = the_log(), follow_rotations(ONLY_FIRST, the_log().steps()).trust
    newest = open_checkpoint(log.signed(LENGTH, FOURTH), trust).checkpoint
    forged = make_checkpoint(ORIGIN, 1_000, bytes(32))
    assert open_checkpoint(sign_checkpoint(forged, [LOG]).encode(), trust)
    with rejects("proof_invalid"):
        check_extends(forged, newest, prove_consistency(log.tree.read, 1_000, LENGTH))


def test_a_verifier_that_is_ahead_is_not_led_back() -> None:
    log = the_log()
    with rejects("heads_differ"):
        follow_rotations(ONLY_FIRST, log.steps(), log.head(3_000))


def test_a_verifier_with_a_head_wants_each_step_to_extend_it() -> None:
    log = the_log()
    first = replace(log.step(0), consistency=prove_consistency(log.tree.read, 1_500, 2_000))
    assert follow_rotations(ONLY_FIRST, [first], log.head(1_500)).head == log.head(2_000)
    with rejects("proof_invalid"):
        follow_rotations(ONLY_FIRST, [first], make_checkpoint(ORIGIN, 1_500, bytes(32)))
    with rejects("proof_invalid"):
        follow_rotations(ONLY_FIRST, [first])  # a proof from nowhere


def test_a_step_left_out_or_taken_twice_stops_the_walk() -> None:
    first, second, third = the_log().steps()
    assert follow_rotations(ONLY_FIRST, [first, replace(second), third])
    for steps in ([second], [first, third], [first, first], [first, second, second]):
        with pytest.raises(TlogError, match=f"rotation {len(steps)}"):
            follow_rotations(ONLY_FIRST, steps)


@pytest.mark.parametrize(
    ("signers", "code"),
    [((LOG,), "signature_missing"), ((SECOND,), "signature_missing"), ((THIRD, FOURTH), "signature_missing")],
)
def test_a_boundary_needs_both_keys(signers: tuple[LogSigner, ...], code: Code) -> None:
    log = the_log()
    with rejects(code):
        follow_rotations(ONLY_FIRST, [log.step(0, log.signed(2_000, *signers))])


def test_the_rotation_is_the_last_entry_of_its_boundary() -> None:
    log = the_log()
    receipt = Receipt(1_999, prove_inclusion(log.tree.read, 1_999, 2_001), log.signed(2_001, LOG, SECOND))
    with rejects("rotation_invalid"):
        follow_rotations(ONLY_FIRST, [RotationStep(log.entries[1_999], receipt.encode())])


def test_a_quorum_has_to_have_seen_every_boundary() -> None:
    log = the_log()
    note = parse_note(log.signed(2_000, LOG, SECOND))
    seen = Note(note.text, (*note.lines, WITNESS.cosign(log.head(2_000), COSIGNED_AT))).encode()
    trust = Trust(first_key(LOG.key), (WITNESS.key,), 1)
    followed = follow_rotations(trust, [log.step(0, seen)])
    assert [rotation.cosigners for rotation in followed.rotations] == [1]
    assert followed.trust.quorum == 1
    with rejects("cosignatures_missing"):
        follow_rotations(trust, [log.step(0)])


def test_every_single_bit_flip_of_a_rotation_is_noticed() -> None:
    """In the entry, by the inclusion proof; as bytes on their own, by one of the two signatures."""
    entry = the_log().entries[1_999]
    assert check_rotation(decode_entry(entry), LOG.key) == (SECOND.key, "scheduled")
    for bit in range(8 * len(entry)):
        flipped = bytearray(entry)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TlogError):
            check_rotation(decode_entry(bytes(flipped)), LOG.key)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data | {"old_key_id": "00000000"}, "rotation_malformed"),
        (lambda data: data | {"reason": ""}, "rotation_malformed"),
        (lambda data: data | {"reason": 7}, "rotation_malformed"),
        (lambda data: {key: value for key, value in data.items() if key != "reason"}, "rotation_malformed"),
        (lambda data: data | {"new_vkey": LOG.key.text()}, "rotation_malformed"),
        (lambda data: data | {"new_vkey": WITNESS.key.text()}, "rotation_malformed"),
        (lambda data: data | {"new_vkey": "?"}, "key_malformed"),
        (lambda data: data | {"new_vkey": THIRD.key.text()}, "signature_invalid"),
        (lambda data: data | {"extra": 1}, "signature_invalid"),
        (lambda data: data | {"signatures": {"new": "", "old": ""}}, "signature_invalid"),
        (lambda data: data | {"signatures": {"new": "?", "old": "?"}}, "malformed_base64"),
        (lambda data: data | {"signatures": []}, "rotation_malformed"),
    ],
)
def test_a_rotation_with_one_thing_wrong_is_refused(
    change: Callable[[dict[str, object]], dict[str, object]], code: Code
) -> None:
    entry = rotated(an_entry(), LOG, SECOND)
    with rejects(code):
        check_rotation(replace(entry, data=canonical_json(change(entry.value()))), LOG.key)


def test_another_entry_is_no_rotation() -> None:
    with rejects("rotation_malformed"):
        check_rotation(an_entry(), LOG.key)


def test_what_stands_beside_the_fields_of_a_rotation_is_signed_with_them() -> None:
    data = rotation_data(LOG.key, SECOND.key, "compromise") | {"assertion": {"credential_id": "c"}}
    core = an_entry(type=ROTATION_TYPE, data=canonical_json(data))
    signed = sign_rotation(core, LOG, SECOND)
    assert check_rotation(signed, LOG.key) == (SECOND.key, "compromise")
    other = signed.value() | {"assertion": {"credential_id": "d"}}
    with rejects("signature_invalid"):
        check_rotation(replace(signed, data=canonical_json(other)), LOG.key)


def test_the_signatures_hold_at_one_place_of_one_history_only() -> None:
    signed = rotated(an_entry(3, leaf_hash(b"before")), LOG, SECOND)
    for elsewhere in (replace(signed, seq=4), replace(signed, prev=leaf_hash(b"fork"))):
        with rejects("signature_invalid"):
            check_rotation(elsewhere, LOG.key)


def test_a_rotation_is_signed_by_its_two_keys_only() -> None:
    core = an_entry(type=ROTATION_TYPE, data=canonical_json(rotation_data(LOG.key, SECOND.key, "scheduled")))
    for old, new in ((SECOND, LOG), (THIRD, SECOND), (LOG, THIRD)):
        with pytest.raises(TlogError):
            sign_rotation(core, old, new)


def test_what_is_signed_for_a_rotation_is_never_a_note() -> None:
    """One key signs both; the length in front starts with zeros, which a note must not contain."""
    message = authenticated_encoding(ROTATION, ORIGIN.encode(), b"entry")
    assert b"\x00" in message[:8]
    with rejects("note_malformed"):
        parse_note(message + b"\n\n\xe2\x80\x94 a AAAAAAA=\n")


def test_parts_cannot_slide_into_each_other() -> None:
    assert authenticated_encoding(b"p", b"ab", b"c") != authenticated_encoding(b"p", b"a", b"bc")
    assert authenticated_encoding(b"p", b"a") != authenticated_encoding(b"p", b"a", b"")
    assert authenticated_encoding(b"") == b"\x01" + bytes(7) + bytes(8)  # as in PASETO's own examples


def test_a_step_keeps_the_form_of_its_receipt() -> None:
    step = the_log().step(0)
    assert parse_receipt(step.receipt).encode() == step.receipt
