"""Audit entries on the wire (spec 01, sections 4.1 and 5.2)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.audit.names import Action, EntityType
from api.pages import Page, PageQuery
from api.times import read_time
from domain.audit_entry import AuditEntry
from domain.errors import Invalid
from domain.event import JsonText
from projections.queries.audit_trail import TrailFilter

Text = Annotated[str, Meta(max_length=65_536)]
Data = Annotated[dict[str, Any], Meta(max_length=1000)]


class TrailQuery(PageQuery, frozen=True, kw_only=True):
    """All filters hold together."""

    entity_type: EntityType | UnsetType = UNSET
    entity_id: Annotated[UUID, Meta(description="Only of this one.")] | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    actor_type: (
        Annotated[Literal["api_key", "system", "superadmin", "human"], Meta(description="Only by such.")] | UnsetType
    ) = UNSET
    actor_id: Annotated[UUID, Meta(description="Only by the key with this id.")] | UnsetType = UNSET
    project_id: Annotated[str, Meta(description="Only of the project with this id or slug.")] | UnsetType = UNSET
    first: Annotated[str, Meta(description="Not before this time: ISO 8601 with offset.")] | UnsetType = msgspec.field(
        default=UNSET, name="from"
    )
    last: Annotated[str, Meta(description="Not after this time: ISO 8601 with offset.")] | UnsetType = msgspec.field(
        default=UNSET, name="to"
    )

    def filter(self, project_id: UUID | None, *, secretive: bool) -> TrailFilter:
        """Raises Invalid."""
        return TrailFilter(
            entity_id=self.entity_id or None,
            actor_id=self.actor_id or None,
            project_id=project_id,
            action=self.action or None,
            entity_type=self.entity_type or None,
            actor_type=self.actor_type or None,
            secretive=secretive,
            first=_time("from", self.first),
            last=_time("to", self.last),
        )


class ObserveBody(Struct, frozen=True, kw_only=True):
    """Unknown members are ignored: who says it follows from the key."""

    event: Text | None = None
    entity_type: Text | None = None
    entity_id: Text | None = None
    project_id: Text | None = None
    data: Data | None = None

    @property
    def text(self) -> JsonText | None:
        return None if self.data is None else JsonText(msgspec.json.encode(self.data).decode())


def _time(name: str, text: str | UnsetType) -> datetime | None:
    if not text:
        return None
    at = read_time(text)
    if at is None:
        raise Invalid(**{name: "must be ISO 8601 with an offset; a + in it is written %2B"})
    return at


def audit_body(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "position": entry.position,
        "entity_type": entry.subject.entity_type,
        "entity_id": entry.subject.entity_id,
        "action": entry.subject.action,
        "actor_type": entry.actor.type,
        "actor_id": entry.actor.id,
        "actor_label": entry.actor.label,
        "old_state": entry.old_state,
        "new_state": entry.new_state,
        "project_id": entry.subject.project_id,
        "metadata": entry.metadata,
        "inserted_at": entry.inserted_at,
    }


def with_pagination(page: Page, data: list[Any], total: int) -> dict[str, Any]:
    """With the members that clients of the reference know, next to everybody's."""
    meta = page.meta(total)
    legacy = {"total": total, "page": meta["page"], "page_size": meta["page_size"]}
    return {"data": data, "pagination": legacy, "meta": meta}
