"""A tenant: an organisation with a log of its own."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, assert_never
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Conflict, Forbidden, Invalid
from domain.event import Event, Events, JsonText, Recorded
from domain.fields import BLANK, SLUG, SLUG_FORM, Problems
from domain.tenant_settings import check_built, check_settings, read_settings, weakened

NO_ADDRESS = "has invalid format: must be like name@example.org"
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
LONGEST_NAME = 120
LONGEST_REASON = 1_000
SHORTEST_RETENTION_DAYS = 30
LONGEST_RETENTION_DAYS = 36_500
LARGEST_BUDGET = 2**53 - 1
"""What every reader of JSON can count to."""

RootOfTrust = Literal["operator", "webauthn"]
Status = Literal["active", "suspended", "deactivated", "pending_enrollment"]


class TenantCreated(Event, frozen=True, kw_only=True):
    """First event of every log; says what its trust starts from."""

    TAG: ClassVar[str] = "tenant.created"
    name: str
    slug: str
    root_of_trust: RootOfTrust


class TenantUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change. ``settings`` holds those that were set, as JSON; the address itself is
    personal and not in the log."""

    TAG: ClassVar[str] = "tenant.updated"
    name: str | UnsetType = UNSET
    settings: JsonText | UnsetType = UNSET
    default_story_budget_millicents: int | UnsetType | None = UNSET
    token_data_retention_days: int | UnsetType | None = UNSET
    email_changed: bool = False


