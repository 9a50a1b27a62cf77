"""A fork proof, checked by somebody who has none of our code: the standard library, and one library for signatures.

    python check_fork.py FILE BASE64_OF_THE_32_BYTES_OF_THE_PUBLIC_KEY …

Written from docs/custody.md, RFC 9162 and C2SP's signed-note and tlog-checkpoint alone. Prints what it proves, and ends
with 1 when it proves nothing.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Head = tuple[str, int, bytes]


def need(true: object, problem: str) -> None:
    if not true:
        raise SystemExit(f"proves nothing: {problem}")


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def signed_head(note: str, keys: list[bytes]) -> Head:
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    for line in signatures.splitlines():
        _, signer, blob = line.split(" ")
        raw = base64.b64decode(blob)
        for key in keys:
            if signer == origin and raw[:4] == hashlib.sha256(origin.encode() + b"\n\x01" + key).digest()[:4]:
                try:
                    Ed25519PublicKey.from_public_bytes(key).verify(raw[4:], text.encode())
                except InvalidSignature:
                    raise SystemExit("proves nothing: a signature that is none") from None
                return origin, int(size), base64.b64decode(root)
    raise SystemExit("proves nothing: a head that is not signed with these keys")


def extends(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> None:
    """RFC 9162, 2.1.4.2."""
    need(0 < old < new and path, "no proof of an extension")
    hashes = [old_root, *path] if old & (old - 1) == 0 else path
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = hashes[0]
    for each in hashes[1:]:
        need(last > 0, "the proof is too long")
        if place & 1 or place == last:
            first, second = node(each, first), node(each, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node(second, each)
        place, last = place >> 1, last >> 1
    need(last == 0 and first == old_root and second == new_root, "no proof of an extension")


def check(proof: Any, keys: list[bytes]) -> str:
    a = signed_head(proof["note_a"], keys)
    b = signed_head(proof["note_b"], keys) if proof.get("note_b") else None
    need(b is None or b[0] == a[0], "heads of two logs")
    if proof["kind"] == "rollback":
        need(b is None or b[1] < a[1], "nothing was rolled back")
        return f"rollback: {a[0]} has signed size {a[1]} and shows less"
    if b is None:
        raise SystemExit("proves nothing: one head alone")
    if proof["kind"] == "same_size":
        need(a[1] == b[1] and a[2] != b[2], "not two roots of one size")
    else:
        root = base64.b64decode(proof["root_at_size_a"])
        extends(a[1], b[1], [base64.b64decode(each) for each in proof["consistency_proof"]], root, b[2])
        need(root != a[2], "the one extends the other")
    return f"fork: {a[0]} has signed sizes {a[1]} and {b[1]} of two histories"


if __name__ == "__main__":
    file, *given = sys.argv[1:]
    sys.stdout.write(check(json.loads(Path(file).read_bytes()), [base64.b64decode(each) for each in given]) + "\n")
