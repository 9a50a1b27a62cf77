"""Reports of token usage, one row each, and their running sums: what a budget is compared with.

Both are written with the report itself, so that two reports can never both see room for one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from domain.event import Recorded
from domain.usage.events import TOKEN_USAGE_EVENTS
from domain.usage.figures import NOTHING, Figures, Scope, figures_of, scopes_of_event
from domain.usage.report import UsageReport, evolve_report
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

TABLES = ("app.token_usage_report", "app.usage_spend")
REPORTS = Entity(
    name="token_usage_report", state=UsageReport, identity="report_id", evolve=evolve_report, replaces=True,
)  # fmt: skip

FIGURES = Figures.__struct_fields__

ADD = f"""
    INSERT INTO app.usage_spend AS s (tenant_id, scope_type, scope_id, {", ".join(FIGURES)})
    SELECT $1::uuid, r.scope_type, r.scope_id, {", ".join(f"r.{name}" for name in FIGURES)}
      FROM json_populate_recordset(NULL::app.usage_spend, $2::json) AS r
        ON CONFLICT (tenant_id, scope_type, scope_id) DO UPDATE
       SET {", ".join(f"{name} = s.{name} + excluded.{name}" for name in FIGURES)}
"""  # noqa: S608  # names of our own

SPENT = f"""
    SELECT asked.scope_type, asked.scope_id, {", ".join(f"s.{name}" for name in FIGURES)}
      FROM unnest($2::text[], $3::uuid[]) AS asked (scope_type, scope_id)
      JOIN app.usage_spend AS s
        ON s.tenant_id = $1 AND s.scope_type = asked.scope_type AND s.scope_id = asked.scope_id
"""  # noqa: S608  # names of our own

OF_STORY = """
    SELECT *, count(*) OVER () AS total
      FROM app.token_usage_report
     WHERE tenant_id = $1 AND story_id = $2 AND deleted_at IS NULL
     ORDER BY created_at DESC, position DESC
     LIMIT $3 OFFSET $4
"""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    sums: dict[Scope, Figures] = {}
    for each in recorded:
        if TOKEN_USAGE_EVENTS.has(each.event):
            figures = figures_of(each.event)
            for scope in scopes_of_event(each.event):
                sums[scope] = sums.get(scope, NOTHING).plus(figures)
    if not sums:
        return
    await REPORTS.apply(tx, recorded)
    rows = [{"scope_type": kind, "scope_id": id_, **structs.asdict(sums[kind, id_])} for kind, id_ in sorted(sums)]
    await tx.execute(ADD, tx.tenant_id, msgspec.json.encode(rows).decode())


async def spent(tx: TenantTx, scopes: Sequence[Scope]) -> Mapping[Scope, Figures]:
    """Those that anything was spent in."""
    rows = await tx.fetch(SPENT, tx.tenant_id, [kind for kind, _ in scopes], [id_ for _, id_ in scopes])
    return {(row["scope_type"], row["scope_id"]): figures_in(row) for row in rows}


def figures_in(row: Any) -> Figures:
    return Figures(*(int(row[name]) for name in FIGURES))


async def usage_of_story(
    tx: TenantTx, story_id: UUID, limit: int, offset: int
) -> tuple[Sequence[UsageReport], int, Figures]:
    """The newest first; how many there are, and what all of them come to."""
    rows = await tx.fetch(OF_STORY, tx.tenant_id, story_id, limit, offset)
    scope: Scope = ("story", story_id)
    total = (await spent(tx, [scope])).get(scope, NOTHING)
    return [REPORTS.from_row(row) for row in rows], total.report_count, total
