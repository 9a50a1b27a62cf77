"""Bytes in JSON: base64url without padding out; that, padding and the standard alphabet in."""

import base64
import binascii

STANDARD = str.maketrans("+/", "-_")


class NotBase64(Exception):
    """Says of what."""


def to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text: str, what: str) -> bytes:
    """Of several spellings of the same bytes only one is taken, padding and alphabet aside. Raises NotBase64."""
    bare = text.translate(STANDARD).rstrip("=")
    try:
        data = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        raise NotBase64(what) from None
    if to_text(data) != bare:
        raise NotBase64(what)
    return data
