"""Dispatches on the wire (spec 01, section 3.8)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.times import wire_time
from domain.dispatch import Dispatch
from domain.errors import Invalid
from domain.fields import must_be

Text = Annotated[str, Meta(max_length=65_536)]


class MintBody(Struct, frozen=True, kw_only=True):
    """``expires_in_seconds`` out of 60 to 14,400 means the nearest of them."""

    role: Text | None = None
    agent_id: Text | None = None
    story_id: Text | None = None
    parent_dispatch_id: Text | None = None
    expires_in_seconds: int | None = None

    def id_of(self, field: str) -> UUID | None:
        """Raises Invalid for what is no id."""
        text = (getattr(self, field) or "").strip()
        if not text:
            return None
        try:
            return UUID(text)
        except ValueError:
            raise Invalid(**{field: must_be("an id")}) from None


class DispatchesQuery(PageQuery, frozen=True, kw_only=True):
    role: Annotated[Literal["agent", "orchestrator"], Meta(description="Only these.")] | UnsetType = UNSET
    active_only: Annotated[bool, Meta(description="Only those that are neither revoked nor over.")] = False


def dispatch_body(tenant_id: UUID, dispatch: Dispatch) -> dict[str, Any]:
    return {
        "id": dispatch.dispatch_id,
        "tenant_id": tenant_id,
        "parent_dispatch_id": dispatch.parent_dispatch_id,
        "agent_id": dispatch.agent_id,
        "story_id": dispatch.story_id,
        "role": dispatch.role,
        "lineage_path": dispatch.lineage,
        "human_root": dispatch.human_root,
        "expires_at": wire_time(dispatch.expires_at),
        "revoked_at": wire_time(dispatch.revoked_at),
        "created_at": wire_time(dispatch.created_at),
    }
