"""Security keys of a tenant (WebAuthn): enrolled with the tenant or by whoever has one already."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct, structs

from domain.errors import Conflict, Invalid
from domain.event import Event, Events, Recorded
from domain.fields import Problems

MOST_AUTHENTICATORS = 5
LONGEST_NAME = 120


class AuthenticatorEnrolled(Event, frozen=True, kw_only=True):
    """With what the browser brought back, so that anybody can check it again. Bytes are base64url without padding."""

    TAG: ClassVar[str] = "authenticator.enrolled"
    name: str
    credential_id: str
    public_key: str
    attestation_format: str
    aaguid: str
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    challenge: str
    rp_id: str
    attestation_object: str
    client_data_json: str


class AuthenticatorRenamed(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "authenticator.renamed"
    name: str
    name_was: str


class AuthenticatorRemoved(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "authenticator.removed"
    name: str
    credential_id: str


class AuthenticatorAsserted(Event, frozen=True, kw_only=True):
    """A person touched the key for one request: the entry after this one. The key's public half is in its first entry;
    `loopctl.tlog.operation` says how the challenge is made of nonce, tenant, method, path, body and caller's key."""

    TAG: ClassVar[str] = "authenticator.asserted"
    method: str
    path: str
    body_hash: str
    key_id: str
    nonce: str
    challenge: str
    rp_id: str
    sign_count: int
    backed_up: bool
    credential_id: str
    authenticator_data: str
    client_data_json: str
    signature: str


class AuthenticatorSuspected(Event, frozen=True, kw_only=True):
    """All was right but its counter, which went back, as that of a copy does. It is not taken any more."""

    TAG: ClassVar[str] = "authenticator.suspected"
    sign_count_was: int


AuthenticatorChange = AuthenticatorRenamed | AuthenticatorRemoved | AuthenticatorAsserted | AuthenticatorSuspected
AuthenticatorEvent = AuthenticatorEnrolled | AuthenticatorChange
AUTHENTICATOR_EVENTS = Events[AuthenticatorEvent](AuthenticatorEvent)


class Authenticator(Struct, frozen=True, kw_only=True):
    """As its events leave it; a row of app.authenticator."""

    authenticator_id: UUID
    name: str
    credential_id: str
    public_key: str
    attestation_format: str
    aaguid: str
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    suspected_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None
    position: int
    """Of the newest event."""


def evolve_authenticator(authenticator: Authenticator | None, recorded: Recorded) -> Authenticator | None:
    event = recorded.event
    if not AUTHENTICATOR_EVENTS.has(event):
        return authenticator
    if isinstance(event, AuthenticatorEnrolled):
        return Authenticator(
            authenticator_id=recorded.stream.id, name=event.name, credential_id=event.credential_id,
            public_key=event.public_key, attestation_format=event.attestation_format, aaguid=event.aaguid,
            sign_count=event.sign_count, backup_eligible=event.backup_eligible, backed_up=event.backed_up,
            suspected_at=None, created_at=recorded.at, last_used_at=None, position=recorded.position,
        )  # fmt: skip
    return None if authenticator is None else _evolved(authenticator, event, recorded)


def _evolved(authenticator: Authenticator, event: AuthenticatorChange, recorded: Recorded) -> Authenticator | None:
    match event:
        case AuthenticatorRenamed():
            return structs.replace(authenticator, name=event.name, position=recorded.position)
        case AuthenticatorRemoved():
            return None
        case AuthenticatorAsserted():
            return structs.replace(
                authenticator, sign_count=event.sign_count, backed_up=event.backed_up, last_used_at=recorded.at,
                position=recorded.position,
            )  # fmt: skip
        case AuthenticatorSuspected():
            return structs.replace(authenticator, suspected_at=recorded.at, position=recorded.position)
        case _:
            assert_never(event)


def enrol_authenticator(
    enrolled: AuthenticatorEnrolled, others: Sequence[Authenticator], *, device_bound_only: bool
) -> AuthenticatorEnrolled:
    """``others`` are the tenant's. Raises Invalid."""
    if device_bound_only and enrolled.backup_eligible:
        raise Invalid(
            "This security key can be copied to other devices, and the tenant's setting device_bound_only wants none "
            "such: take one that stays in its device",
            code="invalid_attestation",
        )
    if len(others) >= MOST_AUTHENTICATORS:
        raise Invalid(
            f"There are {MOST_AUTHENTICATORS} security keys, which is the most: remove one first",
            code="too_many_authenticators",
        )
    if any(other.credential_id == enrolled.credential_id for other in others):
        raise Invalid("This security key is enrolled already", code="invalid_attestation")
    return enrolled


def rename_authenticator(authenticator: Authenticator, name: str | None) -> tuple[AuthenticatorRenamed, ...]:
    """Raises Invalid."""
    problems = Problems()
    wanted = problems.required("friendly_name", name, LONGEST_NAME)
    problems.raise_any()
    if wanted == authenticator.name:
        return ()
    return (AuthenticatorRenamed(name=wanted, name_was=authenticator.name),)


def remove_authenticator(authenticator: Authenticator, others: int) -> AuthenticatorRemoved:
    """``others`` that are still trusted. Raises Conflict for the last: nobody could confirm anything after it."""
    if others < 1:
        raise Conflict(
            "The last security key of a tenant cannot be removed: enrol another one first", code="last_authenticator"
        )
    return AuthenticatorRemoved(name=authenticator.name, credential_id=authenticator.credential_id)
