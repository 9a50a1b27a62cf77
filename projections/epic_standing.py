"""How far a story's epic is, for the decision whether the story completes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.event import Recorded
from domain.lifecycle.completion import EpicStanding, evolve_standing
from eventstore.command import EVERY
from eventstore.transaction import TenantTx

LOAD = """
    SELECT asked.id AS story_id, e.epic_id, e.project_id, e.number, e.title, e.completed, p.stories,
           p.stories - p.verified AS unverified
      FROM unnest($2::uuid[]) AS asked (id)
      JOIN app.story AS s ON s.tenant_id = $1 AND s.story_id = asked.id
      JOIN app.epic AS e ON e.tenant_id = $1 AND e.epic_id = s.epic_id
      JOIN app.epic_progress AS p ON p.tenant_id = $1 AND p.epic_id = e.epic_id
"""


class EpicStandingModel:
    """By story. Volatile: a story's epic is known when the story is."""

    name = "epic_standing"
    volatile = True

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, EpicStanding]:
        rows = await tx.fetch(LOAD, tx.tenant_id, list(keys))
        return {
            row["story_id"]: EpicStanding(**{name: row[name] for name in EpicStanding.__struct_fields__})
            for row in rows
        }

    def initial(self, _: Any) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[Any]:
        return EVERY if recorded.stream.kind in ("story", "epic") else ()

    def evolve(self, standing: EpicStanding | None, recorded: Recorded) -> EpicStanding | None:
        return evolve_standing(standing, recorded)
