"""Tenants as superadmins see them (spec 01, section 6)."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.admin.reading import Whole
from api.pages import PageQuery
from api.times import wire_time
from domain.tenant import Status as TenantStatus


class TenantsQuery(PageQuery, frozen=True, kw_only=True):
    status: Annotated[TenantStatus, Meta(description="Only these.")] | UnsetType = UNSET
    search: Annotated[str, Meta(description="Part of the name or the slug, whatever the case.")] | UnsetType = UNSET


def listed_body(whole: Whole) -> dict[str, Any]:
    tenant, counts = whole.tenant, whole.counts
    return {
        "id": tenant.tenant_id,
        "name": tenant.name,
        "slug": tenant.slug,
        "email": whole.email,
        "status": tenant.status,
        "custody_halted_at": wire_time(tenant.custody_halted_at),
        "project_count": counts.projects,
        "story_count": counts.stories,
        "agent_count": counts.agents,
        "api_key_count": counts.api_keys,
        "inserted_at": wire_time(tenant.created_at),
    }


def detail_body(whole: Whole) -> dict[str, Any]:
    return {
        **listed_body(whole),
        "settings": msgspec.Raw(whole.tenant.settings.encode()),
        "epic_count": whole.counts.epics,
        "token_data_retention_days": whole.tenant.token_data_retention_days,
        "default_story_budget_millicents": whole.tenant.default_story_budget_millicents,
        "updated_at": wire_time(whole.tenant.updated_at),
    }
