"""Tenants on the wire (spec 01, section 2.1)."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.times import wire_time
from domain.caller import Caller
from domain.tenant import Tenant, TenantFields

Text = Annotated[str, Meta(max_length=65_536)]
Settings = Annotated[dict[str, Any], Meta(max_length=256)]
Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class UpdateTenantBody(Struct, frozen=True, kw_only=True):
    """Unknown members are ignored; so is null, but for the two numbers, which it takes back."""

    name: Text | None = None
    slug: Text | None = None
    email: Text | None = None
    settings: Settings | None = None
    default_story_budget_millicents: Whole | UnsetType | None = UNSET
    token_data_retention_days: Whole | UnsetType | None = UNSET

    def fields(self, email_now: str | None) -> TenantFields:
        """An address that is the tenant's already counts as not said."""
        email = UNSET if self.email is None else self.email.strip().lower()
        return TenantFields(
            name=UNSET if self.name is None else self.name,
            slug=UNSET if self.slug is None else self.slug,
            email=UNSET if email == email_now else email,
            settings=UNSET if self.settings is None else self.settings,
            default_story_budget_millicents=self.default_story_budget_millicents,
            token_data_retention_days=self.token_data_retention_days,
        )


class Beside(Struct, frozen=True):
    """What a tenant has besides its state: its address, and whether its log can be signed."""

    email: str | None
    has_audit_key: bool


def tenant_body(tenant: Tenant, beside: Beside) -> dict[str, Any]:
    return {
        "id": tenant.tenant_id,
        "name": tenant.name,
        "slug": tenant.slug,
        "email": beside.email,
        "settings": msgspec.Raw(tenant.settings.encode()),
        "status": tenant.status,
        "token_data_retention_days": tenant.token_data_retention_days,
        "default_story_budget_millicents": tenant.default_story_budget_millicents,
        "custody_halted_at": tenant.custody_halted_at and wire_time(tenant.custody_halted_at),
        "has_audit_key": beside.has_audit_key,
        "inserted_at": wire_time(tenant.created_at),
        "updated_at": wire_time(tenant.updated_at),
    }


def calling_key_body(caller: Caller) -> dict[str, Any]:
    """So that whoever holds a key can see what it is (spec 04, section 9)."""
    return {"id": caller.key_id, "name": caller.key_name, "role": caller.role, "agent_id": caller.agent_id}
