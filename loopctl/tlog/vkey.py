"""Keys that notes are checked with, and their text form (C2SP signed-note, "verifier keys")."""

import re
from enum import IntEnum
from hashlib import sha256

from msgspec import Struct

from loopctl.tlog.ed25519 import check_public_key
from loopctl.tlog.errors import TlogError
from loopctl.tlog.spelling import base64_text, parse_base64

ML_DSA_44_KEY_BYTES = 1312
LARGEST_VKEY = 4096
LARGEST_NAME = 255
"""In bytes: an ML-DSA cosignature has one byte for the length of a name."""

NAME = re.compile(r"[^\s+\x00-\x1f]+")
KEY_ID = re.compile("[0-9a-f]{8}")


class KeyType(IntEnum):
    ED25519 = 0x01
    """Signs the text of a note: a log's key."""
    COSIGNATURE = 0x04
    """Ed25519 over a checkpoint and a time: a witness's key, or the server's clock."""
    ML_DSA_44 = 0x06
    """As 0x04, safe from quantum computers."""


class VerifierKey(Struct, frozen=True):
    name: str
    type: KeyType
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell the keys of one name apart; no secure hash of the key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public_key).digest()[:4]

    def text(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.type]) + self.public_key)}"


def verifier_key(name: str, key_type: KeyType, public_key: bytes) -> VerifierKey:
    """The only way to configure a key: refuses bad names, lengths and weak points."""
    if not is_key_name(name) or len(name.encode()) > LARGEST_NAME:
        raise TlogError("key_malformed", "key name", "empty, too long, or with a blank or plus sign")
    if key_type is not KeyType.ML_DSA_44:
        check_public_key(public_key, "public key")
    elif len(public_key) != ML_DSA_44_KEY_BYTES:
        raise TlogError("key_malformed", "public key", f"an ML-DSA-44 key has {ML_DSA_44_KEY_BYTES} bytes")
    return VerifierKey(name, key_type, public_key)


def parse_vkey(text: str) -> VerifierKey:
    """``name+key id+base64(type, public key)``; the base64 itself may hold more plus signs."""
    parts = text.split("+", 2) if len(text) <= LARGEST_VKEY else []
    if len(parts) != 3 or KEY_ID.fullmatch(parts[1]) is None:
        raise TlogError("key_malformed", "vkey", "not name+key id+base64")
    material = parse_base64(parts[2], "vkey")
    if not material or material[0] not in set(KeyType):
        raise TlogError("key_malformed", "vkey", "a key of an unknown type")
    key = verifier_key(parts[0], KeyType(material[0]), material[1:])
    if key.key_id.hex() != parts[1]:
        raise TlogError("key_malformed", "vkey", "the key id is another key's")
    return key


def is_key_name(name: str) -> bool:
    """Not empty, and without plus signs, control characters and the blanks of any script."""
    return NAME.fullmatch(name) is not None and not any("\ud800" <= character <= "\udfff" for character in name)
