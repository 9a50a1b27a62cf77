"""Values at rest (spec 06, section 4.2): 0x01, kid (4 bytes), nonce (12), ciphertext, tag (16); AES-256-GCM.

The tag also covers the place of the value, so that one copied to another row, column, table or tenant does not open.
"""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from config.keys import Key

VERSION = b"\x01"
KID_BYTES = 4
NONCE_BYTES = 12
HEAD_BYTES = len(VERSION) + KID_BYTES
PREFIX_BYTES = HEAD_BYTES + NONCE_BYTES


class DoesNotOpen(Exception):
    """Another key's value, from another place, or changed. Never says which bytes."""


class SealedPlace(Struct, frozen=True):
    """Where a value belongs. ``tenant`` is None for what belongs to none, ``row`` names the row in its table."""

    tenant: UUID | None
    table: str
    column: str
    row: str

    def data(self) -> bytes:
        parts = (str(self.tenant or ""), self.table, self.column, self.row)
        if any("|" in part for part in parts):
            raise ValueError("no bar in a part: two places could become one text")
        return "|".join(("loopctl/enc/v1", *parts)).encode()


def encrypt(key: Key, place: SealedPlace, value: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return _head(key) + nonce + AESGCM(key.secret).encrypt(nonce, value, place.data())


def decrypt(key: Key, place: SealedPlace, stored: bytes) -> bytes:
    """Raises DoesNotOpen."""
    if stored[:HEAD_BYTES] != _head(key):
        raise DoesNotOpen("a value of another key")
    nonce, sealed = stored[HEAD_BYTES:PREFIX_BYTES], stored[PREFIX_BYTES:]
    try:
        return AESGCM(key.secret).decrypt(nonce, sealed, place.data())
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise DoesNotOpen("changed, or from another place") from None


def _head(key: Key) -> bytes:
    return VERSION + bytes.fromhex(key.kid)
