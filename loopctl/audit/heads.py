"""Signed heads: each is of these entries, and signed by a key that the log had then (spec 05, section 4.1)."""

from collections.abc import Callable, Sequence
from operator import eq

from msgspec import Struct
from msgspec.structs import replace

from loopctl.audit.fault import Fault, faults
from loopctl.audit.keys_file import PLACE, KnownKeys
from loopctl.audit.names import HEADS
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.entry import Entry, decode_entry
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import KeyEpoch, first_key
from loopctl.tlog.note import Note, parse_note, parse_signature_line
from loopctl.tlog.policy import Policy
from loopctl.tlog.rotation import check_rotation
from loopctl.tlog.trust import SignedTreeHead, Trust, check_quorum, open_checkpoint, open_note
from loopctl.tlog.vkey import VerifierKey, parse_vkey

MOST_NOTICES = 20


class Seen(Struct, frozen=True):
    """The tree at some size, as it follows from the entries. ``name`` says whose size it is."""

    name: str
    size: int
    root: bytes


class RotationSeen(Struct, frozen=True):
    """``cosigners`` are those of the given keys that saw the boundary."""

    boundary: int
    old_key_id: str
    new_vkey: str
    reason: str
    cosigners: int


class HeadChecks(Struct, frozen=True):
    """Arguments so that a test can leave one out, and see that nothing else finds what it finds."""

    open: Callable[[bytes, Trust], SignedTreeHead] = open_checkpoint
    rotation: Callable[[Entry, VerifierKey], tuple[VerifierKey, str]] = check_rotation
    same_root: Callable[[bytes, bytes], bool] = eq


