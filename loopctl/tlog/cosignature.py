"""Cosignatures: "at this time this was the largest head of this log that I have seen" (C2SP tlog-cosignature)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.spelling import LARGEST
from loopctl.tlog.vkey import KeyType, VerifierKey

TIME_BYTES = 8
ED25519_BYTES = 64
ML_DSA_44_BYTES = 2420
SUBTREE = b"subtree/v1\n\x00"


def check_cosignature(key: VerifierKey, text: bytes, signature: bytes, place: str) -> int:
    """``text`` is a checkpoint, ``signature`` what follows the key id. Returns the signed time in Unix seconds."""
    length = ML_DSA_44_BYTES if key.type is KeyType.ML_DSA_44 else ED25519_BYTES
    if len(signature) != TIME_BYTES + length:
        raise TlogError("cosignature_malformed", place, f"{len(signature)} bytes instead of {TIME_BYTES + length}")
    time = int.from_bytes(signature[:TIME_BYTES], "big")
    if not 0 < time <= LARGEST:
        raise TlogError("cosignature_malformed", place, "no time, or one beyond the end of time")
    try:
        if key.type is KeyType.ML_DSA_44:
            message = subtree_message(key.name, time, text)
            MLDSA44PublicKey.from_public_bytes(key.public_key).verify(signature[TIME_BYTES:], message)
        else:
            message = checkpoint_message(time, text)
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature[TIME_BYTES:], message)
    except (InvalidSignature, ValueError):
        raise TlogError("signature_invalid", place, "not this key's signature of this text") from None
    return time


def checkpoint_message(time: int, text: bytes) -> bytes:
    """What an Ed25519 cosigner signs. Its name is not in it: a key must not serve two cosigners."""
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def subtree_message(name: str, time: int, text: bytes) -> bytes:
    """What an ML-DSA cosigner signs: a binary structure with the fields of the checkpoint, here of the whole tree."""
    checkpoint = parse_checkpoint(text)
    return b"".join(
        (
            SUBTREE,
            _short_text(name),
            time.to_bytes(8, "big"),
            _short_text(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _short_text(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded
