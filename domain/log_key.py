"""The key that a tenant's heads are signed with, as far as the log itself tells of it (spec 05, section 4.1)."""

import re
from typing import ClassVar

from msgspec import Struct

from domain.errors import Conflict, Invalid
from domain.event import Event, Events
from domain.tenant import RootOfTrust

REASON = re.compile("[a-z][a-z_]{0,62}")


class RotationSignatures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the entry without them, by both keys; base64."""

    new: str
    old: str


class LogKeyRotated(Event, frozen=True, kw_only=True):
    """From the head right after this entry on, the new key signs. `loopctl.tlog.rotation` says what is signed."""

    TAG: ClassVar[str] = "log.key_rotated"
    new_vkey: str
    old_key_id: str
    reason: str
    signatures: RotationSignatures


LogEvent = LogKeyRotated
LOG_EVENTS = Events[LogEvent](LogEvent)


def check_operator_may_rotate(root_of_trust: RootOfTrust, reason: str) -> None:
    """Raises Invalid, and Conflict where the operator's word is not enough."""
    if REASON.fullmatch(reason) is None:
        raise Invalid(reason="must be lower-case letters and underscores, at most 63")
    if root_of_trust != "operator":
        raise Conflict("This tenant's trust starts from a person, who has to confirm the change of its key.")
