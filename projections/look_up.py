"""What transitions have to know, in one look: the head of the log, and states and ends of streams under it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.agent import Agent
from domain.key import ApiKey
from domain.lifecycle.completion import EpicStanding
from domain.lifecycle.runs import LastRun
from domain.story import Story, StoryText
from domain.tenant import Tenant
from domain.usage.budget import Budget
from eventstore.database.transaction import Database
from eventstore.log.append import Head, NoLog
from eventstore.log.short_way import Found
from loopctl.tlog.tree import parse_frontier
from projections.facts.budgets import TENANT
from projections.facts.prerequisites import Row, prerequisites_of

LOOK_UP = """
    SELECT size, last_leaf, frontier, stories, texts, agents, api_keys, tenants, waiting, standing, ends,
           CASE WHEN cardinality($9::uuid[]) > 0 THEN app.last_runs($1, $9) END AS runs,
           CASE WHEN cardinality($10::uuid[]) > 0 THEN app.blocking_budgets($1) END AS blocking
      FROM app.look_up($1, $2, $3, $4, $5, $6, $7, $8, $11)
"""

States = Mapping[Any, Any]


class OfStory(Struct, frozen=True):
    """How far the epic of a story is."""

    story_id: UUID
    standing: EpicStanding


class RunOfStory(Struct, frozen=True):
    """Its newest verification run."""

    story_id: UUID
    run: LastRun


def _read(rows: Any, states_of: Callable[[Any], States]) -> Callable[[str], States]:
    """``rows`` is the type of all of them."""
    decoder = msgspec.json.Decoder(rows)
    return lambda text: states_of(decoder.decode(text))


def _ordered(budgets: list[Budget]) -> tuple[Budget, ...]:
    return tuple(sorted(budgets, key=lambda each: each.budget_id))


MODELS: Mapping[str, tuple[str, Callable[[str], States]]] = {
    "story": ("stories", _read(list[Story], lambda rows: {row.story_id: row for row in rows})),
    "story_text": ("texts", _read(list[StoryText], lambda rows: {row.story_id: row for row in rows})),
    "agent": ("agents", _read(list[Agent], lambda rows: {row.agent_id: row for row in rows})),
    "api_key": ("api_keys", _read(list[ApiKey], lambda rows: {row.key_id: row for row in rows})),
    "tenant": ("tenants", _read(list[Tenant], lambda rows: {row.tenant_id: row for row in rows})),
    "prerequisites": ("waiting", _read(list[Row], prerequisites_of)),
    "epic_standing": ("standing", _read(list[OfStory], lambda rows: {row.story_id: row.standing for row in rows})),
    "last_run": ("runs", _read(list[RunOfStory], lambda rows: {row.story_id: row.run for row in rows})),
    "blocking_budgets": ("blocking", _read(list[Budget], lambda rows: {TENANT: _ordered(rows)})),
}
"""By the name of the model, in the order of the arguments: where its states are, and how they are read."""

ENDS = msgspec.json.Decoder(list[tuple[UUID, int, int]])


async def look_up(
    database: Database, tenant_id: UUID, asked: Mapping[str, Sequence[Any]], streams: Sequence[UUID]
) -> Found:
    """``asked`` are keys by model. Raises NoLog."""
    row = await database.ask(LOOK_UP, tenant_id, *(asked.get(name, ()) for name in MODELS), streams)
    if row is None or row["size"] is None:
        raise NoLog
    states = {name: read(text) for name, (column, read) in MODELS.items() if (text := row[column]) is not None}
    ends = {} if row["ends"] is None else {id_: (version, at) for id_, version, at in ENDS.decode(row["ends"])}
    return Found(Head(row["last_leaf"], parse_frontier(row["size"], row["frontier"])), states, ends)
