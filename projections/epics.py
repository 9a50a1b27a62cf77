"""Epics, as their events leave them."""

from domain.epic import Epic, evolve_epic
from projections.entity import Entity

SELECT_ROWS = """
    SELECT found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.epic AS t WHERE t.tenant_id = $1 AND t.epic_id = asked.id LIMIT 1
     ) AS found
"""

DELETE_ROWS = """
    DELETE FROM app.epic
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM unnest($2::uuid[]) AS asked (id)
                CROSS JOIN LATERAL (
                      SELECT t.ctid FROM app.epic AS t
                       WHERE t.tenant_id = $1 AND t.epic_id = asked.id
                       LIMIT 1
                ) AS found))
"""

INSERT_ROWS = """
    INSERT INTO app.epic
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.epic, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

EPICS = Entity(
    name="epic",
    table="app.epic",
    kind="epic",
    state=Epic,
    identity="epic_id",
    evolve=evolve_epic,
    select=SELECT_ROWS,
    delete=DELETE_ROWS,
    insert=INSERT_ROWS,
)
