"""The form of an API key (spec 06, section 4.1): a scanner can tell one from a random string without asking anybody."""

import re
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "lc_"
RANDOM_CHARACTERS = 34
"""202 bits."""
CHECK_CHARACTERS = 6
SHOWN_CHARACTERS = 8
"""What is left of a key to recognise it by."""

FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_CHARACTERS + CHECK_CHARACTERS}}}")


def complete_key(random: str) -> str:
    """The key made of 34 random characters of the alphabet, which the caller has drawn."""
    if len(random) != RANDOM_CHARACTERS or not set(random) <= set(ALPHABET):
        raise ValueError("a key is made of 34 letters and digits")
    return PREFIX + random + _check(PREFIX + random)


def is_well_formed(text: str) -> bool:
    """Form and checksum. A typing error is found before anything is asked of a database."""
    return FORM.fullmatch(text) is not None and _check(text[:-CHECK_CHARACTERS]) == text[-CHECK_CHARACTERS:]


def shown_prefix(key: str) -> str:
    return key[:SHOWN_CHARACTERS]


def _check(text: str) -> str:
    """CRC-32 in base 62, six digits."""
    left = zlib.crc32(text.encode())
    digits = ""
    for _ in range(CHECK_CHARACTERS):
        left, digit = divmod(left, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
