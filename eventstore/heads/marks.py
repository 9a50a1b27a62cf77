"""How older clients keep a head: the position of its last entry, and the beginning of its signature (spec 01, 1.13)."""

import base64

from loopctl.tlog.note import parse_note

MARK_BYTES = 16


def marks_of(note: bytes) -> list[str]:
    """One for each key of the log that has signed; that of the newest comes last."""
    parsed = parse_note(note)
    origin = parsed.text.partition(b"\n")[0].decode()
    signatures = [line.signature for line in parsed.lines if line.name == origin]
    return [base64.urlsafe_b64encode(each[:MARK_BYTES]).rstrip(b"=").decode() for each in signatures]