class TenantSuspended(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "tenant.suspended"
    status_was: Status


class TenantActivated(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "tenant.activated"
    status_was: Status


HaltReason = Literal["witness_divergence", "self_attempt"]


class CustodyHalted(Event, frozen=True, kw_only=True):
    """Nobody takes a step of custody any more. ``evidence`` names the proof (app.fork_proof) in hex; an attempt to
    confirm one's own work has none."""

    TAG: ClassVar[str] = "tenant.custody_halted"
    reason: HaltReason
    evidence: str | None = None
    kind: str | None = None
    claimed_size: int | None = None


class HaltCleared(Event, frozen=True, kw_only=True):
    """By a person, who says why. ``halted_at`` is since when."""

    TAG: ClassVar[str] = "tenant.halt_cleared"
    reason: str
    halted_at: datetime


HaltEvent = CustodyHalted | HaltCleared
TenantEvent = TenantCreated | TenantUpdated | TenantSuspended | TenantActivated | HaltEvent
TENANT_EVENTS = Events[TenantEvent](TenantEvent)


class Tenant(Struct, frozen=True, kw_only=True):
    """A tenant as its events leave it; a row of app.tenant."""

    tenant_id: UUID
    slug: str
    name: str
    status: Status
    root_of_trust: RootOfTrust
    settings: JsonText
    default_story_budget_millicents: int | None
    token_data_retention_days: int | None
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event."""
    custody_halted_at: datetime | None = None


class CreateTenant(Struct, frozen=True, kw_only=True):
    tenant_id: UUID
    name: str
    slug: str
    email: str
    root_of_trust: RootOfTrust


class TenantFields(Struct, frozen=True, kw_only=True):
    """What a client may say of a tenant. Left out: not said; None: cleared."""

    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    settings: Mapping[str, Any] | UnsetType = UNSET
    default_story_budget_millicents: int | UnsetType | None = UNSET
    token_data_retention_days: int | UnsetType | None = UNSET


def create_tenant(exists: bool, command: CreateTenant) -> tuple[TenantCreated, ...]:
    """Raises Invalid, and Conflict when there is such a tenant."""
    if exists:
        raise Conflict("This tenant exists already.")
    wrong = {
        "name": _wrong_name(command.name.strip()),
        "slug": f"has invalid format: {SLUG_FORM}" if not SLUG.fullmatch(command.slug) else None,
        "email": NO_ADDRESS if not EMAIL.fullmatch(command.email) else None,
    }
    details = {field: text for field, text in wrong.items() if text}
    if details:
        raise Invalid(**details)
    return (TenantCreated(name=command.name.strip(), slug=command.slug, root_of_trust=command.root_of_trust),)


def _wrong_name(name: str) -> str | None:
    if len(name) > LONGEST_NAME:
        return f"should be at most {LONGEST_NAME} character(s)"
    return None if name else BLANK


def update_tenant(
    tenant: Tenant, fields: TenantFields, *, by_superadmin: bool, rate_limit_ceiling: int
) -> tuple[TenantUpdated, ...]:
    """Nothing when nothing changes; whether an address changes shows when it is stored. Raises Invalid, and Forbidden
    when a superadmin would weaken custody: that takes a key of the tenant's own (spec 00, Custody)."""
    _check(tenant, fields, by_superadmin, rate_limit_ceiling)
    now: dict[str, Any] = msgspec.json.decode(tenant.settings)
    given = {} if fields.settings is UNSET else fields.settings
    settings = {name: value for name, value in given.items() if name not in now or now[name] != value}
    then = JsonText(msgspec.json.encode({**now, **settings}).decode())
    if by_superadmin and (weaker := weakened(read_settings(tenant.settings), read_settings(then))):
        raise Forbidden(f"Only a user key of the tenant may weaken {', '.join(weaker)}")
    wanted = {
        "name": fields.name if fields.name is UNSET else fields.name.strip(),
        "default_story_budget_millicents": fields.default_story_budget_millicents,
        "token_data_retention_days": fields.token_data_retention_days,
    }
    changed: dict[str, Any] = {
        name: value for name, value in wanted.items() if value is not UNSET and value != getattr(tenant, name)
    }
    if settings:
        changed["settings"] = JsonText(msgspec.json.encode(settings).decode())
    if fields.email is not UNSET:
        changed["email_changed"] = True
    return (TenantUpdated(**changed),) if changed else ()


def weakens(tenant: Tenant, updated: TenantUpdated) -> bool:
    """Custody."""
    if updated.settings is UNSET:
        return False
    then = _updated(tenant, updated)["settings"]
    return bool(weakened(read_settings(tenant.settings), read_settings(then)))


def suspend_tenant(tenant: Tenant) -> tuple[TenantSuspended, ...]:
    """Raises Invalid when it is suspended already."""
    if tenant.status == "suspended":
        raise Invalid("Tenant is already suspended", code="rejected")
    return (TenantSuspended(status_was=tenant.status),)


def activate_tenant(tenant: Tenant) -> tuple[TenantActivated, ...]:
    """From any other status. Raises Invalid when it is active already."""
    if tenant.status == "active":
        raise Invalid("Tenant is already active", code="rejected")
    return (TenantActivated(status_was=tenant.status),)


def clear_halt(tenant: Tenant, reason: str) -> tuple[HaltCleared, ...]:
    """Nothing when custody is not halted. Raises Invalid."""
    problems = Problems()
    said = problems.required("reason", reason, LONGEST_REASON)
    problems.raise_any()
    if tenant.custody_halted_at is None:
        return ()
    return (HaltCleared(reason=said, halted_at=tenant.custody_halted_at),)


def evolve_tenant(tenant: Tenant | None, recorded: Recorded) -> Tenant | None:
    """The tenant after one more event of its stream."""
    event = recorded.event
    if not TENANT_EVENTS.has(event):
        return tenant
    if isinstance(event, TenantCreated):
        return Tenant(
            tenant_id=recorded.stream.id, slug=event.slug, name=event.name, status="active",
            root_of_trust=event.root_of_trust, settings=JsonText("{}"), default_story_budget_millicents=None,
            token_data_retention_days=None, created_at=recorded.at, updated_at=recorded.at,
            position=recorded.position,
        )  # fmt: skip
    if tenant is None:
        return None
    changes = _changes(tenant, recorded, event)
    return structs.replace(tenant, **changes, updated_at=recorded.at, position=recorded.position)


def _changes(
    tenant: Tenant, recorded: Recorded, event: TenantUpdated | TenantSuspended | TenantActivated | HaltEvent
) -> dict[str, Any]:
    match event:
        case TenantUpdated():
            return _updated(tenant, event)
        case TenantSuspended():
            return {"status": "suspended"}
        case TenantActivated():
            return {"status": "active"}
        case CustodyHalted():
            return {"custody_halted_at": tenant.custody_halted_at or recorded.at}
        case HaltCleared():
            return {"custody_halted_at": None}
        case _:
            assert_never(event)


def _updated(tenant: Tenant, updated: TenantUpdated) -> dict[str, Any]:
    changes = {
        name: value
        for name in ("name", "default_story_budget_millicents", "token_data_retention_days")
        if (value := getattr(updated, name)) is not UNSET
    }
    if updated.settings is not UNSET:
        merged = {**msgspec.json.decode(tenant.settings), **msgspec.json.decode(updated.settings)}
        changes["settings"] = msgspec.json.encode(merged, order="deterministic").decode()
    return changes


def _check(tenant: Tenant, fields: TenantFields, by_superadmin: bool, rate_limit_ceiling: int) -> None:
    problems = Problems()
    if fields.name is not UNSET:
        problems.required("name", fields.name, LONGEST_NAME)
    if fields.slug not in (UNSET, tenant.slug):
        problems.add("slug", "can't be changed")
    if fields.email is not UNSET and not EMAIL.fullmatch(fields.email):
        problems.add("email", NO_ADDRESS)
    if fields.settings is not UNSET:
        tenants_own = None if by_superadmin else read_settings(tenant.settings)
        check_settings(problems, fields.settings, tenants_own, rate_limit_ceiling)
    _check_number(problems, "default_story_budget_millicents", fields.default_story_budget_millicents, LARGEST_BUDGET)
    _check_number(problems, "token_data_retention_days", fields.token_data_retention_days, LONGEST_RETENTION_DAYS)
    if isinstance(days := fields.token_data_retention_days, int) and days < SHORTEST_RETENTION_DAYS:
        problems.add("token_data_retention_days", f"must be at least {SHORTEST_RETENTION_DAYS} days")
    problems.raise_any()
    if fields.settings is not UNSET:
        check_built(fields.settings)


def _check_number(problems: Problems, name: str, value: int | UnsetType | None, most: int) -> None:
    if not isinstance(value, int):
        return
    if name.startswith("default") and value < 1:
        problems.add(name, "must be greater than 0")
    if value > most:
        problems.add(name, f"must be less than or equal to {most}")
