"""Token usage as it was measured: a row for each export's model, session and story, and how far running totals are."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.event import Recorded
from domain.usage.metered import (
    METERED_USAGE_EVENTS,
    Mark,
    MeteredUsage,
    MeteredUsageRecorded,
    evolve_metered,
    unmarked,
)
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

TABLES = ("app.metered_usage", "app.metered_mark")
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

# By signal, because the same calls may be told by both. A cost that nobody knows is counted apart.
SUMS = """
    SELECT u.signal, sum(u.input_tokens)::bigint AS input_tokens,
           sum(u.cache_read_tokens)::bigint AS cache_read_tokens,
           sum(u.cache_write_tokens)::bigint AS cache_write_tokens, sum(u.output_tokens)::bigint AS output_tokens,
           sum(u.cost_millicents)::bigint AS cost_millicents, count(*) AS export_count,
           count(*) FILTER (WHERE u.cost_source = 'unpriced') AS unpriced_count
      FROM app.metered_usage AS u
     WHERE u.tenant_id = $1
       AND ($2::uuid IS NULL OR u.story_id = $2)
       AND ($3::uuid IS NULL OR u.project_id = $3)
     GROUP BY u.signal
     ORDER BY u.signal
"""

OF_AGENTS = """
    SELECT u.agent_id, u.signal,
           sum(u.input_tokens + u.cache_read_tokens + u.cache_write_tokens + u.output_tokens)::bigint AS tokens
      FROM app.metered_usage AS u
     WHERE u.tenant_id = $1
       AND u.agent_id = ANY ($2::uuid[])
       AND ($3::uuid IS NULL OR u.project_id = $3)
     GROUP BY u.agent_id, u.signal
     ORDER BY u.agent_id, u.signal
"""


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
    moved = {mark.series: mark for event in events for mark in event.marks}
    if moved:
        await tx.execute(MOVE, tx.tenant_id, msgspec.json.encode([*moved.values()]).decode())


async def metered_sums(
    tx: TenantTx, *, story_id: UUID | None = None, project_id: UUID | None = None
) -> Mapping[str, Any]:
    """By signal; one that nothing has come by is not there."""
    return {row["signal"]: row for row in await tx.fetch(SUMS, tx.tenant_id, story_id, project_id)}


async def metered_of_agents(
    tx: TenantTx, agents: Sequence[UUID], project_id: UUID | None
) -> Mapping[UUID, Mapping[str, int]]:
    """Tokens by signal of each."""
    found: dict[UUID, dict[str, int]] = {}
    for row in await tx.fetch(OF_AGENTS, tx.tenant_id, list(agents), project_id):
        found.setdefault(row["agent_id"], {})[row["signal"]] = row["tokens"]
    return found
