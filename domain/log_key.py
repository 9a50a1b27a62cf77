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
    STREAM: ClassVar[str] = "tenant"
    new_vkey: str
    old_key_id: str
    reason: str
    signatures: RotationSignatures


class LogKeyBootstrapped(Event, frozen=True, kw_only=True):
    """The first key of a log that had none: it counts from the beginning, for no head was signed before."""

    TAG: ClassVar[str] = "log.key_bootstrapped"
    STREAM: ClassVar[str] = "tenant"
    vkey: str
    reason: str


LogEvent = LogKeyRotated | LogKeyBootstrapped
LOG_EVENTS = Events[LogEvent](LogEvent)

UNSIGNED = RotationSignatures(new="", old="")
"""Until the entry has its place."""


class KeyChange(Struct, frozen=True):
    """From one key to the next."""

    old_vkey: str
    old_key_id: str
    new_vkey: str
    reason: str


def rotate_key(newest: str | None, change: KeyChange) -> LogKeyRotated:
    """``newest`` is the vkey that signs now. Raises Invalid, and Conflict when it is not the one that was to sign over:
    somebody else has changed it meanwhile, and once may be enough."""
    check_reason(change.reason)
    if newest is None:
        raise Invalid("The log has no key: POST …/bootstrap-audit-key makes its first one", code="no_audit_key")
    if newest != change.old_vkey:
        raise Conflict("Somebody else has changed the key of this log in the meantime.", code="audit_key_changed")
    return LogKeyRotated(
        new_vkey=change.new_vkey, old_key_id=change.old_key_id, reason=change.reason, signatures=UNSIGNED
    )


def bootstrap_key(newest: str | None, vkey: str, reason: str) -> LogKeyBootstrapped:
    """Raises Invalid, and Conflict where there is a key: rotate that one."""
    check_reason(reason)
    if newest is not None:
        raise Conflict("The log has a key: POST …/rotate-audit-key changes it", code="audit_key_exists")
    return LogKeyBootstrapped(vkey=vkey, reason=reason)


def check_reason(reason: str) -> None:
    """Raises Invalid."""
    if REASON.fullmatch(reason) is None:
        raise Invalid(reason="must be lower-case letters and underscores, at most 63")


def check_operator_may_rotate(root_of_trust: RootOfTrust, security_keys: int) -> None:
    """Raises Conflict where the operator's word is not enough."""
    if root_of_trust != "operator":
        raise Conflict("This tenant's trust starts from a person, who has to confirm the change of its key.")
    if security_keys:
        raise Conflict("This tenant has a security key, and a person has to touch it: POST …/rotate-audit-key.")
