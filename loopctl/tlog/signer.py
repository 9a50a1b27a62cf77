"""Private keys, each of which can sign one kind of thing (spec 06, section 4.3)."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loopctl.tlog.checkpoint import Checkpoint
from loopctl.tlog.cosignature import checkpoint_message
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import Note, SignatureLine
from loopctl.tlog.spelling import LARGEST
from loopctl.tlog.vkey import KeyType, VerifierKey, verifier_key

ROTATION = b"loopctl/key-rotation/v1"


def authenticated_encoding(purpose: bytes, *parts: bytes) -> bytes:
    """PASETO's PAE: every part after its length, so that no two lists of parts are one message.

    Its first bytes hold zeros, which no note has: what is signed so can never be shown as a signed head.
    """
    pieces = (purpose, *parts)
    counted = [len(piece).to_bytes(8, "little") + piece for piece in pieces]
    return len(pieces).to_bytes(8, "little") + b"".join(counted)


class LogSigner:
    """A log's own key: heads, and its part in its own rotation."""

    def __init__(self, origin: str, private_key: Ed25519PrivateKey) -> None:
        self.key: VerifierKey = verifier_key(origin, KeyType.ED25519, private_key.public_key().public_bytes_raw())
        self._private_key = private_key

    def sign_head(self, checkpoint: Checkpoint) -> SignatureLine:
        _check_own(self.key.name, checkpoint)
        return SignatureLine(self.key.name, self.key.key_id, self._private_key.sign(checkpoint.text()))

    def sign_rotation(self, core: bytes) -> bytes:
        """``core`` is the entry of the rotation without its signatures (see `rotation`)."""
        return self._private_key.sign(authenticated_encoding(ROTATION, self.key.name.encode(), core))


class Cosigner:
    """A witness, or the clock of the server: heads with a time."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self.key: VerifierKey = verifier_key(name, KeyType.COSIGNATURE, private_key.public_key().public_bytes_raw())
        self._private_key = private_key

    def cosign(self, checkpoint: Checkpoint, time: int) -> SignatureLine:
        """``time`` in Unix seconds, after the epoch."""
        if not 0 < time <= LARGEST:
            raise ValueError("a cosignature has a time after the epoch")
        signature = self._private_key.sign(checkpoint_message(time, checkpoint.text()))
        return SignatureLine(self.key.name, self.key.key_id, time.to_bytes(8, "big") + signature)


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[LogSigner]) -> Note:
    """During a rotation ``signers`` are both keys, the older one first."""
    return Note(checkpoint.text(), tuple(signer.sign_head(checkpoint) for signer in signers))


def _check_own(origin: str, checkpoint: Checkpoint) -> None:
    if checkpoint.origin != origin:
        raise TlogError("origin_mismatch", "checkpoint", "a log signs its own heads only")
