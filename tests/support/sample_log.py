"""A signed log in memory, with rotations, payloads and heads: what an export is made from, and what forgers forge."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import UNSET, Struct
from msgspec.structs import replace

from loopctl.audit.keys_file import KeyRecord, LogKeys
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.checkpoint import Checkpoint, make_checkpoint
from loopctl.tlog.entry import Entry, decode_entry, encode_entry
from loopctl.tlog.hashing import NO_LEAF, leaf_hash, payload_commitment, subtree_root
from loopctl.tlog.note import Note
from loopctl.tlog.plan import Subtree, prove_inclusion, read_root
from loopctl.tlog.receipt import Receipt
from loopctl.tlog.rotation import ROTATION_TYPE, rotation_data, sign_rotation
from loopctl.tlog.signer import Cosigner, LogSigner, sign_checkpoint

ORIGIN = "loopctl.example/t/acme"
NOON = "2026-11-21T12:00:00.000000Z"
SIGNED_AT = 1_795_262_400


def private_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


LOG_SIGNERS = [LogSigner(ORIGIN, private_key(f"log key {number}")) for number in range(5)]
"""The keys of the log one after the other."""
CLOCK = Cosigner(f"{ORIGIN}/clock", private_key("clock"))
WITNESS = Cosigner("witness.example/w1", private_key("witness"))
THIEF = LogSigner(ORIGIN, private_key("thief"))

Change = Callable[[Entry], Entry]


class Plan(Struct, frozen=True, kw_only=True):
    """What to make. Sizes are of the log right after the entry in question; positions count from 0."""

    size: int
    heads: Sequence[int] = ()
    """Besides the boundaries and the newest, which are always signed."""
    boundaries: Sequence[int] = ()
    reason: str = "scheduled"
    """Of all rotations."""
    overlap: int = 0
    """For so many entries the old key goes on signing beside the new one."""
    entities: int = 7
    committed: Sequence[int] = ()
    erased: Sequence[tuple[int, int]] = ()
    """Position of the record, and of the entry whose payload is gone."""
    changes: dict[int, Change] = {}
    """Applied before an entry is written and signed: what only whoever has the key can do."""
    witnessed: Sequence[int] = ()
    """Sizes of heads that the witness has signed too."""

    def signers(self, size: int) -> list[LogSigner]:
        starts = [0, *self.boundaries]
        ends = [boundary + self.overlap for boundary in self.boundaries]
        return [
            signer
            for number, (signer, start) in enumerate(zip(LOG_SIGNERS, starts, strict=False))
            if start <= size and (number >= len(ends) or size <= ends[number])
        ]


class SampleLog(Struct, frozen=True):
    """A StoredLog. Every part can be replaced, and nothing is checked."""

    raw: list[bytes]
    hashes: list[bytes]
    notes: dict[int, bytes]
    known: LogKeys
    newest_note: bytes

    @property
    def size(self) -> int:
        return len(self.raw)

    def keys(self) -> LogKeys:
        return self.known

    def newest(self) -> bytes:
        return self.newest_note

    def heads(self, after: int, through: int) -> Iterable[tuple[int, bytes]]:
        return sorted((size, note) for size, note in self.notes.items() if after < size <= through)

    def entries(self, first: int, count: int) -> Sequence[bytes]:
        return self.raw[first : first + count]

    def leaves(self, first: int, count: int) -> bytes:
        return b"".join(self.hashes[first : first + count])

    def head(self, size: int) -> Checkpoint:
        return make_checkpoint(ORIGIN, size, read_root(self.subtrees, size))

    def subtrees(self, wanted: Sequence[Subtree]) -> list[bytes]:
        return [subtree_root(self.hashes[each.index << each.level : (each.index + 1) << each.level]) for each in wanted]

    def receipt(self, position: int, size: int) -> bytes:
        path = prove_inclusion(self.subtrees, position, size)
        return Receipt(position, path, self.notes[size]).encode()

    def signed(self, size: int, signers: Sequence[LogSigner], *cosigners: Cosigner) -> bytes:
        return signed(self.head(size), signers, *cosigners)


def signed(head: Checkpoint, signers: Sequence[LogSigner], *cosigners: Cosigner) -> bytes:
    note = sign_checkpoint(head, signers)
    return Note(note.text, (*note.lines, *(each.cosign(head, SIGNED_AT + head.size) for each in cosigners))).encode()


def make_log(plan: Plan) -> SampleLog:
    raw, hashes = make_entries(plan)
    log = SampleLog(raw, hashes, {}, make_keys(plan), b"")
    return sign(log, plan)


def sign(log: SampleLog, plan: Plan) -> SampleLog:
    """The same entries with the heads of ``plan`` over them."""
    sizes = sorted({*plan.heads, *plan.boundaries, log.size})
    notes = {
        size: log.signed(size, plan.signers(size), CLOCK, *([WITNESS] if size in plan.witnessed else []))
        for size in sizes
    }
    return replace(log, notes=notes, newest_note=notes[log.size])


def rechained(log: SampleLog, first: int) -> SampleLog:
    """From ``first`` on every entry names the one that is before it now; the heads stay what they were."""
    raw, hashes = log.raw[:first], [leaf_hash(entry) for entry in log.raw[:first]]
    for entry in log.raw[first:]:
        raw.append(encode_entry(replace(decode_entry(entry), prev=hashes[-1])))
        hashes.append(leaf_hash(raw[-1]))
    return replace(log, raw=raw, hashes=hashes)


def make_entries(plan: Plan) -> tuple[list[bytes], list[bytes]]:
    raw: list[bytes] = []
    hashes: list[bytes] = []
    ends: dict[tuple[str, str], tuple[int, int | None]] = {}
    for position in range(plan.size):
        entry = _entry(plan, position)
        count, last = ends.get(entry.entity, (0, None))
        entry = replace(entry, prev=hashes[-1] if hashes else NO_LEAF, eseq=count, eprev=last)
        if position + 1 in plan.boundaries:
            number = list(plan.boundaries).index(position + 1)
            entry = sign_rotation(entry, LOG_SIGNERS[number], LOG_SIGNERS[number + 1])
        ends[entry.entity] = (count + 1, position)
        raw.append(encode_entry(plan.changes.get(position, _as_it_is)(entry)))
        hashes.append(leaf_hash(raw[-1]))
    return raw, hashes


def make_keys(plan: Plan) -> LogKeys:
    starts = [0, *plan.boundaries]
    ends = [*(boundary + plan.overlap for boundary in plan.boundaries), None]
    keys = [
        KeyRecord(
            vkey=LOG_SIGNERS[number].key.text(),
            purpose="log",
            first_size=start,
            last_size=end,
            created_at=NOON,
            retired_at=None if end is None else NOON,
            reason=plan.reason if number else "first",
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    beside = [
        KeyRecord(vkey=CLOCK.key.text(), purpose="timestamp", first_size=0, created_at=NOON, reason="first"),
        KeyRecord(vkey=WITNESS.key.text(), purpose="witness", first_size=0, created_at=NOON, reason="asked_to"),
    ]
    return LogKeys(origin=ORIGIN, keys=(*keys, *beside))


def _entry(plan: Plan, position: int) -> Entry:
    """Without its links."""
    erased = dict(plan.erased)
    story = f"0194a7a0-0000-7000-8000-{position % plan.entities:012d}"
    entry = Entry(
        seq=position,
        prev=NO_LEAF,
        ts=NOON,
        type="story.claimed",
        actor=("agent:ann", "dispatch:7"),
        entity=("story", story),
        eseq=0,
        eprev=None,
        salt=position.to_bytes(16, "big"),
        data=canonical_json({"agent_id": "ann", "title": f"Story {position}"}),
    )
    if position + 1 in plan.boundaries:
        number = list(plan.boundaries).index(position + 1)
        data = rotation_data(LOG_SIGNERS[number].key, LOG_SIGNERS[number + 1].key, plan.reason)
        return replace(entry, type=ROTATION_TYPE, entity=("log", ORIGIN), data=canonical_json(data))
    if position in erased:
        data = {"reason": "asked for by the person", "seq": erased[position]}
        return replace(entry, type="payload.erased", entity=("log", ORIGIN), data=canonical_json(data))
    if position in plan.committed:
        return replace(entry, data=UNSET, commit=payload_commitment(bytes(16), b"%d" % position))
    return entry


def _as_it_is(entry: Entry) -> Entry:
    return entry