class Heads:
    """Follows the log's keys from the first one on, as the rotations in its own entries say.

    ``keys.json`` only says where to look: a key that no rotation brought is never believed.
    """

    def __init__(
        self, known: KnownKeys, given: Sequence[VerifierKey] = (), checks: HeadChecks | None = None,
        policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self._known = known
        self._given = tuple(given)
        self._policy = policy
        self._reached = False
        """By the head that the auditor has kept."""
        self._checks = checks or HeadChecks()
        self._sizes = {(epoch.key.name, epoch.key.key_id): epoch for epoch in _epochs(known)}
        wanted = policy.cosigners if policy else ()
        beside = dict.fromkeys([*(epoch.key for epoch in known.beside), *given, *wanted])
        self._trust = Trust(first_key(known.log[0].epoch.key), tuple(beside))
        self.newest_size = -1
        """Of the heads seen so far; -1 before the first."""
        self.count = 0
        self.cosignatures = 0
        self.rotations: list[RotationSeen] = []
        self.notices: list[str] = []

    @property
    def trust(self) -> Trust:
        return self._trust

    def resume(self, keys: Sequence[tuple[str, int]], newest_size: int) -> None:
        """As they were at a later size: with the keys, oldest first, that rotations had brought until then."""
        with faults("keys", PLACE):
            given = [(parse_vkey(text), size) for text, size in keys]
            claimed = [(claim.epoch.key, claim.epoch.first_size) for claim in self._known.log[: len(given)]]
            if given != claimed:
                raise Fault("keys", "keys_differ", PLACE, "other keys than an earlier check has seen")
            history = self._trust.history
            for key, size in given[1:]:
                history = history.rotated(key, size)
        self._trust = replace(self._trust, history=history)
        self.newest_size = newest_size

    def check(self, seen: Seen, raw: bytes, rotation: bytes | None = None) -> SignedTreeHead:
        """A stored head. ``rotation`` is the entry before it, when that is one: then this is its boundary."""
        note, checkpoint = self._read(seen, raw)
        self._check_text(seen, checkpoint, raw)
        if rotation is not None:
            self._rotate(seen, raw, note, rotation)
        self._check_lines(seen, note)
        with faults("heads", seen.name):
            head = self._checks.open(raw, self._trust)
        self.count += 1
        self.newest_size = seen.size
        self.cosignatures += len(head.cosignatures)
        return head

    def check_newest(self, seen: Seen, raw: bytes) -> SignedTreeHead:
        """The file ``checkpoint``: the last stored head again, with lines that may have come later."""
        note, checkpoint = self._read(seen, raw)
        if checkpoint.size != seen.size and self._is_signed(raw):
            raise self._other_end(seen, checkpoint.size)
        self._check_text(seen, checkpoint, raw)
        if self.newest_size != seen.size:
            raise Fault(
                "heads", "member_missing", f"{HEADS}{seen.size}", "the newest head is not among the stored ones"
            )
        self._check_lines(seen, note)
        with faults("heads", seen.name):
            head = self._checks.open(raw, self._trust)
        missing = set(self._given) - {line.key for line in head.cosignatures}
        if missing:
            raise Fault(
                "heads", "cosignatures_missing", seen.name, f"without the lines of {len(missing)} given cosigners"
            )
        if self._policy is not None and not self._reached:
            with faults("heads", seen.name):
                check_quorum(self._policy, head.cosignatures, seen.name)
        self._check_all_keys_came(len(self._known.log))
        return head

    def check_stored(self, newest: int) -> None:
        """Instead of ``check_newest`` for a log that may have grown since its newest head, of size ``newest``."""
        if self.newest_size != newest:
            raise Fault("heads", "member_missing", f"{HEADS}{newest}", "the newest head is not where it was")
        self._check_all_keys_came(sum(claim.epoch.first_size <= max(newest, 0) for claim in self._known.log))

    def check_older(self, seen: Seen, raw: bytes) -> None:
        """A head that the auditor has kept, at the size that it says."""
        with faults("freshness", seen.name):
            head = self._checks.open(raw, self._trust)
        if not self._checks.same_root(head.checkpoint.root, seen.root):
            raise Fault("freshness", "heads_differ", seen.name, f"has another root for size {seen.size}: a fork")
        if self._policy is not None and self._policy.is_reached({line.key for line in head.cosignatures}):
            self._reached = True

    def _read(self, seen: Seen, raw: bytes) -> tuple[Note, Checkpoint]:
        try:
            note = parse_note(raw)
            return note, parse_checkpoint(note.text)
        except TlogError as error:
            line = damaged_line(raw, Checkpoint(self._known.origin, seen.size, seen.root))
            raise Fault("heads", error.code, f"{seen.name}, {line}", error.problem) from None

    def _check_text(self, seen: Seen, checkpoint: Checkpoint, raw: bytes) -> None:
        if checkpoint.origin != self._known.origin:
            raise Fault("heads", "origin_mismatch", f"{seen.name}, line 1", "the head of another log")
        if checkpoint.size != seen.size:
            raise Fault("heads", "size_mismatch", f"{seen.name}, line 2", f"not the size {seen.size}")
        if self._checks.same_root(checkpoint.root, seen.root):
            return
        if self._is_signed(raw):
            since = max(self.newest_size, 0)
            problem = f"was signed for other entries than those from {since} to {seen.size - 1}"
            raise Fault("heads", "root_differs", seen.name, problem)
        raise Fault("heads", "root_differs", f"{seen.name}, line 3", "neither the root of these entries nor signed")

    def _check_lines(self, seen: Seen, note: Note) -> None:
        """In a bundle nothing stays unchecked: a line by a key that is not in keys.json is no line of this log."""
        by_now = {(key.name, key.key_id) for key in (*self._trust.history.keys, *self._trust.cosigners)}
        for number, line in enumerate(note.lines, start=1):
            if (line.name, line.key_id) not in by_now:
                place = f"{seen.name}, signature line {number}"
                raise Fault("heads", "signature_unknown", place, "by a key that the log did not have at this size")
            epoch = self._sizes.get((line.name, line.key_id))
            if epoch is not None and not epoch.counts(seen.size):
                self._notice(f"{seen.name} has a line by the key {line.key_id.hex()}, which does not count for it")

    def _rotate(self, seen: Seen, raw: bytes, note: Note, rotation: bytes) -> None:
        # 1. The boundary is signed by the key that the log had until now.
        with faults("heads", seen.name):
            boundary = self._checks.open(raw, self._trust)
        # 2. Old and new key have signed the entry, and the new one has signed the boundary.
        old = self._trust.history.newest
        with faults("rotations", f"entry {seen.size - 1}"):
            new, reason = self._checks.rotation(decode_entry(rotation), old)
        with faults("rotations", seen.name):
            open_note(note, [new])
            history = self._trust.history.rotated(new, seen.size)
        # 3. keys.json tells the same story.
        claims = self._known.log[len(history.epochs) - 1 : len(history.epochs)]
        if [(claim.epoch.key, claim.epoch.first_size, claim.reason) for claim in claims] != [(new, seen.size, reason)]:
            problem = f"does not tell of the rotation in entry {seen.size - 1} what that tells itself"
            raise Fault("keys", "keys_differ", PLACE, problem)
        self._trust = replace(self._trust, history=history)
        cosigners = len({line.key for line in boundary.cosignatures} & set(self._given))
        self.rotations.append(RotationSeen(seen.size, old.key_id.hex(), new.text(), reason, cosigners))

    def _is_signed(self, raw: bytes) -> bool:
        try:
            open_checkpoint(raw, self._trust)
        except TlogError:
            return False
        return True

    def _other_end(self, seen: Seen, size: int) -> Fault:
        if size > seen.size:
            return Fault(
                "entries", "entry_missing", f"entry {seen.size}", f"is missing: the newest head has size {size}"
            )
        return Fault("entries", "entry_unsigned", f"entry {size}", "comes after the newest head, signed by nobody")

    def _check_all_keys_came(self, expected: int) -> None:
        came = len(self._trust.history.epochs)
        if came != expected:
            raise Fault("keys", "keys_differ", f"{PLACE}, log key {came + 1}", "no rotation in the log has brought it")

    def _notice(self, text: str) -> None:
        if len(self.notices) < MOST_NOTICES:
            self.notices.append(text)


def _epochs(known: KnownKeys) -> list[KeyEpoch]:
    """With the last size that the file claims, which may be later than the boundary: keys overlap for a while."""
    return [*(claim.epoch for claim in known.log), *known.beside]


def damaged_line(raw: bytes, expected: Checkpoint) -> str:
    """Where a note that cannot be parsed differs from what it ought to be."""
    lines = raw.split(b"\n")
    for number, line in enumerate([*expected.text().split(b"\n")[:3], b""]):
        if lines[number : number + 1] != [line]:
            return f"line {number + 1}"
    for number, line in enumerate(lines[4:], start=1):
        try:
            parse_signature_line(line.decode(), "")
        except (TlogError, UnicodeDecodeError):
            return f"signature line {number}"
    return "last line"  # without its end
