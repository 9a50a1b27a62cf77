"""The tenants themselves, each as the log that it is the first event of says."""

from collections.abc import Sequence

from domain.event import Recorded
from domain.tenant import TenantCreated
from eventstore.transaction import TenantTx

INSERT = """
    INSERT INTO app.tenant (tenant_id, slug, name, status, root_of_trust, created_at)
    VALUES ($1, $2, $3, 'active', $4, $5)
"""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    for each in recorded:
        if isinstance(each.event, TenantCreated):  # once in a log
            event = each.event
            await tx.execute(INSERT, tx.tenant_id, event.slug, event.name, event.root_of_trust, each.at)
