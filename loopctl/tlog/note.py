"""Signed notes: a text, an empty line, signature lines (C2SP signed-note)."""

import re

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.spelling import base64_text, parse_base64
from loopctl.tlog.vkey import is_key_name

LARGEST_NOTE = 65_536
MOST_LINES = 64
KEY_ID_BYTES = 4
DASH = "\N{EM DASH} "

CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


class SignatureLine(Struct, frozen=True):
    """A signature and the key that it claims to come from; nothing about it has been checked."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        return f"{DASH}{self.name} {base64_text(self.key_id + self.signature)}\n"


class Note(Struct, frozen=True):
    text: bytes
    """The signed message: all its lines with their line feeds."""
    lines: tuple[SignatureLine, ...]

    def encode(self) -> bytes:
        return self.text + b"\n" + "".join(line.encode() for line in self.lines).encode()


def parse_note(raw: bytes) -> Note:
    # 1. Size, before anything is done with the bytes.
    if len(raw) > LARGEST_NOTE:
        raise TlogError("note_too_large", "note", f"over {LARGEST_NOTE} bytes")
    # 2. Characters.
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        raise TlogError("note_malformed", "note", "not UTF-8") from None
    if CONTROL.search(decoded):
        raise TlogError("note_malformed", "note", "a control character")
    # 3. The last empty line ends the text, which may have empty lines of its own.
    text, separator, signatures = decoded.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise TlogError("note_malformed", "note", "no text, empty line and whole signature lines")
    # 4. The lines.
    lines = signatures[:-1].split("\n")
    if len(lines) > MOST_LINES:
        raise TlogError("note_too_large", "note", f"over {MOST_LINES} signature lines")
    parsed = [parse_signature_line(line, f"signature line {number}") for number, line in enumerate(lines, start=1)]
    return Note(f"{text}\n".encode(), tuple(parsed))


def parse_signature_line(line: str, place: str) -> SignatureLine:
    """``line`` without its line feed."""
    name, blank, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not blank or not is_key_name(name):
        raise TlogError("note_malformed", place, "not a dash, a key name and base64")
    blob = parse_base64(encoded, place)
    if len(blob) <= KEY_ID_BYTES:
        raise TlogError("note_malformed", place, "too short for a key id and a signature")
    return SignatureLine(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])
