"""What the Python checkers share: questions in, verdicts out. Runs without anything of ours."""

import json
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

Case = dict[str, Any]
Check = Callable[[Case], None]
"""Raises when the answer is no."""


def run(checks: dict[str, Check], produce: Callable[[Case], Case] | None = None) -> None:
    """``check FILE`` prints one verdict for each case of the file, ``produce FILE`` what was asked for."""
    order, file = sys.argv[1:]
    asked = json.loads(Path(file).read_text("utf-8"))
    if order == "produce" and produce is not None:
        json.dump(produce(asked), sys.stdout)
    else:
        json.dump([verdict(checks[case["kind"]], case) for case in asked], sys.stdout)


def verdict(check: Check, case: Case) -> bool:
    try:
        check(case)
    except Exception:  # noqa: BLE001  # libraries say no in many ways; a broken one fails the true cases
        return False
    return True


def decoded(texts: list[str]) -> list[bytes]:
    return [b64decode(text) for text in texts]


def split_receipt(raw: bytes) -> tuple[int, list[bytes], bytes]:
    """Index, path and checkpoint of a tlog-proof file without extra line, which neither library reads itself."""
    header, _, note = raw.partition(b"\n\n")
    first, index, *path = header.decode("ascii").split("\n")
    require(first == "c2sp.org/tlog-proof@v1" and index.startswith("index "))
    return int(index.removeprefix("index ")), decoded(path), note


Head = tuple[str, int, bytes]
"""Origin, size and root."""
CheckConsistency = Callable[[int, int, list[bytes], bytes, bytes], None]
FORK_MEMBERS = {"format", "kind", "origin", "log_vkeys", "note_a", "note_b", "root_at_size_a", "consistency_proof"}


def check_fork(case: Case, opened: Callable[[bytes, list[str]], Head], consistent: CheckConsistency) -> None:
    """The rules of a fork proof, for a library that opens notes (``opened``) and checks proofs (``consistent``: sizes,
    path, both roots; raises)."""
    proof = json.loads(b64decode(case["proof"]))
    require(proof["format"] == "loopctl-fork-proof/v1" and set(proof) <= FORK_MEMBERS)
    origin, size_a, root_a = opened(proof["note_a"].encode(), case["keys"])
    b = None if proof.get("note_b") is None else opened(proof["note_b"].encode(), case["keys"])
    require(b is None or b[0] == origin)
    if proof["kind"] == "rollback":
        require(b is None or b[1] < size_a)
        return
    require(proof["kind"] in ("same_size", "inconsistent"))
    if b is None:
        raise ValueError("one head alone")
    if proof["kind"] == "same_size":
        require(b[1] == size_a and b[2] != root_a)
        return
    root = b64decode(proof["root_at_size_a"])
    require(size_a < b[1] and root != root_a)
    consistent(size_a, b[1], decoded(proof["consistency_proof"]), root, b[2])


def require(true: bool) -> None:
    if not true:
        raise ValueError("not what the case says")
