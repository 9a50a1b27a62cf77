"""Values that have exactly one spelling: decimals, base64, hashes. Everything else is refused."""

import binascii
import re

from loopctl.tlog.errors import TlogError

HASH_BYTES = 32
LARGEST = 2**63 - 1
"""Of every size, position and time: what a signed 64-bit column holds."""

DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def parse_decimal(text: str, place: str, largest: int = LARGEST) -> int:
    """No sign, blank, underscore or leading zero; at most ``largest``."""
    # The pattern is asked before int(): that one takes ' 7', '+7', '0_7' and digits of every script.
    if DECIMAL.fullmatch(text) is None or int(text) > largest:
        raise TlogError("malformed_number", place, f"not a decimal from 0 to {largest} without leading zeros")
    return int(text)


def base64_text(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


def parse_base64(text: str, place: str) -> bytes:
    """RFC 4648 section 4 with padding. The last character's unused bits must be 0, or two texts meant one value."""
    try:
        value = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        value = b""
    if base64_text(value) != text:
        raise TlogError("malformed_base64", place, "not base64 in its one spelling, padding included")
    return value


def parse_hash(text: str, place: str) -> bytes:
    value = parse_base64(text, place)
    if len(value) != HASH_BYTES:
        raise TlogError("hash_length", place, f"a hash has {HASH_BYTES} bytes, not {len(value)}")
    return value


def check_hashes(place: str, *hashes: bytes) -> None:
    """First step of every check: a short "hash" would shift the bytes that node_hash puts together."""
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise TlogError("hash_length", place, f"a hash has {HASH_BYTES} bytes, not {len(value)}")


def check_size(value: int, place: str, largest: int = LARGEST) -> None:
    if not 0 <= value <= largest:
        raise TlogError("size_out_of_range", place, f"not from 0 to {largest}")
