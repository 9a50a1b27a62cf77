"""How far a story's epic is, for the decision whether the story completes it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.event import Recorded
from domain.lifecycle.completion import STANDING_EVENTS, EpicStanding, evolve_standing
from eventstore.database.transaction import TenantTx
from eventstore.log.command import EVERY, Model

# Each row is found by its key, whatever the planner believes about tables that have just grown.
LOAD = """
    SELECT s.story_id, e.epic_id, e.project_id, e.number, e.title, e.completed, p.stories,
           p.stories - p.verified AS unverified
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT t.story_id, t.epic_id FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = asked.id LIMIT 1
     ) AS s
     CROSS JOIN LATERAL (
           SELECT t.* FROM app.epic AS t WHERE t.tenant_id = $1 AND t.epic_id = s.epic_id LIMIT 1
     ) AS e
     CROSS JOIN LATERAL (
           SELECT t.* FROM app.epic_progress AS t WHERE t.tenant_id = $1 AND t.epic_id = s.epic_id LIMIT 1
     ) AS p
"""


class EpicStandingModel(Model[UUID, EpicStanding | None]):
    """By story. Volatile: a story's epic is known when the story is."""

    name = "epic_standing"
    volatile = True
    events = STANDING_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, EpicStanding | None]:
        rows = await tx.fetch(LOAD, tx.tenant_id, list(keys))
        return {
            row["story_id"]: EpicStanding(**{name: row[name] for name in EpicStanding.__struct_fields__})
            for row in rows
        }

    def initial(self, _: UUID) -> None:
        return None

    def touched(self, _: Recorded) -> Sequence[UUID]:
        return EVERY

    def evolve(self, standing: EpicStanding | None, recorded: Recorded) -> EpicStanding | None:
        return evolve_standing(standing, recorded)


EPIC_STANDING = EpicStandingModel()
