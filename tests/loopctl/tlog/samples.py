"""Vectors, keys, small logs, and the recursive definitions of RFC 6962 that the implementation is held to."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.checkpoint import make_checkpoint
from loopctl.tlog.entry import Entry, encode_entry
from loopctl.tlog.errors import Code, TlogError
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.plan import HashReader, Subtree
from loopctl.tlog.signer import Cosigner, LogSigner, sign_checkpoint

VECTORS = Path(__file__).with_name("vectors")
ORIGIN = "loopctl.example/t/acme"
COSIGNED_AT = 1_679_315_147


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


WORKED = vectors("worked")
DATA = [bytes.fromhex(leaf["data"]) for leaf in WORKED["leaves"]]
LEAVES = [bytes.fromhex(leaf["leaf"]) for leaf in WORKED["leaves"]]
ROOTS = [bytes.fromhex(WORKED["empty_root"]), *(bytes.fromhex(leaf["root"]) for leaf in WORKED["leaves"])]
"""By size."""


def private_key(first: int) -> Ed25519PrivateKey:
    """The seeds of the vectors: 32 bytes that count up."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(first, first + 32)))


LOG = LogSigner(ORIGIN, private_key(0x00))
SECOND = LogSigner(ORIGIN, private_key(0x40))
THIRD = LogSigner(ORIGIN, private_key(0x60))
WITNESS = Cosigner("witness.example/w1", private_key(0x20))


@contextmanager
def rejects(code: Code) -> Iterator[pytest.ExceptionInfo[TlogError]]:
    with pytest.raises(TlogError) as caught:
        yield caught
    assert caught.value.code == code


def hashes(texts: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, texts))


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


class Reference:
    """RFC 6962, section 2.1, word for word and without a loop."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        if (low, high) not in self._known:
            self._known[low, high] = self._root(low, high)
        return self._known[low, high]

    def _root(self, low: int, high: int) -> bytes:
        if high == low:
            return sha256(b"").digest()
        if high - low == 1:
            return self.leaves[low]
        middle = low + split(high - low)
        return sha256(b"\x01" + self.root(low, middle) + self.root(middle, high)).digest()

    def path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + split(high - low)
        if low + index < middle:
            return [*self.path(index, low, middle), self.root(middle, high)]
        return [*self.path(low + index - middle, middle, high), self.root(low, middle)]

    def proof(self, old: int, low: int, high: int, whole: bool) -> list[bytes]:
        if low + old == high:
            return [] if whole else [self.root(low, high)]
        middle = low + split(high - low)
        if low + old <= middle:
            return [*self.proof(old, low, middle, whole), self.root(middle, high)]
        return [*self.proof(low + old - middle, middle, high, False), self.root(low, middle)]

    def read(self, subtrees: Sequence[Subtree]) -> list[bytes]:
        """A HashReader."""
        return [self.root(each.index << each.level, (each.index + 1) << each.level) for each in subtrees]


@cache
def split(length: int) -> int:
    """The largest power of two below ``length``."""
    power = 1
    while 2 * power < length:
        power *= 2
    return power


def reader(leaves: Sequence[bytes]) -> HashReader:
    return Reference(leaves).read


def an_entry(position: int = 0, before: bytes = NO_LEAF, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "seq": position,
        "prev": before,
        "ts": "2026-11-21T08:54:27.000000Z",
        "type": "story.claimed",
        "actor": ("agent:ann", "dispatch:7"),
        "entity": ("story", f"s-{position}"),
        "eseq": 0,
        "eprev": None,
        "salt": position.to_bytes(16, "big"),
        "data": canonical_json({"agent_id": "ann", "n": position % 1000}),
    }
    return Entry(**(fields | changes))


def history(count: int) -> list[bytes]:
    entries, before = [], NO_LEAF
    for position in range(count):
        entries.append(encode_entry(an_entry(position, before)))
        before = leaf_hash(entries[-1])
    return entries


def head(size: int, root: bytes, *signers: LogSigner) -> bytes:
    """A signed head, by the first key of the log if no other is named."""
    return sign_checkpoint(make_checkpoint(ORIGIN, size, root), signers or (LOG,)).encode()
