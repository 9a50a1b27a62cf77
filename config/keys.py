"""Keys at rest: the key-encryption keys and the peppers of the API key hashes (spec 06, sections 4.1 and 4.2)."""

import base64
import binascii
import os
import re
import secrets
from pathlib import Path

from msgspec import Struct

from config.loader import ConfigError

KEY_BYTES = 32
ENTRY = re.compile(r"([0-9a-f]{8}):([0-9A-Za-z+/]{43}=)")


class Key(Struct, frozen=True):
    """``kid`` is 8 lower-case hex digits (4 bytes on the wire), ``secret`` 32 bytes."""

    kid: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r})"


def parse_keys(text: str | None) -> tuple[Key, ...]:
    """``kid:base64,kid:base64``, the current key first; empty or absent text is no key. Raises ConfigError."""
    keys = tuple(_parse_key(part.strip()) for part in (text or "").split(",") if part.strip())
    if len({key.kid for key in keys}) != len(keys):
        raise ConfigError("Two keys of one ring have the same kid: give each its own.")
    return keys


def _parse_key(text: str) -> Key:
    match = ENTRY.fullmatch(text)
    try:
        secret = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        secret = b""
    if match is None or len(secret) != KEY_BYTES or base64.b64encode(secret).decode() != match[2]:
        raise ConfigError("A key is not of the form kid:base64 (8 lower-case hex digits, 32 bytes in base64).")
    return Key(match[1], secret)


def generate_key() -> str:
    return f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def kept_secret(path: Path, generate: str) -> str:
    """The text in ``path``; when there is none, ``generate`` is stored there first (mode 0600).

    The file appears whole or not at all: a crash while writing must not leave half a key,
    because what was encrypted under it could never be read again.
    """
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(generate + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_directory(path.parent)
    path.chmod(0o600)  # also one that was copied back from a backup with other rights
    return path.read_text().strip()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
