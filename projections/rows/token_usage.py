"""Reports of token usage, one row each, and their running sums: what a budget is compared with, and what rankings read.

All are written with the report itself, so that two reports can never both see room for one, and whoever has reported
reads it back at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from domain.event import Recorded
from domain.usage.archival import TokenDataArchived, parted
from domain.usage.events import TOKEN_USAGE_EVENTS, TokenUsageEvent
from domain.usage.figures import NOTHING, Figures, Scope, agent_in, attempt_scope, figures_of, scopes_of_event
from domain.usage.report import UsageReport, evolve_report
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

TABLES = ("app.token_usage_report", "app.usage_spend", "app.usage_slice")
REPORTS = Entity(
    name="token_usage_report", state=UsageReport, identity="report_id", evolve=evolve_report, replaces=True,
    spreading=(TokenDataArchived,),
)  # fmt: skip

FIGURES = Figures.__struct_fields__
EVERYBODY = UUID(int=0)
AGENT_STORY = "agent_story"
"""A sum that is kept for nothing but to see when an agent's first report of a story comes."""

ADD = f"""
    INSERT INTO app.usage_spend AS s (tenant_id, scope_type, scope_id, {", ".join(FIGURES)})
    SELECT $1::uuid, r.scope_type, r.scope_id, {", ".join(f"r.{name}" for name in FIGURES)}
      FROM json_populate_recordset(NULL::app.usage_spend, $2::json) AS r
        ON CONFLICT (tenant_id, scope_type, scope_id) DO UPDATE
       SET {", ".join(f"{name} = s.{name} + excluded.{name}" for name in FIGURES)}
    RETURNING s.scope_type, s.scope_id, s.report_count
"""  # noqa: S608  # names of our own

SLICED = ("story_count", *FIGURES)
ADD_SLICES = f"""
    INSERT INTO app.usage_slice AS s (tenant_id, project_id, agent_id, model_name, phase, {", ".join(SLICED)})
    SELECT $1::uuid, r.project_id, r.agent_id, r.model_name, r.phase, {", ".join(f"r.{name}" for name in SLICED)}
      FROM json_populate_recordset(NULL::app.usage_slice, $2::json) AS r
        ON CONFLICT (tenant_id, project_id, agent_id, model_name, phase) DO UPDATE
       SET {", ".join(f"{name} = s.{name} + excluded.{name}" for name in SLICED)}
"""  # noqa: S608  # names of our own

SPENT = f"""
    SELECT asked.scope_type, asked.scope_id, {", ".join(f"s.{name}" for name in FIGURES)}
      FROM unnest($2::text[], $3::uuid[]) AS asked (scope_type, scope_id)
      JOIN app.usage_spend AS s
        ON s.tenant_id = $1 AND s.scope_type = asked.scope_type AND s.scope_id = asked.scope_id
"""  # noqa: S608  # names of our own

ARCHIVE = "DELETE FROM app.token_usage_report WHERE tenant_id = $1 AND created_at < $2"

OF_STORY = """
    SELECT *, count(*) OVER () AS total
      FROM app.token_usage_report
     WHERE tenant_id = $1 AND story_id = $2 AND deleted_at IS NULL
     ORDER BY created_at DESC, position DESC
     LIMIT $3 OFFSET $4
"""

SliceKey = tuple[UUID, UUID, str, str]
"""Project, agent, model, phase."""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    """An archival takes rows, and leaves the sums."""
    for part, before in parted(recorded):
        events: list[TokenUsageEvent] = [each.event for each in part if TOKEN_USAGE_EVENTS.has(each.event)]
        if events:
            await _add(tx, part, events)
        if before is not None:
            await tx.execute(ARCHIVE, tx.tenant_id, before)


async def _add(tx: TenantTx, recorded: Sequence[Recorded], events: Sequence[TokenUsageEvent]) -> None:
    await REPORTS.apply(tx, recorded)
    sums = _sums(events)
    rows = [{"scope_type": kind, "scope_id": id_, **structs.asdict(sums[kind, id_])} for kind, id_ in sorted(sums)]
    after = await tx.fetch(ADD, tx.tenant_id, msgspec.json.encode(rows).decode())
    counts = {(row["scope_type"], row["scope_id"]): row["report_count"] for row in after}
    slices = _slices(events, {scope: _first_or_last(counts[scope], sums[scope]) for scope in sums})
    await tx.execute(ADD_SLICES, tx.tenant_id, msgspec.json.encode(slices).decode())


def _sums(events: Sequence[TokenUsageEvent]) -> dict[Scope, Figures]:
    sums: dict[Scope, Figures] = {}
    for event in events:
        figures, scopes = figures_of(event), [*scopes_of_event(event), attempt_scope(event)]
        if event.agent_id is not None:
            scopes.append((AGENT_STORY, agent_in(event.story_id, event.agent_id)))
        for scope in scopes:
            sums[scope] = sums.get(scope, NOTHING).plus(figures)
    return sums


def _first_or_last(count: int, added: Figures) -> int:
    """1 when there was no report before, -1 when there is none any more."""
    return int(count > 0) - int(count - added.report_count > 0)


def _slices(events: Sequence[TokenUsageEvent], begun: Mapping[Scope, int]) -> list[dict[str, Any]]:
    """``begun`` says of each sum whether it is the first of its story, or of an agent's story."""
    sums: dict[SliceKey, Figures] = {}
    stories: dict[SliceKey, dict[Scope, int]] = {}
    for event in events:
        agent, project = event.agent_id or EVERYBODY, event.project_id
        keys: list[SliceKey] = [(project, EVERYBODY, "", "")]
        stories.setdefault(keys[0], {})["story", event.story_id] = begun["story", event.story_id]
        if event.agent_id is not None:
            scope = (AGENT_STORY, agent_in(event.story_id, event.agent_id))
            keys += [(project, agent, "", ""), (project, agent, event.model_name, event.phase)]
            stories.setdefault(keys[1], {})[scope] = begun[scope]
        for key in keys:
            sums[key] = sums.get(key, NOTHING).plus(figures_of(event))
    return [
        {
            **dict(zip(("project_id", "agent_id", "model_name", "phase"), key, strict=True)),
            "story_count": sum(stories.get(key, {}).values()), **structs.asdict(sums[key]),
        }
        for key in sorted(sums)
    ]  # fmt: skip


async def spent(tx: TenantTx, scopes: Sequence[Scope]) -> Mapping[Scope, Figures]:
    """Those that anything was spent in."""
    rows = await tx.fetch(SPENT, tx.tenant_id, [kind for kind, _ in scopes], [id_ for _, id_ in scopes])
    return {(row["scope_type"], row["scope_id"]): figures_in(row) for row in rows}


def figures_in(row: Any) -> Figures:
    return Figures(*(int(row[name]) for name in FIGURES))


async def usage_of_story(
    tx: TenantTx, story_id: UUID, limit: int, offset: int
) -> tuple[Sequence[UsageReport], int, Figures]:
    """The newest first; how many there are, and what all of them come to, with those that are kept no longer."""
    rows = await tx.fetch(OF_STORY, tx.tenant_id, story_id, limit, offset)
    counted = rows or (await tx.fetch(OF_STORY, tx.tenant_id, story_id, 1, 0) if offset else [])
    scope: Scope = ("story", story_id)
    total = (await spent(tx, [scope])).get(scope, NOTHING)
    return [REPORTS.from_row(row) for row in rows], counted[0]["total"] if counted else 0, total
