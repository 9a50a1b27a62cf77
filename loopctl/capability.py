"""Capability tokens: what is signed, and the check of a signature, for the server and for whoever holds one.

The key is the tenant's own for this purpose and signs nothing else; its public half is in the log
(``purpose_key.made``).
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.errors import TlogError

PURPOSE = b"loopctl/capability/v1"
MEMBERS = (
    "cap_id", "expires_at", "issued_at", "issued_to_lineage", "kid", "nonce", "story_id", "tenant_id", "typ",
)  # fmt: skip
SIGNATURE_BYTES = 64


def authenticated(parts: Sequence[bytes]) -> bytes:
    """Parts one after the other, with their number and each one's length before it, so that no two lists of parts have
    the same bytes (PASETO's pre-authentication encoding)."""
    encoded = [len(part).to_bytes(8, "little") + part for part in parts]
    return len(parts).to_bytes(8, "little") + b"".join(encoded)


def message_of(token: Mapping[str, Any]) -> bytes:
    """What a token's signature is over. Raises KeyError and TlogError for what is no token."""
    return authenticated([PURPOSE, bytes(canonical_json({name: token[name] for name in MEMBERS}))])


def sign(token: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    return {**token, "signature": unpadded(key.sign(message_of(token)))}


def is_signed(token: Mapping[str, Any], public_key: bytes) -> bool:
    """Whether it has exactly the members of a token, and this key's signature over them, in its one spelling."""
    try:
        if set(token) != {*MEMBERS, "signature"}:
            return False
        signature = read_unpadded(token["signature"])
        if len(signature) != SIGNATURE_BYTES:
            return False
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message_of(token))
    except (InvalidSignature, TlogError, ValueError, TypeError):
        return False
    return True


def unpadded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def read_unpadded(text: str) -> bytes:
    """Raises ValueError for every spelling but the one of `unpadded`."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if unpadded(value) != text:
        raise ValueError("not the one spelling of these bytes")
    return value
