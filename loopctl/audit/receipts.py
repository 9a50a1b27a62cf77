"""A receipt and the bytes of its entry, checked with nothing but the log's keys."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from loopctl.audit.fault import Fault, Finding, faults
from loopctl.audit.keys_file import KnownKeys
from loopctl.audit.report import printable
from loopctl.tlog.keys import first_key, key_history
from loopctl.tlog.policy import Policy
from loopctl.tlog.receipt import Receipt, check_receipt, parse_receipt
from loopctl.tlog.spelling import base64_text
from loopctl.tlog.trust import SignedTreeHead, Trust
from loopctl.tlog.vkey import KeyType, VerifierKey


class ReceiptReport(Struct, frozen=True):
    """``unchecked`` lines are by keys that were not given; they speak neither for nor against the receipt."""

    verdict: Literal["good", "bad"]
    origin: str | None = None
    index: int | None = None
    size: int | None = None
    root: str | None = None
    signed_by: tuple[str, ...] = ()
    """Key ids of the log."""
    cosigned_by: tuple[str, ...] = ()
    unchecked: int = 0
    fault: Finding | None = None


def trust_in(keys: tuple[VerifierKey, ...], known: KnownKeys | None, policy: Policy | None = None) -> Trust:
    """One key of the log for all its sizes, or the history of a bundle's keys.json of which the given keys are part.

    Every given cosigner must have signed, and the quorum of the policy, whose log counts where no other is given.
    Raises ValueError when that leaves no single log.
    """
    log_keys = [key for key in keys if key.type is KeyType.ED25519] or list(policy.logs if policy else ())
    given = tuple(key for key in keys if key.type is not KeyType.ED25519)
    cosigners = tuple(dict.fromkeys([*given, *(policy.cosigners if policy else ())]))
    if known is None:
        if len(log_keys) != 1:
            raise ValueError("give one key of the log, or its keys.json")
        return Trust(first_key(log_keys[0]), cosigners, len(given), policy)
    history = key_history([claim.epoch for claim in known.log])
    if any(key not in history.keys for key in log_keys):
        raise ValueError("the given key is not in the given keys.json")
    return Trust(history, cosigners, len(given), policy)


CheckReceipt = Callable[[Receipt, bytes, Trust], SignedTreeHead]


def judge_receipt(raw: bytes, entry: bytes, trust: Trust, check: CheckReceipt = check_receipt) -> ReceiptReport:
    """``check`` is an argument so that a test can leave it out, and see that nothing else finds what it finds."""
    try:
        with faults("receipt"):
            receipt = parse_receipt(raw)
            head = check(receipt, entry, trust)
    except Fault as fault:
        return ReceiptReport("bad", fault=fault.finding)
    checkpoint = head.checkpoint
    return ReceiptReport(
        verdict="good",
        origin=checkpoint.origin,
        index=receipt.index,
        size=checkpoint.size,
        root=base64_text(checkpoint.root),
        signed_by=tuple(line.key.key_id.hex() for line in head.signatures),
        cosigned_by=tuple(line.key.name for line in head.cosignatures),
        unchecked=_unchecked(head, trust),
    )


def text(report: ReceiptReport) -> str:
    if report.fault is not None:
        return printable([f"bad: {report.fault.place}: {report.fault.problem} ({report.fault.code})"])
    lines = [
        f"good: this is entry {report.index:,} of {report.origin}",
        f"  head         of size {report.size:,}, root {report.root}",
        f"  signed by    {', '.join(report.signed_by)}",
    ]
    if report.cosigned_by:
        lines.append(f"  cosigned by  {', '.join(report.cosigned_by)}")
    if report.unchecked:
        lines.append(f"  unchecked    {report.unchecked} lines by keys that were not given")
    return printable(lines)


def _unchecked(head: SignedTreeHead, trust: Trust) -> int:
    known = {(key.name, key.key_id) for key in (*trust.history.keys, *trust.cosigners)}
    return sum((line.name, line.key_id) not in known for line in head.note.lines)
