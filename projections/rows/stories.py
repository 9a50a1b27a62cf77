"""Stories, as their events leave them, without their long texts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.lifecycle.evolve import evolve_story
from domain.story import Story
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

STORIES = Entity(name="story", state=Story, identity="story_id", evolve=evolve_story, replaces=True)
# The statement of all transitions puts rows in their places by this.
REPLACE_ROWS = STORIES.insert


class StoryPage(Struct, frozen=True):
    """``rows`` say ``story_id`` and ``version``, which is another one after every write of the story;
    ``total`` is the number of stories on all pages."""

    rows: Sequence[Any]
    total: int


def page_of_rows(rows: Sequence[Any]) -> StoryPage:
    """As the functions return it: behind the page a row that says the total."""
    return StoryPage(rows[:-1], rows[-1]["total"])


TO_VERIFY = """
    SELECT *
      FROM app.story
     WHERE tenant_id = $1 AND epic_id = $2 AND agent_status = 'reported_done' AND verified_status <> 'verified'
     ORDER BY major, minor, story_id
"""


async def stories_to_verify(tx: TenantTx, epic_id: UUID) -> Sequence[Story]:
    """Those of the epic that are reported and not verified."""
    return [STORIES.from_row(row) for row in await tx.fetch(TO_VERIFY, tx.tenant_id, epic_id)]


HELD = """
    SELECT story_id
      FROM app.story
     WHERE tenant_id = $1 AND verified_status <> 'verified' AND agent_status <> 'pending'
       AND (assigned_agent_id = $2 OR contracted_by_agent_id = $2)
     ORDER BY story_id
"""


async def stories_held(tx: TenantTx, agent_id: UUID) -> Sequence[UUID]:
    """Those that the agent has contracted or claimed, and that are not done."""
    return [row["story_id"] for row in await tx.fetch(HELD, tx.tenant_id, agent_id)]
