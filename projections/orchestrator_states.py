"""Checkpoints of orchestrators, as their events leave them."""

from uuid import UUID

from domain.orchestrator_state import OrchestratorState, evolve_orchestrator_state, state_id
from eventstore.transaction import TenantTx
from projections.entity import Entity

TABLES = ("app.orchestrator_state",)

SELECT_ROWS = """
    SELECT found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.orchestrator_state AS t WHERE t.tenant_id = $1 AND t.state_id = asked.id LIMIT 1
     ) AS found
"""

DELETE_ROWS = """
    DELETE FROM app.orchestrator_state
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM unnest($2::uuid[]) AS asked (id)
                CROSS JOIN LATERAL (
                      SELECT t.ctid FROM app.orchestrator_state AS t
                       WHERE t.tenant_id = $1 AND t.state_id = asked.id
                       LIMIT 1
                ) AS found))
"""

INSERT_ROWS = """
    INSERT INTO app.orchestrator_state
    SELECT *
      FROM jsonb_populate_recordset(
               jsonb_populate_record(NULL::app.orchestrator_state, jsonb_build_object('tenant_id', $1::uuid)),
               $2::jsonb)
"""

ORCHESTRATOR_STATES = Entity(
    name="orchestrator_state",
    table="app.orchestrator_state",
    kind="orchestrator_state",
    state=OrchestratorState,
    identity="state_id",
    evolve=evolve_orchestrator_state,
    select=SELECT_ROWS,
    delete=DELETE_ROWS,
    insert=INSERT_ROWS,
)


async def find_state(tx: TenantTx, project_id: UUID, state_key: str) -> OrchestratorState | None:
    wanted = state_id(project_id, state_key)
    return (await ORCHESTRATOR_STATES.load(tx, [wanted])).get(wanted)
