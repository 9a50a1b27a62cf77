"""Checkpoints of orchestrators, as their events leave them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.event import Recorded
from domain.orchestrator_state import OrchestratorState, evolve_orchestrator_state, state_id
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import decoded
from projections.rows.entity import Entity

TABLES = ("app.orchestrator_state",)

VERSIONS = """
    SELECT entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND stream_id = $2
     ORDER BY stream_version DESC
     LIMIT $3 OFFSET $4
"""

VERSION_COUNT = "SELECT count(*) FROM app.log_entry WHERE tenant_id = $1 AND stream_id = $2"

ORCHESTRATOR_STATES = Entity(
    name="orchestrator_state", state=OrchestratorState, identity="state_id", evolve=evolve_orchestrator_state
)


async def find_state(tx: TenantTx, project_id: UUID, state_key: str) -> OrchestratorState | None:
    wanted = state_id(project_id, state_key)
    return (await ORCHESTRATOR_STATES.load(tx, [wanted])).get(wanted)


async def read_versions(
    tx: TenantTx, codec: Codec, wanted: UUID, limit: int, offset: int
) -> tuple[Sequence[Recorded], int]:
    """The events of one checkpoint, newest first; and how many there are on all pages."""
    rows: list[Any] = await tx.fetch(VERSIONS, tx.tenant_id, wanted, limit, offset)
    return await decoded(tx, codec, rows), await tx.fetchval(VERSION_COUNT, tx.tenant_id, wanted)
