"""Capabilities: of each story the newest of each kind, gone with the story."""

from collections.abc import Sequence

from domain.capability import Capability, evolve_capability
from domain.event import Recorded
from domain.story import StoryDeleted
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

CAPABILITIES = Entity(name="capability", state=Capability, identity="slot_id", evolve=evolve_capability, replaces=True)

FORGET = "DELETE FROM app.capability WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await CAPABILITIES.apply(tx, recorded)
    gone = [each.stream.id for each in recorded if isinstance(each.event, StoryDeleted)]
    if gone:
        await tx.execute(FORGET, tx.tenant_id, gone)
