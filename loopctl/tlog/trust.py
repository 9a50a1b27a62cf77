"""Opening a note and a signed head: whose signature is needed, and whose is there."""

from collections.abc import Sequence
from typing import assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.cosignature import check_cosignature
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.keys import KeyHistory
from loopctl.tlog.note import Note, SignatureLine, parse_note
from loopctl.tlog.policy import Policy
from loopctl.tlog.vkey import KeyType, VerifierKey


class Trust(Struct, frozen=True):
    """What a verifier was told before: the keys of the log, and of which cosigners how many must have seen a head."""

    history: KeyHistory
    cosigners: tuple[VerifierKey, ...] = ()
    quorum: int = 0
    policy: Policy | None = None
    """Whose witnesses are among the cosigners."""


class Signature(Struct, frozen=True):
    """A line that was checked. ``time`` in Unix seconds, for cosignatures only."""

    key: VerifierKey
    time: int | None


class SignedTreeHead(Struct, frozen=True):
    """A head to be believed as far as its signatures go; that it extends an earlier one is checked elsewhere."""

    checkpoint: Checkpoint
    note: Note
    signatures: tuple[Signature, ...]
    """By log keys that count for this size; at least one."""
    cosignatures: tuple[Signature, ...]


def open_note(note: Note, keys: Sequence[VerifierKey]) -> tuple[Signature, ...]:
    """The lines by ``keys``, at least one. A known key's line that fails spoils the note; other lines are ignored."""
    known = {(key.name, key.key_id): key for key in keys}
    if len(known) != len(set(keys)):
        raise TlogError("key_malformed", "keys", "two keys with one name and key id")
    found = []
    for number, line in enumerate(note.lines, start=1):
        key = known.get((line.name, line.key_id))
        if key is not None:
            found.append(Signature(key, _check_line(key, note.text, line, f"signature line {number}")))
    if not found:
        raise TlogError("signature_missing", "note", "no line by a known key")
    return tuple(found)


def open_checkpoint(raw: bytes, trust: Trust) -> SignedTreeHead:
    # 1. The note, its three lines, and every line by a key that the log ever had or by a known cosigner.
    note = parse_note(raw)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != trust.history.origin:
        raise TlogError("origin_mismatch", "line 1", "the head of another log")
    lines = open_note(note, (*trust.history.keys, *trust.cosigners))
    # 2. A key counts only for the sizes of its time: a stolen old key must not sign new heads.
    by_log = [line for line in lines if line.key in trust.history.keys]
    counting = trust.history.counting(checkpoint.size)
    signatures = tuple(line for line in by_log if line.key in counting)
    if by_log and not signatures:
        raise TlogError("key_retired", "note", f"only signed by keys that do not count for size {checkpoint.size}")
    if not signatures:
        raise TlogError("signature_missing", "note", "no line by the log")
    # 3. Enough cosigners. One that signs with two keys is still one.
    cosignatures = tuple(line for line in lines if line.time is not None)
    cosigners = {line.key.name for line in cosignatures}
    if len(cosigners) < trust.quorum:
        raise TlogError("cosignatures_missing", "note", f"{len(cosigners)} cosigners instead of {trust.quorum}")
    if trust.policy is not None:
        check_quorum(trust.policy, cosignatures, "note")
    # 4. No leaf, no choice of root.
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise TlogError("empty_root", "line 3", "an empty log has only one root")
    return SignedTreeHead(checkpoint, note, signatures, cosignatures)


def check_quorum(policy: Policy, cosignatures: Sequence[Signature], place: str) -> None:
    """Raises TlogError where they are too few for the policy."""
    if not policy.is_reached({line.key for line in cosignatures}):
        raise TlogError("cosignatures_missing", place, f"the policy wants {policy.told()}")


def _check_line(key: VerifierKey, text: bytes, line: SignatureLine, place: str) -> int | None:
    match key.type:
        case KeyType.ED25519:
            check_signature(key, line.signature, text, place)
            return None
        case KeyType.COSIGNATURE | KeyType.ML_DSA_44:
            return check_cosignature(key, text, line.signature, place)
        case _:
            assert_never(key.type)


def check_signature(key: VerifierKey, signature: bytes, message: bytes, place: str) -> None:
    """Plain Ed25519."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise TlogError("signature_invalid", place, "not this key's signature of this text") from None
