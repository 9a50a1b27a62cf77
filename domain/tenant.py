"""A tenant: an organisation with a log of its own."""

import re
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.errors import Conflict, Invalid
from domain.event import Event

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")

RootOfTrust = Literal["operator", "webauthn"]


class TenantCreated(Event, frozen=True, kw_only=True):
    """First event of every log; says what its trust starts from."""

    TAG: ClassVar[str] = "tenant.created"
    name: str
    slug: str
    root_of_trust: RootOfTrust


class ApiKeyCreated(Event, frozen=True, kw_only=True):
    """``key_prefix`` is all of the key that is ever shown again; its hash never enters the log."""

    TAG: ClassVar[str] = "api_key.created"
    name: str
    role: Literal["agent", "orchestrator", "user"]
    key_prefix: str
    agent_id: str | None = None
    expires_at: str | None = None


class CreateTenant(Struct, frozen=True, kw_only=True):
    tenant_id: UUID
    name: str
    slug: str
    email: str
    root_of_trust: RootOfTrust


def create_tenant(exists: bool, command: CreateTenant) -> tuple[TenantCreated, ...]:
    """Raises Invalid, and Conflict when there is such a tenant."""
    if exists:
        raise Conflict("This tenant exists already.")
    wrong = {
        "name": "can't be blank" if not command.name.strip() else None,
        "slug": "has invalid format" if not SLUG.fullmatch(command.slug) else None,
        "email": "has invalid format" if not EMAIL.fullmatch(command.email) else None,
    }
    details = {field: text for field, text in wrong.items() if text}
    if details:
        raise Invalid(**details)
    return (TenantCreated(name=command.name.strip(), slug=command.slug, root_of_trust=command.root_of_trust),)
