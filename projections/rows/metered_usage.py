"""Token usage as it was measured: a row for each export's model, session and story, what those come to for each story,
epic, project and agent, and how far running totals are."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from domain.event import Recorded
from domain.usage.figures import Scope
from domain.usage.metered import (
    METERED_USAGE_EVENTS,
    Mark,
    Measured,
    MeteredFigures,
    MeteredUsage,
    MeteredUsageRecorded,
    evolve_metered,
    metered_figures,
    metered_scopes,
    unmarked,
)
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

TABLES = ("app.metered_usage", "app.metered_mark", "app.metered_spend")
METERED_USAGE = Entity(name="metered_usage", state=MeteredUsage, identity="metered_id", evolve=evolve_metered)

MOVE = """
    INSERT INTO app.metered_mark (tenant_id, series, start, at, value)
    SELECT $1::uuid, m.series, m.start, m.at, m.value
      FROM json_populate_recordset(NULL::app.metered_mark, $2::json) AS m
        ON CONFLICT (tenant_id, series) DO UPDATE
       SET start = excluded.start, at = excluded.at, value = excluded.value
"""
MARKS = """
    SELECT m.series, m.start, m.at, m.value
      FROM unnest($2::uuid[]) AS asked (series)
      JOIN app.metered_mark AS m ON m.tenant_id = $1 AND m.series = asked.series
"""

FIGURES = MeteredFigures.__struct_fields__
ADD = f"""
    INSERT INTO app.metered_spend AS s (tenant_id, scope_type, scope_id, signal, {", ".join(FIGURES)})
    SELECT $1::uuid, r.scope_type, r.scope_id, r.signal, {", ".join(f"r.{name}" for name in FIGURES)}
      FROM json_populate_recordset(NULL::app.metered_spend, $2::json) AS r
        ON CONFLICT (tenant_id, scope_type, scope_id, signal) DO UPDATE
       SET {", ".join(f"{name} = s.{name} + excluded.{name}" for name in FIGURES)}
"""  # noqa: S608  # names of our own
SUMS = f"""
    SELECT asked.scope_type, asked.scope_id, s.signal, {", ".join(f"s.{name}" for name in FIGURES)}
      FROM unnest($2::text[], $3::uuid[]) AS asked (scope_type, scope_id)
      JOIN app.metered_spend AS s
        ON s.tenant_id = $1 AND s.scope_type = asked.scope_type AND s.scope_id = asked.scope_id
"""  # noqa: S608  # names of our own


class Marks(Model[UUID, Mark]):
    """How far a running total has come, by its series."""

    name = "metered_mark"
    events = METERED_USAGE_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Mark]:
        return {row["series"]: Mark(*row) for row in await tx.fetch(MARKS, tx.tenant_id, list(keys))}

    def initial(self, key: UUID) -> Mark:
        return unmarked(key)

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        event = recorded.event
        return [mark.series for mark in event.marks] if isinstance(event, MeteredUsageRecorded) else ()

    def evolve(self, state: Mark, recorded: Recorded) -> Mark:
        event = recorded.event
        marks = event.marks if isinstance(event, MeteredUsageRecorded) else ()
        return next((mark for mark in reversed(marks) if mark.series == state.series), state)


METERED_MARKS = Marks()


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await METERED_USAGE.apply(tx, recorded)
    events = [each.event for each in recorded if isinstance(each.event, MeteredUsageRecorded)]
    if not events:
        return
    await tx.execute(ADD, tx.tenant_id, msgspec.json.encode(_sums(events)).decode())
    moved = {mark.series: mark for event in events for mark in event.marks}
    if moved:
        await tx.execute(MOVE, tx.tenant_id, msgspec.json.encode([*moved.values()]).decode())


def _sums(events: Sequence[MeteredUsageRecorded]) -> list[dict[str, Any]]:
    sums: dict[tuple[Scope, str], MeteredFigures] = {}
    for event in events:
        for scope in metered_scopes(event):
            key = (scope, event.signal)
            sums[key] = sums.get(key, MeteredFigures()).plus(metered_figures(event))
    return [
        {"scope_type": kind, "scope_id": id_, "signal": signal, **structs.asdict(sums[(kind, id_), signal])}
        for (kind, id_), signal in sorted(sums)
    ]


async def metered(tx: TenantTx, scopes: Sequence[Scope]) -> Mapping[Scope, Measured]:
    """Those that anything was measured of."""
    found: dict[Scope, dict[str, MeteredFigures]] = {}
    for row in await tx.fetch(SUMS, tx.tenant_id, [kind for kind, _ in scopes], [id_ for _, id_ in scopes]):
        found.setdefault((row["scope_type"], row["scope_id"]), {})[row["signal"]] = metered_in(row)
    return found


def metered_in(row: Any) -> MeteredFigures:
    return MeteredFigures(*(int(row[name]) for name in FIGURES))
