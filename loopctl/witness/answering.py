"""What a witness answers to a head that it is sent: the checks of add-checkpoint, in their order."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from loopctl.tlog.checkpoint import Checkpoint, check_extends, parse_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.note import Note, parse_note
from loopctl.tlog.signer import Cosigner
from loopctl.tlog.trust import open_note
from loopctl.tlog.vkey import KeyType, VerifierKey
from loopctl.tlog.witness import SIZE_MEDIA_TYPE, AddCheckpoint, encode_size, origin_id, parse_add_checkpoint
from loopctl.witness.state import Cosigned, State, Turn

TEXT = "text/plain; charset=utf-8"


class Answer(Struct, frozen=True):
    status: int
    body: bytes
    media_type: str = TEXT


class Witness:
    """``logs`` are the keys that each origin's heads may be signed with; the clock gives Unix seconds."""

    def __init__(
        self, cosigner: Cosigner, logs: Mapping[str, Sequence[VerifierKey]], state: State, clock: Callable[[], float]
    ) -> None:
        self._cosigner = cosigner
        self._logs = logs
        self._state = state
        self._clock = clock

    @property
    def key(self) -> VerifierKey:
        return self._cosigner.key

    def add_checkpoint(self, body: bytes) -> Answer:
        """200 with a cosignature line, or why not. Heads of one log are decided one after the other."""
        try:
            sent = parse_add_checkpoint(body)
            note = parse_note(sent.checkpoint)
            head = parse_checkpoint(note.text)
        except TlogError as error:
            return _no(400, f"not add-checkpoint: {error}")
        keys = self._logs.get(head.origin)
        if keys is None:
            return _no(404, "this witness does not know the log; whoever runs it adds a log with --log VKEY")
        try:
            signed = open_note(note, keys)
        except TlogError as error:
            return _no(403, str(error))
        if sent.old_size > head.size:
            return _no(400, "the old size is larger than the new one")
        known = {(line.key.name, line.key.key_id) for line in signed}
        lines = tuple(line for line in note.lines if (line.name, line.key_id) in known)
        with self._state.turn(head.origin) as turn:
            return self._decide(turn, sent, head, Note(note.text, lines))

    def _decide(self, turn: Turn, sent: AddCheckpoint, head: Checkpoint, note: Note) -> Answer:
        last = turn.last()
        old = Checkpoint(head.origin, 0, EMPTY_ROOT) if last is None else parse_checkpoint(parse_note(last.note).text)
        if sent.old_size != old.size:
            return Answer(409, encode_size(old.size), SIZE_MEDIA_TYPE)
        try:
            check_extends(old, head, sent.proof)
        except TlogError as error:
            return _no(422, f"not an extension of the head that was cosigned last: {error}")
        line = self._cosigner.cosign(head, int(self._clock()))
        turn.record(Cosigned(head.size, Note(note.text, (*note.lines, line)).encode()))
        return Answer(200, line.encode().encode())

    def checkpoint(self, identifier: str) -> Answer:
        """The newest head that it has cosigned of the log with this id (`loopctl.tlog.witness.origin_id`)."""
        origin = next((origin for origin in self._logs if origin_id(origin) == identifier), None)
        last = None if origin is None else self._state.last(origin)
        return _no(404, "no head of such a log was cosigned here") if last is None else Answer(200, last.note)


def logs_of(keys: Sequence[VerifierKey]) -> dict[str, list[VerifierKey]]:
    """By origin, which is the key's name. Raises ValueError for a key that signs no heads of a log."""
    found: dict[str, list[VerifierKey]] = {}
    for key in keys:
        if key.type is not KeyType.ED25519:
            raise ValueError(f"the key of {key.name} is a cosigner's, and not a log's")
        found.setdefault(key.name, []).append(key)
    return found


def _no(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())
