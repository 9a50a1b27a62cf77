"""What a witness is sent: an old size, a consistency proof, a new signed head (C2SP tlog-witness)."""

from hashlib import sha256

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import LARGEST_NOTE
from loopctl.tlog.spelling import base64_text, parse_decimal, parse_hash

LONGEST_PROOF = 63
LARGEST_HEADER = 4096
"""Room for 63 hashes and the first line."""
SIZE_MEDIA_TYPE = "text/x.tlog.size"


class AddCheckpoint(Struct, frozen=True):
    old_size: int
    """What the witness is believed to have cosigned last; 0 when nothing."""
    proof: tuple[bytes, ...]
    checkpoint: bytes
    """The whole note, byte for byte."""

    def encode(self) -> bytes:
        lines = [f"old {self.old_size}", *(base64_text(each) for each in self.proof)]
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    header, separator, checkpoint = body.partition(b"\n\n")
    if not separator or len(header) > LARGEST_HEADER or len(checkpoint) > LARGEST_NOTE:
        raise TlogError("witness_malformed", "body", "no empty line after the proof, or too large")
    try:
        first, *lines = header.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise TlogError("witness_malformed", "body", "not ASCII before the checkpoint") from None
    if not first.startswith("old "):
        raise TlogError("witness_malformed", "line 1", "not the old size")
    if len(lines) > LONGEST_PROOF:
        raise TlogError("witness_malformed", "body", f"over {LONGEST_PROOF} hashes")
    old_size = parse_decimal(first.removeprefix("old "), "line 1")
    proof = tuple(parse_hash(line, f"line {number}") for number, line in enumerate(lines, start=2))
    return AddCheckpoint(old_size, proof, checkpoint)


def encode_size(size: int) -> bytes:
    """The body of a 409: the size that the witness has cosigned last."""
    return b"%d\n" % size


def parse_size(body: bytes) -> int:
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not text.endswith("\n"):
        raise TlogError("witness_malformed", "size", "not a number and a line feed")
    return parse_decimal(text[:-1], "size")


def origin_id(origin: str) -> str:
    """Under which a witness hands out the last head that it cosigned."""
    return sha256(origin.encode()).hexdigest()
