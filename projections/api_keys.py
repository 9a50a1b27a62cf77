"""The API keys of a tenant, without anything secret."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.event import Recorded
from domain.tenant import ApiKeyCreated
from eventstore.transaction import TenantTx

INSERT = """
    INSERT INTO app.api_key (tenant_id, key_id, name, role, key_prefix, agent_id, created_at, expires_at, position)
    SELECT $1, key_id, name, role, key_prefix, agent_id, created_at, expires_at, position
      FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[], $8::timestamptz[],
                  $9::bigint[])
           AS given (key_id, name, role, key_prefix, agent_id, created_at, expires_at, position)
"""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    created = [(each, each.event) for each in recorded if isinstance(each.event, ApiKeyCreated)]
    if not created:
        return
    await tx.execute(
        INSERT,
        tx.tenant_id,
        [each.stream.id for each, _ in created],
        [event.name for _, event in created],
        [event.role for _, event in created],
        [event.key_prefix for _, event in created],
        [UUID(event.agent_id) if event.agent_id else None for _, event in created],
        [each.at for each, _ in created],
        [datetime.fromisoformat(event.expires_at) if event.expires_at else None for _, event in created],
        [each.position for each, _ in created],
    )
