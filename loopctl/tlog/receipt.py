"""Receipts: that an entry is in a signed tree, checkable offline for ever (C2SP tlog-proof)."""

from msgspec import Struct

from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.note import LARGEST_NOTE
from loopctl.tlog.proof import check_inclusion
from loopctl.tlog.spelling import base64_text, parse_base64, parse_decimal, parse_hash
from loopctl.tlog.trust import SignedTreeHead, Trust, open_checkpoint

FIRST_LINE = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MEDIA_TYPE = "text/plain; charset=utf-8"
LONGEST_PATH = 63
LARGEST_HEADER = 65_536


class Receipt(Struct, frozen=True):
    """``extra`` is signed by nobody: a hint at best."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    """The whole note, byte for byte."""
    extra: bytes = b""

    def encode(self) -> bytes:
        lines = [FIRST_LINE]
        if self.extra:
            lines.append(f"extra {base64_text(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [base64_text(sibling) for sibling in self.path]
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint


def parse_receipt(raw: bytes) -> Receipt:
    """The form only; `check_receipt` looks into the checkpoint."""
    header, separator, checkpoint = raw.partition(b"\n\n")
    if not separator or len(header) > LARGEST_HEADER or len(checkpoint) > LARGEST_NOTE:
        raise TlogError("receipt_malformed", "receipt", "no empty line after the path, or too large")
    try:
        lines = header.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise TlogError("receipt_malformed", "receipt", "not ASCII before the checkpoint") from None
    if lines.pop(0) != FIRST_LINE:
        raise TlogError("receipt_malformed", "line 1", f"not {FIRST_LINE}")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = parse_base64(lines.pop(0).removeprefix("extra "), "extra")
        if not extra:
            raise TlogError("receipt_malformed", "extra", "empty, which is spelled by leaving it out")
    if not lines or not lines[0].startswith("index "):
        raise TlogError("receipt_malformed", "index", "missing")
    index = parse_decimal(lines.pop(0).removeprefix("index "), "index")
    if len(lines) > LONGEST_PATH:
        raise TlogError("receipt_malformed", "path", f"over {LONGEST_PATH} hashes")
    path = tuple(parse_hash(line, f"path hash {number}") for number, line in enumerate(lines, start=1))
    return Receipt(index, path, checkpoint, extra)


def check_receipt(receipt: Receipt, entry: bytes, trust: Trust) -> SignedTreeHead:
    """``entry`` is in the log that ``trust`` speaks of, at ``receipt.index``. Returns the head that proves it."""
    return check_leaf_receipt(receipt, leaf_hash(entry), trust)


def check_leaf_receipt(receipt: Receipt, leaf: bytes, trust: Trust) -> SignedTreeHead:
    """For one who has the leaf hash but not the entry."""
    head = open_checkpoint(receipt.checkpoint, trust)
    check_inclusion(leaf, receipt.index, head.checkpoint.size, receipt.path, head.checkpoint.root)
    return head
