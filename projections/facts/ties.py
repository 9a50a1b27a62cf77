"""What has to be known of other stories before one is tied to them: who has an external id, who is above whom."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.story_details import Ties
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

HOLDER = """
    SELECT story_id, number
      FROM app.story
     WHERE tenant_id = $1 AND external_id = $3 AND project_id = $2 AND external_source = $4
     LIMIT 1
"""

BY_NUMBER = "SELECT story_id, number FROM app.story WHERE tenant_id = $1 AND project_id = $2 AND number = $3"

BY_ID = "SELECT story_id, number FROM app.story WHERE tenant_id = $1 AND project_id = $2 AND story_id = $3"

# Each step is a probe of the key; UNION ends it should there ever be a ring.
ABOVE = """
    WITH RECURSIVE above AS (
        SELECT $2::uuid AS story_id
         UNION
        SELECT t.parent_id
          FROM above
          JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = above.story_id
         WHERE t.parent_id IS NOT NULL
    )
    SELECT story_id FROM above
"""


class Tying(Struct, frozen=True):
    """What a story of the project is to be tied to: id and source elsewhere, the parent by number or id."""

    project_id: UUID
    external_id: str | None
    external_source: str | None
    parent: UUID | str | None


class StoryTies(Model[Tying, Ties]):
    """For commands that have a batch to themselves: changes by others are not followed."""

    name = "story_ties"
    volatile = True
    events = ()

    async def load(self, tx: TenantTx, keys: Sequence[Tying]) -> Mapping[Tying, Ties]:
        return {key: await _ties(tx, key) for key in keys}

    def initial(self, _: Tying) -> Ties:
        return Ties()

    def touched(self, _: Recorded) -> Sequence[Tying]:
        return ()

    def evolve(self, known: Ties, _: Recorded) -> Ties:
        return known


STORY_TIES = StoryTies()


async def _ties(tx: TenantTx, wanted: Tying) -> Ties:
    holder = parent = None
    if wanted.external_id and wanted.external_source:
        holder = await tx.fetchrow(HOLDER, tx.tenant_id, wanted.project_id, wanted.external_id, wanted.external_source)
    if wanted.parent:
        statement = BY_ID if isinstance(wanted.parent, UUID) else BY_NUMBER
        parent = await tx.fetchrow(statement, tx.tenant_id, wanted.project_id, wanted.parent)
    rows = await tx.fetch(ABOVE, tx.tenant_id, parent["story_id"]) if parent else []
    return Ties(
        holder=(holder["story_id"], holder["number"]) if holder else None,
        parent=(parent["story_id"], parent["number"]) if parent else None,
        above=tuple(row["story_id"] for row in rows),
    )
