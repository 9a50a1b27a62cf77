"""Anomalies of cost, as their events leave them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.usage.anomaly import COST_ANOMALY_EVENTS, CostAnomaly, OpenAnomaly, evolve_anomaly, evolve_open
from domain.usage.archival import Archival, TokenDataArchived, evolve_archival, parted
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

ANOMALIES = Entity(
    name="cost_anomaly", state=CostAnomaly, identity="anomaly_id", evolve=evolve_anomaly, replaces=True,
    spreading=(TokenDataArchived,),
)  # fmt: skip

ARCHIVE = "UPDATE app.cost_anomaly SET archived = TRUE WHERE tenant_id = $1 AND created_at < $2"

OPEN = """
    SELECT a.story_id, a.anomaly_type, a.anomaly_id, a.baseline, a.deviation_factor, a.period
      FROM unnest($2::uuid[], $3::text[]) AS asked (story_id, anomaly_type)
      JOIN app.cost_anomaly AS a
        ON a.tenant_id = $1 AND a.story_id = asked.story_id AND a.anomaly_type = asked.anomaly_type AND NOT a.resolved
     ORDER BY a.position
"""

LIST = """
    SELECT a.*, g.name AS agent_name, g.agent_id, coalesce(s.title, a.story_title) AS title, count(*) OVER () AS total
      FROM app.cost_anomaly AS a
      LEFT JOIN app.story AS s ON s.tenant_id = $1 AND s.story_id = a.story_id
      LEFT JOIN app.agent AS g ON g.tenant_id = $1 AND g.agent_id = s.assigned_agent_id
     WHERE a.tenant_id = $1 AND a.resolved = $2 AND ($3 OR NOT a.archived)
       AND ($4::text IS NULL OR a.anomaly_type = $4) AND ($5::uuid IS NULL OR a.project_id = $5)
     ORDER BY a.created_at DESC, a.anomaly_id DESC
     LIMIT $6 OFFSET $7
"""

ARCHIVALS = Entity(name="token_data", state=Archival, identity="archival_id", evolve=evolve_archival)


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    for part, before in parted(recorded):
        await ANOMALIES.apply(tx, part)
        if before is not None:
            await tx.execute(ARCHIVE, tx.tenant_id, before)


OpenKey = tuple[UUID, str]
"""A story and a type of anomaly."""


class OpenAnomalies(Model[OpenKey, OpenAnomaly | None]):
    """The unresolved one of a story and a type, of which there is at most one."""

    name = "open_cost_anomaly"
    events = COST_ANOMALY_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[OpenKey]) -> Mapping[OpenKey, OpenAnomaly]:
        rows = await tx.fetch(OPEN, tx.tenant_id, [story for story, _ in keys], [kind for _, kind in keys])
        return {
            (row["story_id"], row["anomaly_type"]): OpenAnomaly(
                row["anomaly_id"], row["baseline"], row["deviation_factor"], row["period"]
            )
            for row in rows
        }

    def initial(self, _: OpenKey) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[OpenKey]:
        event = recorded.event
        return [(event.story_id, event.anomaly_type)] if COST_ANOMALY_EVENTS.has(event) else ()

    def evolve(self, state: OpenAnomaly | None, recorded: Recorded) -> OpenAnomaly | None:
        return evolve_open(state, recorded)


OPEN_ANOMALY = OpenAnomalies()


class AnomalyFilter(Struct, frozen=True, kw_only=True):
    """``None`` filters nothing."""

    resolved: bool = False
    include_archived: bool = False
    anomaly_type: str | None = None
    project_id: UUID | None = None


class ListedAnomaly(Struct, frozen=True):
    """With the story's title and the agent that has it now."""

    anomaly: CostAnomaly
    title: str
    agent_id: UUID | None
    agent_name: str | None


async def list_anomalies(
    tx: TenantTx, wanted: AnomalyFilter, limit: int, offset: int
) -> tuple[Sequence[ListedAnomaly], int]:
    """The newest first; and how many there are on all pages."""
    filters = (tx.tenant_id, wanted.resolved, wanted.include_archived, wanted.anomaly_type, wanted.project_id)
    rows = await tx.fetch(LIST, *filters, limit, offset)
    counted = rows or (await tx.fetch(LIST, *filters, 1, 0) if offset else [])
    return [_listed(row) for row in rows], counted[0]["total"] if counted else 0


def _listed(row: Any) -> ListedAnomaly:
    return ListedAnomaly(ANOMALIES.from_row(row), row["title"], row["agent_id"], row["agent_name"])
