"""Recovery of a tenant that has lost its security keys (spec 06, section 4.5, T30).

Two superadmins open it, each with a touch. Then it waits for three days, in which the tenant's user key or any of its
security keys ends it. Only after them it is completed: then there is one link, for one new security key and user key.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Literal, assert_never
from uuid import UUID, uuid5

from msgspec import Struct, structs

from domain.errors import Conflict
from domain.event import Event, Events, Recorded, Stream
from domain.fields import Problems
from domain.tenant import LONGEST_REASON, Tenant

DELAY = timedelta(hours=72)
SECOND_WITHIN = timedelta(hours=24)
"""After the first superadmin."""
COMPLETE_WITHIN = timedelta(days=7)
"""After the delay; and so long a new link can be made for one that was not used."""
LINK_LASTS = timedelta(hours=24)

CancelledBy = Literal["user_key", "authenticator", "suspension"]
"""A tenant that is suspended could not cancel, so that nothing goes on in the meantime."""


class SuperadminTouch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A superadmin touched a security key for one request. With the key's public half, because no log has it; else as
    `AuthenticatorAsserted`. Bytes are base64url without padding."""

    superadmin_id: str
    superadmin_name: str
    public_key: str
    method: str
    path: str
    body_hash: str
    nonce: str
    challenge: str
    rp_id: str
    credential_id: str
    authenticator_data: str
    client_data_json: str
    signature: str


class RecoveryOpened(Event, frozen=True, kw_only=True):
    """By one superadmin. Nothing follows until another one agrees."""

    TAG: ClassVar[str] = "recovery.opened"
    reason: str
    touch: SuperadminTouch


class RecoverySeconded(Event, frozen=True, kw_only=True):
    """By another one. ``ready_at`` is when it can be completed, unless it is cancelled before."""

    TAG: ClassVar[str] = "recovery.seconded"
    reason: str
    touch: SuperadminTouch
    ready_at: datetime


class RecoveryCancelled(Event, frozen=True, kw_only=True):
    """By the tenant. Of a security key the touch is the entry before."""

    TAG: ClassVar[str] = "recovery.cancelled"
    by: CancelledBy


class RecoveryCompleted(Event, frozen=True, kw_only=True):
    """All user keys and security keys of the tenant ended with it. ``link_hash`` is SHA-256 of the link's secret, in
    hexadecimal."""

    TAG: ClassVar[str] = "recovery.completed"
    touch: SuperadminTouch
    link_hash: str
    link_expires_at: datetime


class RecoveryUsed(Event, frozen=True, kw_only=True):
    """Whoever had the link enrolled a security key and got a user key: the entries after this one."""

    TAG: ClassVar[str] = "recovery.used"


RecoveryEvent = RecoveryOpened | RecoverySeconded | RecoveryCancelled | RecoveryCompleted | RecoveryUsed
RECOVERY_EVENTS = Events[RecoveryEvent](RecoveryEvent)

Status = Literal["opened", "waiting", "cancelled", "completed", "used"]


class Recovery(Struct, frozen=True, kw_only=True):
    """The newest one of a tenant; a row of app.recovery."""

    recovery_id: UUID
    status: Status
    reason: str
    opened_by: str
    opened_by_name: str
    opened_at: datetime
    seconded_by_name: str | None = None
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    link_hash: str | None = None
    link_expires_at: datetime | None = None
    position: int
    """Of the newest event."""

    def goes_on(self, at: datetime) -> bool:
        """It is opened or waits, and has not lapsed."""
        if self.status == "opened":
            return at < self.opened_at + SECOND_WITHIN
        return self.status == "waiting" and self.ready_at is not None and at < self.ready_at + COMPLETE_WITHIN


class Wish(Struct, frozen=True):
    """Of a superadmin."""

    touch: SuperadminTouch
    at: datetime


def recovery_stream(tenant_id: UUID) -> Stream:
    """A tenant's recoveries, one after the other."""
    return Stream("recovery", uuid5(tenant_id, "recovery"))


def evolve_recovery(recovery: Recovery | None, recorded: Recorded) -> Recovery | None:
    event = recorded.event
    if not RECOVERY_EVENTS.has(event):
        return recovery
    if isinstance(event, RecoveryOpened):
        return Recovery(
            recovery_id=recorded.stream.id, status="opened", reason=event.reason,
            opened_by=event.touch.superadmin_id, opened_by_name=event.touch.superadmin_name, opened_at=recorded.at,
            position=recorded.position,
        )  # fmt: skip
    return (
        None if recovery is None else _evolved(structs.replace(recovery, position=recorded.position), event, recorded)
    )


