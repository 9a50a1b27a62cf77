"""Which story waits for which."""

from domain.dependency import Dependency, evolve_dependency
from projections.rows.entity import Entity

SELECT_ROWS = """
    SELECT found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.story_dependency AS t WHERE t.tenant_id = $1 AND t.dependency_id = asked.id LIMIT 1
     ) AS found
"""

DELETE_ROWS = """
    DELETE FROM app.story_dependency
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM unnest($2::uuid[]) AS asked (id)
                CROSS JOIN LATERAL (
                      SELECT t.ctid FROM app.story_dependency AS t
                       WHERE t.tenant_id = $1 AND t.dependency_id = asked.id
                       LIMIT 1
                ) AS found))
"""

INSERT_ROWS = """
    INSERT INTO app.story_dependency
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.story_dependency, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

STORY_DEPENDENCIES = Entity(
    name="story_dependency",
    table="app.story_dependency",
    kind="story_dependency",
    state=Dependency,
    identity="dependency_id",
    evolve=evolve_dependency,
    select=SELECT_ROWS,
    delete=DELETE_ROWS,
    insert=INSERT_ROWS,
)
