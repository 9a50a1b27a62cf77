"""A tenant's newest recovery, as its events leave it."""

from uuid import UUID

from domain.recovery import Recovery, evolve_recovery, recovery_stream
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

RECOVERIES = Entity(name="recovery", state=Recovery, identity="recovery_id", evolve=evolve_recovery, replaces=True)


async def find_recovery(tx: TenantTx) -> Recovery | None:
    id_: UUID = recovery_stream(tx.tenant_id).id
    return (await RECOVERIES.load(tx, [id_])).get(id_)
