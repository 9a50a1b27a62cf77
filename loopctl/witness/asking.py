"""Asks a witness for its cosignature of a head (C2SP tlog-witness, as client)."""

from collections.abc import Callable, Sequence
from typing import Literal

import httpx2
from msgspec import Struct

from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import Note, SignatureLine, parse_note, parse_signature_line
from loopctl.tlog.trust import open_note
from loopctl.tlog.vkey import VerifierKey
from loopctl.tlog.witness import SIZE_MEDIA_TYPE, AddCheckpoint, parse_size
from loopctl.trust import trusting

SECONDS = 10.0
LARGEST_ANSWER = 65_536
ATTEMPTS = 4
"""Others may ask the same witness meanwhile, and each of them moves its size."""

Prove = Callable[[int, int], Sequence[bytes]]
"""The consistency proof between two sizes of the log."""
Kind = Literal["unknown_log", "disagrees", "ahead", "malformed", "unavailable"]


class WitnessRefuses(Exception):
    """``disagrees`` and ``ahead`` are alarms: the witness has cosigned another history, or a longer one.

    ``unknown_log`` (403, 404) wants whoever runs the witness; ``unavailable`` passes.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind


class WitnessAt(Struct, frozen=True):
    """``url`` is the submission prefix."""

    url: str
    key: VerifierKey


def cosigned(note: bytes, at: WitnessAt, prove: Prove, old_size: int = 0) -> bytes:
    """The head with the witness's line put to it. ``old_size`` is what the witness is believed to have cosigned last.

    Raises WitnessRefuses, TlogError for a note that is none, and what ``prove`` raises.
    """
    head = parse_checkpoint(parse_note(note).text)
    with httpx2.Client(verify=trusting(), timeout=SECONDS, trust_env=False) as http:
        for _ in range(ATTEMPTS):
            status, media_type, body = _asked(http, at, _sent(note, head, prove, old_size))
            match status:
                case 200:
                    return _with(note, _line(note, body, at))
                case 409 if media_type == SIZE_MEDIA_TYPE:
                    old_size = _size(body, at, head)
                case _:
                    raise _refusal(status, at, body)
    raise WitnessRefuses("unavailable", f"{at.url}: others were faster each time")


def _sent(note: bytes, head: Checkpoint, prove: Prove, old_size: int) -> bytes:
    proof = prove(old_size, head.size) if 0 < old_size < head.size else ()
    return AddCheckpoint(old_size, tuple(proof), note).encode()


def _asked(http: httpx2.Client, at: WitnessAt, body: bytes) -> tuple[int, str, bytes]:
    try:
        with http.stream("POST", f"{at.url.rstrip('/')}/add-checkpoint", content=body) as answer:
            received = bytearray()
            for piece in answer.iter_raw():
                received += piece
                if len(received) > LARGEST_ANSWER:
                    raise WitnessRefuses("malformed", f"{at.url}: an answer of more than {LARGEST_ANSWER} bytes")
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
            return answer.status_code, media_type, bytes(received)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise WitnessRefuses("unavailable", f"{at.url} does not answer ({type(error).__name__})") from None


def _size(body: bytes, at: WitnessAt, head: Checkpoint) -> int:
    try:
        size = parse_size(body)
    except TlogError as error:
        raise WitnessRefuses("malformed", f"{at.url}: {error}") from None
    if size > head.size:
        raise WitnessRefuses("ahead", f"{at.url} has cosigned size {size}, and this head is of size {head.size}")
    return size


def _line(note: bytes, body: bytes, at: WitnessAt) -> SignatureLine:
    """The one that is the witness's; others that it may send are left out."""
    try:
        lines = [parse_signature_line(each, "answer") for each in body.decode().splitlines()]
        own = [line for line in lines if (line.name, line.key_id) == (at.key.name, at.key.key_id)]
        open_note(Note(parse_note(note).text, tuple(own)), [at.key])
    except (TlogError, UnicodeDecodeError) as error:
        raise WitnessRefuses("malformed", f"{at.url}: no cosignature by {at.key.name} ({error})") from None
    return own[0]


def _with(note: bytes, line: SignatureLine) -> bytes:
    """An older line of the same witness gives way."""
    parsed = parse_note(note)
    others = [each for each in parsed.lines if (each.name, each.key_id) != (line.name, line.key_id)]
    return Note(parsed.text, (*others, line)).encode()


def _refusal(status: int, at: WitnessAt, body: bytes) -> WitnessRefuses:
    said = body.decode("utf-8", "replace").partition("\n")[0][:200]
    what = f"{at.url} answers {status}: {said}"
    match status:
        case 403 | 404:
            return WitnessRefuses("unknown_log", what)
        case 422:
            return WitnessRefuses("disagrees", what)
        case 429 | 500 | 502 | 503 | 504:
            return WitnessRefuses("unavailable", what)
        case _:
            return WitnessRefuses("malformed", what)
