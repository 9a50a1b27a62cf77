"""Changing a log's key, and following the changes from the one key that a verifier was given (spec 05, section 4.1)."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct, ValidationError, convert
from msgspec.structs import replace

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.checkpoint import Checkpoint, check_extends
from loopctl.tlog.entry import Entry, decode_entry, encode_entry
from loopctl.tlog.errors import TlogError
from loopctl.tlog.receipt import check_receipt, parse_receipt
from loopctl.tlog.signer import ROTATION, LogSigner, authenticated_encoding
from loopctl.tlog.spelling import base64_text, parse_base64
from loopctl.tlog.trust import Trust, check_signature, open_note
from loopctl.tlog.vkey import VerifierKey, parse_vkey

ROTATION_TYPE = "log.key_rotated"
COMPROMISE = "compromise"
REASON = re.compile("[a-z][a-z_]{0,62}")


class RotationSignatures(Struct, frozen=True):
    new: str
    old: str


class RotationData(Struct, frozen=True):
    """Other fields, such as a person's assertion, may stand beside these and are signed with them."""

    new_vkey: str
    old_key_id: str
    reason: str
    signatures: RotationSignatures


class RotationStep(Struct, frozen=True):
    """One rotation as evidence. The receipt's checkpoint is the boundary: the entry of the rotation is its last."""

    entry: bytes
    receipt: bytes
    consistency: tuple[bytes, ...] = ()
    """From the head before, of the verifier or of the last step, to the boundary; empty when there is none."""


class Rotation(Struct, frozen=True):
    """A step that was followed. ``cosigners`` is how many known ones saw the boundary: for a rotation because of a
    compromise, nothing else tells the history of the thief from that of the owner."""

    key: VerifierKey
    reason: str
    boundary: Checkpoint
    cosigners: int


class Followed(Struct, frozen=True):
    """``trust`` now has all keys; ``head`` is the newest one believed."""

    trust: Trust
    head: Checkpoint | None
    rotations: tuple[Rotation, ...]


def rotation_data(old: VerifierKey, new: VerifierKey, reason: str) -> dict[str, object]:
    """The data of the entry before it is signed; ``reason`` is a lower-case word, ``compromise`` if it is one."""
    return {"new_vkey": new.text(), "old_key_id": old.key_id.hex(), "reason": reason}


def sign_rotation(core: Entry, old: LogSigner, new: LogSigner) -> Entry:
    """``core`` is the entry in full, position and link included, with the data of ``rotation_data``.

    The old key vouches for the new one and the new one shows that it exists, both at this place of this history only.
    """
    message = encode_entry(core)
    signatures = {"new": base64_text(new.sign_rotation(message)), "old": base64_text(old.sign_rotation(message))}
    signed = replace(core, data=canonical_json({**core.value(), "signatures": signatures}))
    check_rotation(signed, old.key)
    return signed


def check_rotation(entry: Entry, old: VerifierKey) -> tuple[VerifierKey, str]:
    """The new key and the reason, if both keys have signed this entry."""
    # 1. A rotation away from the old key, to another key of the same log.
    data = _rotation_data(entry)
    new = parse_vkey(data.new_vkey)
    if data.old_key_id != old.key_id.hex() or REASON.fullmatch(data.reason) is None:
        raise TlogError("rotation_malformed", "rotation", "from another key, or without a reason")
    if (new.name, new.type) != (old.name, old.type) or new.key_id == old.key_id:
        raise TlogError("rotation_malformed", "rotation", "to the same key, or to a key of another log")
    # 2. Both signatures over the entry as it was before they were put in.
    unsigned = {name: value for name, value in entry.value().items() if name != "signatures"}
    core = encode_entry(replace(entry, data=canonical_json(unsigned)))
    for key, signature, place in (
        (old, data.signatures.old, "signature of the old key"),
        (new, data.signatures.new, "signature of the new key"),
    ):
        # Each key signs its own name; both are keys of one log, so that is the origin.
        message = authenticated_encoding(ROTATION, key.name.encode(), core)
        check_signature(key, parse_base64(signature, place), message, place)
    return new, data.reason


def follow_rotations(trust: Trust, steps: Iterable[RotationStep], head: Checkpoint | None = None) -> Followed:
    """From the keys of ``trust`` to the newest, each step only if it is proven by what was believed before it."""
    rotations = []
    for number, step in enumerate(steps, start=1):
        try:
            rotation = _follow(trust, step, head)
        except TlogError as error:
            raise error.inside(f"rotation {number}") from None
        trust = replace(trust, history=trust.history.rotated(rotation.key, rotation.boundary.size))
        head = rotation.boundary
        rotations.append(rotation)
    return Followed(trust, head, tuple(rotations))


def _follow(trust: Trust, step: RotationStep, head: Checkpoint | None) -> Rotation:
    # 1. The boundary is signed by a key that counts, and has the entry as its last one.
    receipt = parse_receipt(step.receipt)
    signed = check_receipt(receipt, step.entry, trust)
    boundary = signed.checkpoint
    if receipt.index != boundary.size - 1:
        raise TlogError("rotation_invalid", "receipt", "not of the last entry of the boundary checkpoint")
    # 2. It goes on from the head that was believed so far.
    _check_goes_on(head, boundary, step.consistency)
    # 3. Old and new key have signed the entry, and the new one has signed the boundary too.
    new, reason = check_rotation(decode_entry(step.entry), trust.history.newest)
    open_note(signed.note, [new])
    return Rotation(new, reason, boundary, len({line.key.name for line in signed.cosignatures}))


def _check_goes_on(head: Checkpoint | None, boundary: Checkpoint, proof: Sequence[bytes]) -> None:
    if head is not None:
        check_extends(head, boundary, proof)
    elif proof:
        raise TlogError("proof_invalid", "consistency proof", "there is no head that it could start from")


def _rotation_data(entry: Entry) -> RotationData:
    if entry.type != ROTATION_TYPE:
        raise TlogError("rotation_malformed", "rotation", f"not an entry of type {ROTATION_TYPE}")
    try:
        return convert(entry.value(), RotationData)
    except ValidationError:
        raise TlogError("rotation_malformed", "rotation", "without the fields of a rotation") from None
