"""Comments on a story, from the log itself: what was erased of them is gone from every reading at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import decoded

COMMENTS = """
    SELECT l.entry
      FROM (
           SELECT i.position
             FROM app.audit_index AS i
            WHERE i.tenant_id = $1 AND i.entity_id = $2 AND i.entity_type = 'story' AND i.action = 'commented'
            ORDER BY i.position
            LIMIT $3 OFFSET $4
      ) AS found
      JOIN app.log_entry AS l ON l.tenant_id = $1 AND l.position = found.position
     ORDER BY l.position
"""

HOW_MANY = """
    SELECT count(*)
      FROM app.audit_index AS i
     WHERE i.tenant_id = $1 AND i.entity_id = $2 AND i.entity_type = 'story' AND i.action = 'commented'
"""


async def list_comments(
    tx: TenantTx, codec: Codec, story_id: UUID, limit: int, offset: int
) -> tuple[Sequence[Recorded], int]:
    """Oldest first; and how many there are on all pages."""
    rows: list[Any] = await tx.fetch(COMMENTS, tx.tenant_id, story_id, limit, offset)
    total: int = await tx.fetchval(HOW_MANY, tx.tenant_id, story_id)
    return await decoded(tx, codec, rows), total
