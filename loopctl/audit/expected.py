"""What an auditor knows before the check: keys, and a head that was kept."""

from msgspec import Struct

from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.policy import Policy
from loopctl.tlog.vkey import KeyType, VerifierKey


class Older(Struct, frozen=True):
    """A signed head that the auditor has kept; the bundle has to extend it."""

    note: bytes
    checkpoint: Checkpoint


def keep(note: bytes) -> Older:
    """Raises TlogError when it is no head at all; who signed it is checked together with the log."""
    return Older(note, parse_checkpoint(parse_note(note).text))


class Expected(Struct, frozen=True):
    """What the auditor knows. Of ``keys`` those of logs must have been the log's, the others must have cosigned the
    newest head. ``form`` also checks that each entry has the one spelling of what it says, at twice the time."""

    keys: tuple[VerifierKey, ...] = ()
    older: Older | None = None
    form: bool = False
    policy: Policy | None = None
    """One of its logs has to be this one where it lists any, and its quorum must have cosigned the newest head or the
    one that was kept."""

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        return tuple(key for key in self.keys if key.type is KeyType.ED25519)

    @property
    def cosigners(self) -> tuple[VerifierKey, ...]:
        return tuple(key for key in self.keys if key.type is not KeyType.ED25519)
