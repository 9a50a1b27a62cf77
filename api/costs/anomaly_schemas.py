"""Anomalies of cost on the wire (spec 02, section 5)."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.costs.schemas import Text, dollars
from api.pages import PageQuery
from api.times import wire_time
from domain.usage.anomaly import AnomalyType, CostAnomaly, Wish


class ProjectAnomaliesQuery(PageQuery, frozen=True, kw_only=True):
    resolved: Annotated[bool, Meta(description="Those that are resolved, instead of those that are not.")] = False
    include_archived: Annotated[bool, Meta(description="Archived ones as well.")] = False
    anomaly_type: Annotated[AnomalyType, Meta(description="Only of this kind.")] | UnsetType = UNSET


class AnomaliesQuery(ProjectAnomaliesQuery, frozen=True, kw_only=True):
    project_id: Annotated[Text, Meta(description="Id or slug: only of this project.")] | UnsetType = UNSET


class SettleAnomalyBody(Struct, frozen=True, kw_only=True):
    """Without members it resolves."""

    resolved: bool | None = None
    archived: bool | None = None
    note: Text | None = None

    def wish(self) -> Wish:
        if self.resolved is None and self.archived is None:
            return Wish(resolved=True, note=self.note)
        return Wish(
            resolved=UNSET if self.resolved is None else self.resolved,
            archived=UNSET if self.archived is None else self.archived,
            note=self.note,
        )


def anomaly_body(tenant_id: UUID, anomaly: CostAnomaly) -> dict[str, Any]:
    return {
        "id": anomaly.anomaly_id,
        "tenant_id": tenant_id,
        "project_id": anomaly.project_id,
        "epic_id": anomaly.epic_id,
        "story_id": anomaly.story_id,
        "story_title": anomaly.story_title,
        "anomaly_type": anomaly.anomaly_type,
        "story_cost_millicents": anomaly.story_cost_millicents,
        "story_cost_dollars": dollars(anomaly.story_cost_millicents),
        "reference_avg_millicents": anomaly.reference_avg_millicents,
        "deviation_factor": anomaly.deviation_factor,
        "reported_tokens": anomaly.reported_tokens,
        "metered_tokens": anomaly.metered_tokens,
        "resolved": anomaly.resolved,
        "archived": anomaly.archived,
        "note": anomaly.note,
        "metadata": {"baseline": anomaly.baseline, "period": anomaly.period},
        "inserted_at": wire_time(anomaly.created_at),
        "updated_at": wire_time(anomaly.updated_at),
    }
