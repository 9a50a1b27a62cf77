"""One id for each request, in the answer and in every log line about it."""

import random
import re
import time

SANE = re.compile(rb"[0-9A-Za-z][0-9A-Za-z_.-]{7,63}")


def request_id(given: bytes | None) -> bytes:
    """What the client sent when it is a plain token of 8 to 64 characters, else a new UUIDv7."""
    if given is not None and SANE.fullmatch(given):
        return given
    # It has to be told from others, not to be hard to guess; the system's own randomness costs a call into it.
    return uuid7_text(time.time_ns() // 1_000_000, random.getrandbits(74)).encode()


def uuid7_text(milliseconds: int, random_bits: int) -> str:
    """RFC 9562, section 5.7: 48 bits of Unix time, version, 12 random bits, variant, 62 random bits."""
    high, low = random_bits >> 62, random_bits & (1 << 62) - 1
    text = f"{milliseconds << 80 | 7 << 76 | high << 64 | 1 << 63 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
