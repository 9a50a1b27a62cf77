"""Stories, as their events leave them, without their long texts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.lifecycle.evolve import evolve_story
from domain.story import Story
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

SELECT_ROWS = """
    SELECT found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = asked.id LIMIT 1
     ) AS found
"""

DELETE_ROWS = """
    DELETE FROM app.story
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM unnest($2::uuid[]) AS asked (id)
                CROSS JOIN LATERAL (
                      SELECT t.ctid FROM app.story AS t
                       WHERE t.tenant_id = $1 AND t.story_id = asked.id
                       LIMIT 1
                ) AS found))
"""

# In place: none of the columns that transitions change is in an index, so that no index has to be written.
REPLACE_ROWS = f"""
    INSERT INTO app.story
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.story, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
        ON CONFLICT (tenant_id, story_id) DO UPDATE
       SET {", ".join(f"{name} = excluded.{name}" for name in Story.__struct_fields__ if name != "story_id")}
"""  # noqa: S608  # names of our own

STORIES = Entity(
    name="story",
    table="app.story",
    kind="story",
    state=Story,
    identity="story_id",
    evolve=evolve_story,
    select=SELECT_ROWS,
    delete=DELETE_ROWS,
    insert=REPLACE_ROWS,
    replaces=True,
)


class StoryPage(Struct, frozen=True):
    """``rows`` say ``story_id`` and ``version``, which is another one after every write of the story;
    ``total`` is the number of stories on all pages."""

    rows: Sequence[Any]
    total: int


TO_VERIFY = """
    SELECT *
      FROM app.story
     WHERE tenant_id = $1 AND epic_id = $2 AND agent_status = 'reported_done' AND verified_status <> 'verified'
     ORDER BY major, minor, story_id
"""


async def stories_to_verify(tx: TenantTx, epic_id: UUID) -> Sequence[Story]:
    """Those of the epic that are reported and not verified."""
    return [STORIES.from_row(row) for row in await tx.fetch(TO_VERIFY, tx.tenant_id, epic_id)]
