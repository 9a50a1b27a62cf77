"""Fork proofs: two heads that one log has signed, and that cannot both be true (spec 05, section 5.3).

Checked with nothing but the log's keys. ``rollback`` is the one kind that a server can still answer: by a head that
extends the one that it does not show.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from msgspec import MsgspecError, Struct, json

from loopctl.audit.fault import Fault, Finding, faults
from loopctl.audit.report import printable
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.proof import check_consistency
from loopctl.tlog.spelling import base64_text, parse_hash
from loopctl.tlog.trust import open_note
from loopctl.tlog.vkey import KeyType, VerifierKey

Kind = Literal["same_size", "inconsistent", "rollback"]
Format = Literal["loopctl-fork-proof/v1"]
FORMAT: Format = "loopctl-fork-proof/v1"
PLACE = "fork proof"


class ForkProof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``note_a`` is the head that a client has shown, ``note_b`` one that the server stands by."""

    format: Format
    kind: Kind
    origin: str
    log_vkeys: list[str]
    """Every key that the log has had, as the server says; who checks has to know one of them from elsewhere."""
    note_a: str
    note_b: str | None = None
    root_at_size_a: str | None = None
    """What the log of ``note_b`` has at the size of ``note_a``, and by ``consistency_proof`` must have."""
    consistency_proof: list[str] = []

    def encode(self) -> bytes:
        return json.format(json.encode(self), indent=1)


class ForkReport(Struct, frozen=True, kw_only=True):
    verdict: Literal["fork", "rollback", "bad"]
    origin: str | None = None
    size_a: int | None = None
    size_b: int | None = None
    signed_by: list[str] = []
    """Key ids."""
    fault: Finding | None = None


def evidence_of(note: bytes) -> bytes:
    """By what a shown head is known, whoever has signed it besides: 32 bytes."""
    return sha256(parse_note(note).text).digest()


def same_size(note_a: str, note_b: str, vkeys: list[str]) -> ForkProof:
    return ForkProof(
        format=FORMAT, kind="same_size", origin=_origin(note_a), log_vkeys=vkeys, note_a=note_a, note_b=note_b
    )  # fmt: skip


def inconsistent(note_a: str, note_b: str, root: bytes, proof: Sequence[bytes], vkeys: list[str]) -> ForkProof:
    return ForkProof(
        format=FORMAT, kind="inconsistent", origin=_origin(note_a), log_vkeys=vkeys, note_a=note_a, note_b=note_b,
        root_at_size_a=base64_text(root), consistency_proof=[*map(base64_text, proof)],
    )  # fmt: skip


def rollback(note_a: str, note_b: str | None, vkeys: list[str]) -> ForkProof:
    return ForkProof(
        format=FORMAT, kind="rollback", origin=_origin(note_a), log_vkeys=vkeys, note_a=note_a, note_b=note_b
    )  # fmt: skip


def _origin(note: str) -> str:
    return note.partition("\n")[0]


def judge_fork(raw: bytes, keys: Sequence[VerifierKey]) -> ForkReport:
    """``keys`` are keys of the log. Raises ValueError without one."""
    log = [key for key in keys if key.type is KeyType.ED25519]
    if not log:
        raise ValueError("give a key of the log for each of the two heads")
    try:
        proof = _parsed(raw)
        with faults("heads", PLACE):
            a, by_a = _opened(proof.note_a, log)
            b, by_b = (None, []) if proof.note_b is None else _opened(proof.note_b, log)
            _contradict(proof, a, b)
    except Fault as fault:
        return ForkReport(verdict="bad", fault=fault.finding)
    return ForkReport(
        verdict="rollback" if proof.kind == "rollback" else "fork", origin=a.origin, size_a=a.size,
        size_b=None if b is None else b.size, signed_by=list(dict.fromkeys([*by_a, *by_b])),
    )  # fmt: skip


def _parsed(raw: bytes) -> ForkProof:
    try:
        return json.decode(raw, type=ForkProof)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        raise Fault("bundle", "fork_proof_malformed", PLACE, f"not JSON of the form {FORMAT}") from None


def _opened(text: str, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, list[str]]:
    """A head and the ids of the given keys that signed it. Raises TlogError."""
    note = parse_note(text.encode(errors="surrogatepass"))
    checkpoint = parse_checkpoint(note.text)
    ours = [key for key in keys if key.name == checkpoint.origin]
    return checkpoint, [line.key.key_id.hex() for line in open_note(note, ours)]


def _contradict(proof: ForkProof, a: Checkpoint, b: Checkpoint | None) -> None:
    """Raises Fault where they do not."""
    if b is not None and a.origin != b.origin:
        raise _no_proof("the heads are of two logs")
    match proof.kind:
        case "same_size":
            if b is None or a.size != b.size or a.root == b.root:
                raise _no_proof("the heads are not of one size with two roots")
        case "inconsistent":
            if b is None or not a.size < b.size or proof.root_at_size_a is None:
                raise _no_proof("there is no later head, or no root of it at the size of the earlier one")
            root = parse_hash(proof.root_at_size_a, "root_at_size_a")
            hashes = [parse_hash(each, "consistency_proof") for each in proof.consistency_proof]
            check_consistency(a.size, b.size, hashes, root, b.root)
            if root == a.root:
                raise _no_proof("the later head extends the earlier one")
        case "rollback":
            if b is not None and b.size >= a.size:
                raise _no_proof("the other head is not behind the one that was signed")


def _no_proof(problem: str) -> Fault:
    return Fault("heads", "no_contradiction", PLACE, problem)


def text(report: ForkReport) -> str:
    if report.fault is not None:
        return printable([f"bad: {report.fault.place}: {report.fault.problem} ({report.fault.code})"])
    said = {
        "fork": "the log has signed two heads that cannot both be true",
        "rollback": "the log has signed a head beyond what it shows; only a head that extends it can explain that",
    }[report.verdict]
    other = "none" if report.size_b is None else f"size {report.size_b:,}"
    return printable(
        [
            f"{report.verdict}: {said}",
            f"  log          {report.origin}",
            f"  heads        of size {report.size_a:,} and {other}",
            f"  signed by    {', '.join(report.signed_by)}",
        ]
    )
