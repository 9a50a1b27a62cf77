"""All that a log has of one story, in one file: every step with its proof, checked with nothing but the log's key.

The file is JSON. ``entries`` are the story's own, from the first on without a gap, and those of the keys and
dispatches that made them: by them is known which agent each key is.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import MsgspecError, Struct
from msgspec.json import decode

from loopctl.audit.fault import Fault, Finding, faults
from loopctl.audit.report import printable
from loopctl.audit.story_rules import Confirmation, Judge, Step
from loopctl.tlog.entry import Entry, decode_entry
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.keys import first_key
from loopctl.tlog.proof import check_inclusion
from loopctl.tlog.spelling import parse_hash
from loopctl.tlog.trust import SignedTreeHead, Trust, open_checkpoint
from loopctl.tlog.vkey import KeyType, VerifierKey

Format = Literal["loopctl-story-proof/v1"]
FORMAT: Format = "loopctl-story-proof/v1"
PLACE = "story proof"
SHORT = 8
"""Letters of an id, where a person reads it."""


class Proven(Struct, frozen=True):
    position: int
    entry: str
    """The exact bytes that the log has hashed; they are UTF-8."""
    path: list[str]


class StoryProof(Struct, frozen=True, kw_only=True):
    format: Format = FORMAT
    story_id: str
    checkpoint: str
    """The signed head that every path leads to."""
    entries: list[Proven]


class StoryReport(Struct, frozen=True, kw_only=True):
    verdict: Literal["good", "bad"]
    origin: str | None = None
    size: int | None = None
    story_id: str | None = None
    verified: bool = False
    """As of this head."""
    confirmations: list[Confirmation] = []
    steps: list[Step] = []
    fault: Finding | None = None


def judge_story(raw: bytes, keys: Sequence[VerifierKey]) -> StoryReport:
    """``keys`` is the key of the log that signed the head, and of witnesses that must have signed it, too."""
    try:
        proof = _parsed(raw)
        head = _head(proof, keys)
        entries = _entries(proof, head)
        judge = _judged(proof.story_id, entries)
    except Fault as fault:
        return StoryReport(verdict="bad", fault=fault.finding)
    return StoryReport(
        verdict="good", origin=head.checkpoint.origin, size=head.checkpoint.size, story_id=proof.story_id,
        verified=judge.verified, confirmations=judge.confirmations, steps=judge.steps,
    )  # fmt: skip


def _parsed(raw: bytes) -> StoryProof:
    try:
        return decode(raw, type=StoryProof)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        raise Fault("bundle", "story_proof_malformed", PLACE, f"not JSON of the form {FORMAT}") from None


def _head(proof: StoryProof, keys: Sequence[VerifierKey]) -> SignedTreeHead:
    log = [key for key in keys if key.type is KeyType.ED25519]
    beside = tuple(key for key in keys if key.type is not KeyType.ED25519)
    if len(log) != 1:
        raise ValueError("give the one key of the log that signs its heads now")
    with faults("heads", PLACE):
        return open_checkpoint(proof.checkpoint.encode(), Trust(first_key(log[0]), beside, len(beside)))


def _entries(proof: StoryProof, head: SignedTreeHead) -> Mapping[int, Entry]:
    """By position, in order."""
    found: dict[int, Entry] = {}
    for proven in proof.entries:
        place = f"entry {proven.position}"
        raw = proven.entry.encode(errors="surrogatepass")
        with faults("receipt", place):
            path = tuple(parse_hash(text, "path") for text in proven.path)
            check_inclusion(leaf_hash(raw), proven.position, head.checkpoint.size, path, head.checkpoint.root)
            entry = decode_entry(raw)
        if entry.seq != proven.position or any(position >= entry.seq for position in found):
            raise Fault("entries", "entry_misplaced", place, "is not of this place, or not in order")
        found[entry.seq] = entry
    return found


def _judged(story_id: str, entries: Mapping[int, Entry]) -> Judge:
    judge = Judge()
    count, before = 0, None
    for entry in entries.values():
        if entry.entity != ("story", story_id):
            judge.see_other(entry)
            continue
        if (entry.eseq, entry.eprev) != (count, before):
            raise Fault("entities", "step_missing", f"entry {entry.seq}", f"is step {entry.eseq}, not {count}")
        count, before = count + 1, entry.seq
        judge.see(entry)
    if not count:
        raise Fault("entities", "story_missing", PLACE, "holds no entry of its story")
    return judge


def text(report: StoryReport) -> str:
    if report.fault is not None:
        return printable([f"bad: {report.fault.place}: {report.fault.problem} ({report.fault.code})"])
    said = "no confirmation came from the implementer's lineage" if report.confirmations else "nobody confirmed it"
    lines = [
        f"good: story {report.story_id}: {said}",
        f"  log          {report.origin}, head of size {report.size:,}",
        f"  state        {'verified' if report.verified else 'not verified'}, after {len(report.steps)} steps",
        *map(_step, report.steps),
    ]
    return printable(lines)


def _step(step: Step) -> str:
    lineage = " > ".join(each[:SHORT] for each in step.lineage)
    agent = f" agent {step.agent[:SHORT]}" if step.agent else ""
    under = f" under {lineage}" if lineage else ""
    return f"  {step.position:>11,}  {step.at[:19]}Z  {step.type:<26} {step.actor}{agent}{under}"