def _evolved(
    recovery: Recovery,
    event: RecoverySeconded | RecoveryCancelled | RecoveryCompleted | RecoveryUsed,
    recorded: Recorded,
) -> Recovery:
    match event:
        case RecoverySeconded():
            name = event.touch.superadmin_name
            return structs.replace(recovery, status="waiting", seconded_by_name=name, ready_at=event.ready_at)
        case RecoveryCancelled():
            return structs.replace(recovery, status="cancelled", ended_at=recorded.at)
        case RecoveryCompleted():
            return structs.replace(
                recovery, status="completed", ended_at=recovery.ended_at or recorded.at, link_hash=event.link_hash,
                link_expires_at=event.link_expires_at,
            )  # fmt: skip
        case RecoveryUsed():
            return structs.replace(recovery, status="used", link_hash=None, link_expires_at=None)
        case _:
            assert_never(event)


def open_recovery(
    tenant: Tenant, security_keys: int, recovery: Recovery | None, wish: Wish, reason: str
) -> RecoveryOpened | RecoverySeconded:
    """The first superadmin opens it, another one seconds it. Raises Invalid, Conflict."""
    problems = Problems()
    said = problems.required("reason", reason, LONGEST_REASON)
    problems.raise_any()
    _check_active(tenant)
    if recovery is not None and recovery.goes_on(wish.at):
        if recovery.status == "waiting":
            raise Conflict("A recovery waits already", code="recovery_under_way")
        if recovery.opened_by == wish.touch.superadmin_id:
            raise Conflict("You have opened it: another superadmin has to agree", code="recovery_needs_another")
        return RecoverySeconded(reason=said, touch=wish.touch, ready_at=wish.at + DELAY)
    if not security_keys and (recovery is None or recovery.status != "completed"):
        raise Conflict("The tenant has no security key that could be lost", code="recovery_not_needed")
    return RecoveryOpened(reason=said, touch=wish.touch)


def cancel_recovery(recovery: Recovery | None, by: CancelledBy, at: datetime) -> RecoveryCancelled:
    """Raises Conflict."""
    if recovery is None or not recovery.goes_on(at):
        raise Conflict("There is no recovery that could be cancelled", code="no_recovery")
    return RecoveryCancelled(by=by)


def complete_recovery(tenant: Tenant, recovery: Recovery | None, wish: Wish, link_hash: str) -> RecoveryCompleted:
    """Also for another link, when the one before was not used. Raises Conflict: not before the delay is over."""
    _check_active(tenant)
    if recovery is None or not (recovery.goes_on(wish.at) or _is_unused(recovery, wish.at)):
        raise Conflict("There is no recovery that could be completed", code="no_recovery")
    if recovery.ready_at is None:
        raise Conflict("Another superadmin has to agree first", code="recovery_needs_another")
    if wish.at < recovery.ready_at:
        raise Conflict(
            f"It waits until {recovery.ready_at.isoformat()}, so that the tenant can cancel it",
            code="recovery_too_early", ready_at=recovery.ready_at.isoformat(),
        )  # fmt: skip
    return RecoveryCompleted(touch=wish.touch, link_hash=link_hash, link_expires_at=wish.at + LINK_LASTS)


def use_link(recovery: Recovery | None, link_hash: str, at: datetime) -> RecoveryUsed:
    """Raises Conflict."""
    check_link(recovery, link_hash, at)
    return RecoveryUsed()


def check_link(recovery: Recovery | None, link_hash: str, at: datetime) -> None:
    """Raises Conflict: of what is wrong with it nothing is told to who may have guessed."""
    if recovery is None or recovery.link_hash != link_hash or at >= (recovery.link_expires_at or at):
        raise Conflict(
            "The link was used, has expired or was never made: ask for another one", code="recovery_link_spent"
        )  # fmt: skip


def _is_unused(recovery: Recovery, at: datetime) -> bool:
    return recovery.status == "completed" and recovery.ended_at is not None and at < recovery.ended_at + COMPLETE_WITHIN


def _check_active(tenant: Tenant) -> None:
    """Keys of a tenant that is not cannot cancel."""
    if tenant.status != "active":
        raise Conflict(
            "The tenant is not active, so that nobody could cancel: activate it first", code="tenant_not_active"
        )
