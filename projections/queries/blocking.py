"""What holds blocked stories back: stories that are not verified, of their own or in an epic that theirs waits for."""

from collections.abc import Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx

MOST_SHOWN = 100
"""Blocking stories of one blocked story: an epic of thousands would stand in each of hundreds of answers."""

DIRECT = """
    SELECT d.dependent_id AS dependent, s.story_id, s.epic_id, s.number, s.title, s.agent_status, s.verified_status,
           s.major, s.minor
      FROM unnest($2::uuid[]) AS asked (id)
      JOIN app.story_dependency AS d ON d.tenant_id = $1 AND d.dependent_id = asked.id
     CROSS JOIN LATERAL (
           SELECT * FROM app.story AS o WHERE o.tenant_id = $1 AND o.story_id = d.prerequisite_id LIMIT 1
     ) AS s
     WHERE s.verified_status <> 'verified'
     ORDER BY s.major, s.minor, s.story_id
"""

OPEN_EPICS = """
    SELECT d.dependent_id AS dependent, d.prerequisite_id AS epic_id, p.stories - p.verified AS open
      FROM unnest($2::uuid[]) AS asked (id)
      JOIN app.epic_dependency AS d ON d.tenant_id = $1 AND d.dependent_id = asked.id
      JOIN app.epic_progress AS p ON p.tenant_id = $1 AND p.epic_id = d.prerequisite_id
     WHERE p.stories > p.verified
"""

OPEN_STORIES = """
    SELECT s.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT o.story_id, o.epic_id, o.number, o.title, o.agent_status, o.verified_status, o.major, o.minor
             FROM app.story AS o
            WHERE o.tenant_id = $1 AND o.epic_id = asked.id AND o.verified_status <> 'verified'
            ORDER BY o.major, o.minor, o.story_id
            LIMIT $3
     ) AS s
"""


class Blocking(Struct, frozen=True):
    """The first ones by number, each once, with "story" or "epic" for the way that it blocks; and how many in all."""

    first: Sequence[tuple[Any, str]]
    count: int


async def blocking(tx: TenantTx, blocked: Mapping[UUID, UUID]) -> Mapping[UUID, Blocking]:
    """By blocked story, of which each comes with its epic. Three statements, however many there are."""
    direct = _grouped(await tx.fetch(DIRECT, tx.tenant_id, list(blocked)), "dependent")
    epics = _grouped(await tx.fetch(OPEN_EPICS, tx.tenant_id, list(set(blocked.values()))), "dependent")
    open_ones = list({row["epic_id"] for rows in epics.values() for row in rows})
    stories = _grouped(await tx.fetch(OPEN_STORIES, tx.tenant_id, open_ones, MOST_SHOWN), "epic_id")
    return {
        story_id: _blocking(direct.get(story_id, []), epics.get(epic_id, []), stories)
        for story_id, epic_id in blocked.items()
    }


def _blocking(direct: Sequence[Any], epics: Sequence[Any], stories: Mapping[UUID, Sequence[Any]]) -> Blocking:
    """A story that blocks both ways blocks as a story."""
    own, through = {row["story_id"] for row in direct}, {row["epic_id"] for row in epics}
    others = [[row for row in stories.get(epic, []) if row["story_id"] not in own] for epic in through]
    first = [
        (row, "story" if row["story_id"] in own else "epic")
        for row in islice(merge(direct, *others, key=_place), MOST_SHOWN)
    ]
    twice = sum(row["epic_id"] in through for row in direct)
    return Blocking(first, len(direct) + sum(row["open"] for row in epics) - twice)


def _place(row: Any) -> tuple[int, int, UUID]:
    return row["major"], row["minor"], row["story_id"]


def _grouped(rows: Sequence[Any], by: str) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row)
    return found
