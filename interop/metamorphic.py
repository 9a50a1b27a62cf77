"""The checker that asks metamorphic-log (Rust behind Python): heads, proofs, receipts. It neither reads tiles nor
knows cosignatures."""

from base64 import b64decode
from hashlib import sha256

import metamorphic_log

from interop.verdicts import Case, Head, check_fork, decoded, require, run, split_receipt


def check_checkpoint(case: Case) -> None:
    head = metamorphic_log.checkpoint_verify(b64decode(case["note"]).decode(), case["keys"])
    require((head.origin, head.size, head.root) == (case["origin"], case["size"], b64decode(case["root"])))
    require(head.extensions == [])


def check_inclusion(case: Case) -> None:
    leaf, root = decoded([case["leaf"], case["root"]])
    metamorphic_log.verify_inclusion(case["index"], case["size"], leaf, decoded(case["path"]), root)


def check_consistency(case: Case) -> None:
    old_root, new_root = decoded([case["old_root"], case["new_root"]])
    metamorphic_log.verify_consistency(case["old"], case["new"], decoded(case["path"]), old_root, new_root)


def check_receipt(case: Case) -> None:
    index, path, note = split_receipt(b64decode(case["receipt"]))
    leaf = sha256(b"\x00" + b64decode(case["entry"])).digest()
    metamorphic_log.checkpoint_verify_inclusion(note.decode(), case["keys"], index, leaf, path)


def check_fork_proof(case: Case) -> None:
    def opened(note: bytes, keys: list[str]) -> Head:
        head = metamorphic_log.checkpoint_verify(note.decode(), keys)
        return head.origin, head.size, head.root

    check_fork(case, opened, metamorphic_log.verify_consistency)


if __name__ == "__main__":
    run(
        {
            "checkpoint": check_checkpoint,
            "inclusion": check_inclusion,
            "consistency": check_consistency,
            "receipt": check_receipt,
            "fork": check_fork_proof,
        }
    )
