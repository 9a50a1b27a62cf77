"""What destroys or weakens: where the tenant has a security key, a person touches it for each (spec 06, 4.5)."""

from collections.abc import Mapping, Sequence

from domain.authenticator import AuthenticatorEnrolled, AuthenticatorRemoved
from domain.ci_trust import CiTrusted
from domain.dispatch import DispatchCreated
from domain.epic import EpicDeleted
from domain.erasure import PayloadErased
from domain.event import Event
from domain.key import ApiKeyCreated
from domain.log_key import LogKeyBootstrapped, LogKeyRotated
from domain.project import ProjectArchived
from domain.recovery import RecoveryCompleted
from domain.story import StoryDeleted
from domain.tenant import HaltCleared, Tenant, TenantUpdated, weakens

ALWAYS: Mapping[type[Event], str] = {
    ProjectArchived: "delete a project",
    CiTrusted: "trust a CI",
    EpicDeleted: "delete an epic",
    StoryDeleted: "delete a story",
    AuthenticatorEnrolled: "enrol a security key",
    AuthenticatorRemoved: "remove a security key",
    HaltCleared: "end a halt of custody",
    PayloadErased: "erase a recorded text",
    LogKeyRotated: "change the key of the log",
    LogKeyBootstrapped: "give the log its first key",
}
"""What such a change does, for people."""

INSTEAD: frozenset[type[Event]] = frozenset({RecoveryCompleted})
"""What comes with one of these was confirmed by two superadmins and the tenant's silence (domain/recovery.py)."""

OF_SUPERADMINS: frozenset[type[Event]] = frozenset({HaltCleared})
"""A superadmin may as well, by a route of its own, and the log says so."""

SOMETIMES: frozenset[type[Event]] = frozenset({ApiKeyCreated, DispatchCreated, TenantUpdated})

WEIGHTY = frozenset(ALWAYS) | SOMETIMES


def may_weigh(events: Sequence[Event]) -> bool:
    """Quick, for every command."""
    return any(type(event) in WEIGHTY for event in events) and not any(type(event) in INSTEAD for event in events)


def weighs(event: Event, tenant: Tenant | None) -> bool:
    """``tenant`` as it is before."""
    match event:
        case ApiKeyCreated():
            return event.role == "user"
        case DispatchCreated():
            return event.human_root and event.parent_dispatch_id is None
        case TenantUpdated():
            return tenant is not None and weakens(tenant, event)
        case _:
            return type(event) in ALWAYS
