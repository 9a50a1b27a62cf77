"""The long texts of stories. Most events of a story do not touch them."""

from domain.lifecycle.evolve import TEXT_EVENTS, evolve_text
from domain.story import StoryText
from projections.rows.entity import Entity

SELECT_ROWS = """
    SELECT found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.story_text AS t WHERE t.tenant_id = $1 AND t.story_id = asked.id LIMIT 1
     ) AS found
"""

DELETE_ROWS = """
    DELETE FROM app.story_text
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM unnest($2::uuid[]) AS asked (id)
                CROSS JOIN LATERAL (
                      SELECT t.ctid FROM app.story_text AS t
                       WHERE t.tenant_id = $1 AND t.story_id = asked.id
                       LIMIT 1
                ) AS found))
"""

INSERT_ROWS = """
    INSERT INTO app.story_text
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.story_text, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

STORY_TEXTS = Entity(
    name="story_text",
    table="app.story_text",
    kind="story",
    state=StoryText,
    identity="story_id",
    evolve=evolve_text,
    select=SELECT_ROWS,
    delete=DELETE_ROWS,
    insert=INSERT_ROWS,
    events=TEXT_EVENTS,
)
