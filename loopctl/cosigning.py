"""An agent's own signature under the heads of the log that it has checked: "as of now, the largest that I have seen".

The key is the agent's: named after it, and shown to be held by it before a tenant takes it for the agent's.
"""

import base64
import secrets
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import parse_note
from loopctl.tlog.signer import Cosigner, authenticated_encoding
from loopctl.tlog.trust import check_signature
from loopctl.tlog.vkey import KeyType, VerifierKey, verifier_key

POSSESSION = b"loopctl/agent-cosigner/v1"
KEY_BYTES = 32


def name_of(origin: str, agent_id: str) -> str:
    """Of the key of an agent of this log."""
    return f"{origin}/agents/{agent_id}"


class AgentCosigner:
    """Raises ValueError for what is no private key of 32 bytes."""

    def __init__(self, origin: str, agent_id: str, private_key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._private_key = Ed25519PrivateKey.from_private_bytes(private_key)
        self._cosigner = Cosigner(name_of(origin, agent_id), self._private_key)
        self._origin = origin
        self._clock = clock

    @property
    def vkey(self) -> str:
        return self._cosigner.key.text()

    @property
    def proof(self) -> str:
        """That whoever shows the key has it; unpadded base64url."""
        return _base64url(self._private_key.sign(authenticated_encoding(POSSESSION, self.vkey.encode())))

    def cosig(self, head: Checkpoint) -> str:
        """As it stands in Loopctl-Witness. Raises ValueError for another log's head."""
        if head.origin != self._origin:
            raise ValueError("the head of another log")
        line = self._cosigner.cosign(head, int(self._clock()))
        return _base64url(line.key_id + line.signature)


class KeyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent keeps: who it is, and 32 bytes of which nobody else knows, in base64."""

    agent_id: str
    private_key: str

    def cosigner(self, origin: str) -> AgentCosigner:
        """Raises ValueError."""
        return AgentCosigner(origin, self.agent_id, base64.b64decode(self.private_key, validate=True))


def new_key(agent_id: str) -> KeyFile:
    return KeyFile(agent_id, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


def cosig_of(key: KeyFile, note: str) -> str:
    """Of the head of a note that was checked. Raises ValueError for what is no key."""
    head = parse_checkpoint(parse_note(note.encode()).text)
    return key.cosigner(head.origin).cosig(head)


def owns(key: VerifierKey, proof: str) -> bool:
    """Whether who made the proof has the key."""
    try:
        signature = base64.urlsafe_b64decode(proof + "=" * (-len(proof) % 4))
        plain = verifier_key(key.name, KeyType.ED25519, key.public_key)
        check_signature(plain, signature, authenticated_encoding(POSSESSION, key.text().encode()), "proof")
    except (TlogError, ValueError):
        return False
    return _base64url(signature) == proof


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
