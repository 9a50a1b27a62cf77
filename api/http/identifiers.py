"""New ids, UUID version 7 so that what is made later sorts later; and one id for each request."""

import random
import re
import secrets
import time
from contextvars import ContextVar
from uuid import UUID

import structlog

LOGGED: ContextVar[str] = ContextVar(f"{structlog.contextvars.STRUCTLOG_KEY_PREFIX}request_id")
"""What structlog's own bind_contextvars would make: every line that is logged meanwhile names the request."""

SANE = re.compile(rb"[0-9A-Za-z][0-9A-Za-z_.-]{7,63}")


def request_id(given: bytes | None) -> str:
    """What the client sent when it is a plain token of 8 to 64 characters, else a new UUIDv7."""
    if given is not None and SANE.fullmatch(given):
        return given.decode()
    # It has to be told from others, not to be hard to guess; the system's own randomness costs a call into it.
    return uuid7_text(time.time_ns() // 1_000_000, random.getrandbits(74))


def uuid7_text(milliseconds: int, bits: int) -> str:
    """RFC 9562, section 5.7: 48 bits of Unix time, version, 12 of the 74 random bits, variant, the other 62."""
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031  # half the cost of slicing one long number
        milliseconds >> 16,
        milliseconds & 0xFFFF,
        bits >> 62,
        0x8000 | bits >> 48 & 0x3FFF,
        bits & 0xFFFF_FFFF_FFFF,
    )


def new_id() -> UUID:
    return UUID(uuid7_text(time.time_ns() // 1_000_000, secrets.randbits(74)))
